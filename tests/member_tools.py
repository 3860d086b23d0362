"""A member at the pages of their account, in a browser without a screen."""

from __future__ import annotations

from collections.abc import Callable

from tests.browser_tools import Form, Page, TestBrowser
from tests.factories import Person
from tests.leftovers import all_rows
from tests.stage import Stage

CHANGES_BY_LOOKING = ("browser", "browser_account")
"""Tables in which a visit leaves a trace whatever comes of it."""


class Member:
    """Opens pages and sends their forms as one person."""

    def __init__(self, stage: Stage, person: Person, browser: TestBrowser | None = None) -> None:
        self.stage = stage
        self.person = person
        self.browser = browser or TestBrowser(stage.web)
        self.root = f"/account/u/{person.did}"

    def sign_in(self, *, remember: bool = True) -> Page:
        """Sign in on the page for that."""
        page = self.browser.open("/account/sign-in")
        form = page.form("/account/sign-in")
        return self.browser.submit(
            form, identifier=self.person.handle, password=self.person.password, remember=remember
        )

    def confirm(self, page: Page) -> Page:
        """Type the password once more on the page that asks for it."""
        form = page.form(f"{self.root}/confirm")
        return self.browser.submit(form, password=self.person.password)

    def open(self, at: str = "") -> Page:
        """A page of the account. at: its path below the account's own."""
        return self.browser.open(self.root + at, site="same-origin")

    def form(self, at: str, action: str | None = None, number: int = 0) -> Form:
        """A form of a page, by where it is sent; the first of those that go there."""
        wanted = self.root + (at if action is None else action)
        found = [form for form in self.open(at).forms if form.action == wanted]
        return found[number]

    def send(self, at: str, action: str | None = None, **values: str | bool) -> Page:
        """Open a page and send one of its forms."""
        return self.submit(self.form(at, action), **values)

    def submit(self, form: Form, **values: str | bool) -> Page:
        """Fill in and send a form of a page."""
        send: Callable[..., Page] = self.browser.submit
        return send(form, **values)


def everything() -> dict[str, list[tuple[object, ...]]]:
    """All that is stored, but for what browsers leave behind by looking."""
    return {name: rows for name, rows in all_rows().items() if name not in CHANGES_BY_LOOKING}
