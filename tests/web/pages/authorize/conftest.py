"""A server over HTTP, a browser, and clients that ask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from pds.services.oauth.model import Client
from tests.authorizing import CONFIDENTIAL, Asking, address
from tests.browser_tools import Page, TestBrowser
from tests.factories import Person
from tests.stage import Stage


class Member:
    """Somebody at a browser whom an app has sent here."""

    def __init__(self, stage: Stage, asking: Asking) -> None:
        self.services = stage.services
        self.asking = asking
        self.browser = TestBrowser(stage.web, origin=stage.services.config.public_url)

    def ask(self, client: Client = CONFIDENTIAL, **parameters: Any) -> str:
        """A request of the client's; where to open it."""
        self.asking.now_us = self.services.clock()
        return address(client, self.asking.push(client, **parameters))

    def arrive(self, client: Client = CONFIDENTIAL, **parameters: Any) -> Page:
        """Open a new request."""
        return self.browser.open(self.ask(client, **parameters), site="cross-site")

    def sign_in(self, page: Page, person: Person, *, remember: bool = True) -> Page:
        """Fill in the sign-in page."""
        form = page.form("/oauth/authorize/sign-in")
        if not form["identifier"].is_fixed:
            form["identifier"].value = person.handle
        return self.browser.submit(form, password=person.password, remember=remember)

    def allow(self, page: Page, *, but: Sequence[str] = ()) -> Page:
        """Agree. but: cards that are unticked."""
        form = page.form("/oauth/authorize/consent")
        return self.browser.submit(form, without={"allow": but})

    def deny(self, page: Page) -> Page:
        return self.browser.submit(page.form("/oauth/authorize/deny"))

    def remembered(self, person: Person, client: Client = CONFIDENTIAL) -> str:
        """Sign in to stay, and allow the app everything; where that ended."""
        page = self.arrive(client, login_hint=person.did)
        if page.heading == "Sign in":
            page = self.sign_in(page, person)
        page = self.allow(page)
        assert page.leads_to is not None
        return page.leads_to


@pytest.fixture
def member(stage: Stage, asking: Asking) -> Member:
    return Member(stage, asking)


@pytest.fixture
def other(stage: Stage, asking: Asking) -> Member:
    """Somebody else, at another browser."""
    return Member(stage, asking)
