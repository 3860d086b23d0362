"""The whole server with clients that need no network."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from pds.services.oauth.client_credentials import ClientAuthentication
from tests.app_over_http import AppOverHttp
from tests.atproto.oauth.tokens import key_pair
from tests.grant_tools import CLIENT_ID
from tests.oauth_client import KID, FakeClients
from tests.token_tools import CONFIDENTIAL_ID, KEY_1, FakeSets, app, build_grants

if TYPE_CHECKING:
    from pds.services import Services
    from tests.stage import Stage

SIGNING_KEY = key_pair(number=7)


@pytest.fixture
def clients() -> FakeClients:
    fake = FakeClients()
    fake.add(app().client)
    fake.add(app(KEY_1, client_id=CONFIDENTIAL_ID).client, SIGNING_KEY.published(KID))
    return fake


@pytest.fixture
def sets() -> FakeSets:
    return FakeSets()


@pytest.fixture
def stage(services: Services, clients: FakeClients, sets: FakeSets) -> Iterator[Stage]:
    """As ``stage`` everywhere, but for who the clients are and what sets there are."""
    from tests.stage import open_stage

    authentication = ClientAuthentication(clients, services.config.public_url, services.clock)
    oauth = dataclasses.replace(
        services.oauth, authentication=authentication, grants=build_grants(services, sets)
    )
    with open_stage(dataclasses.replace(services, oauth=oauth)) as opened:
        yield opened


@pytest.fixture
def public_app(stage: Stage) -> AppOverHttp:
    services = stage.services
    return AppOverHttp(stage.web, services.config.public_url, CLIENT_ID, services.clock)


@pytest.fixture
def confidential_app(stage: Stage) -> AppOverHttp:
    services = stage.services
    return AppOverHttp(
        stage.web,
        services.config.public_url,
        CONFIDENTIAL_ID,
        services.clock,
        key=key_pair(number=1),
        signing_key=SIGNING_KEY,
    )
