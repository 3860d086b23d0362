"""Pushing requests as clients whose documents really are fetched."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from pds.config import Config
from tests.atproto.oauth.tokens import key_pair
from tests.factories import StillClock, make_config
from tests.fakes.oauth_app import OAuthApp, oauth_app
from tests.oauth_client import KID, Pushing
from tests.stage import Stage, open_stage

if TYPE_CHECKING:
    from pds.services import Services


@pytest.fixture
def pushing(stage: Stage, clock: StillClock) -> Pushing:
    return Pushing(stage, clock)


@pytest.fixture
def app() -> Iterator[OAuthApp]:
    with oauth_app() as opened:
        yield opened


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return make_config(tmp_path, oauth_test_clients="true", rate_limits_enabled="true")


def test_program_on_the_developers_machine(pushing: Pushing) -> None:
    query = urlencode({"redirect_uri": "http://127.0.0.1:80/cb", "scope": "atproto repo:*"})

    answer = pushing.push(
        f"http://localhost?{query}",
        redirect_uri="http://127.0.0.1:80/cb",
        scope="atproto repo:*",
    )

    assert answer.status == 201, answer.body


def test_confidential_client_with_keys_elsewhere(pushing: Pushing, app: OAuthApp) -> None:
    key = key_pair(number=7)
    app.publish(app.confidential(jwks_uri=app.jwks_uri))
    app.publish_keys(key.published(KID))

    answer = pushing.push(app.client_id, redirect_uri="", **pushing.assertion(app.client_id))

    assert answer.status == 201, answer.body


def test_what_is_wrong_with_a_document_is_said(pushing: Pushing, app: OAuthApp) -> None:
    app.publish(app.document(dpop_bound_access_tokens=False))

    answer = pushing.push(app.client_id, redirect_uri=app.redirect_uri)

    assert (answer.status, answer.json["error"]) == (400, "invalid_client_metadata")
    assert "dpop_bound_access_tokens" in answer.json["error_description"]


def test_address_may_push_so_often_and_then_we_fetch_no_more(
    pushing: Pushing, app: OAuthApp
) -> None:
    answers = [pushing.push("http://localhost", state="").status for _ in range(100)]
    assert set(answers) == {400}

    answer = pushing.push(app.client_id, redirect_uri=app.redirect_uri)

    assert (answer.status, answer.json["error"]) == (429, "temporarily_unavailable")
    assert answer.headers["Retry-After"]
    assert app.times_asked() == 0


def test_hanging_documents_hold_up_nobody_else(services: Services, clock: StillClock) -> None:
    asked, let_go = threading.Event(), threading.Event()
    answers: list[tuple[int, str]] = []

    def hang(handler: Any) -> None:
        asked.set()
        let_go.wait(10)
        handler.close_connection = True

    with oauth_app() as app, open_stage(services, threads=2) as stage:
        app.server.otherwise = lambda _asked: hang
        pushing = Pushing(stage, clock)

        def push(number: int) -> None:
            client_id = f"{app.server.url}/{number}.json"
            answer = pushing.push(client_id, redirect_uri=app.redirect_uri)
            answers.append((answer.status, answer.json["error"]))

        threads = [threading.Thread(target=push, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        assert asked.wait(10)
        began = time.monotonic()
        for _ in range(5):
            assert stage.web.get("/xrpc/com.atproto.server.describeServer").status == 200
        took_s = time.monotonic() - began
        let_go.set()
        for thread in threads:
            thread.join()

    assert took_s < 2
    assert len(answers) == 12
    assert set(answers) <= {(400, "invalid_client_metadata"), (503, "temporarily_unavailable")}
