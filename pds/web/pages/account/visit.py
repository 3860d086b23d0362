"""A member at a page of their account, and how the page answers: shown, or gone on from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from flask import Response, request

from pds.errors import PdsError
from pds.web.pages import page
from pds.web.pages.account import words

if TYPE_CHECKING:
    from pds.services import Services
    from pds.services.accounts import AccountRow
    from pds.services.browsers import Browser, SignedIn

HOME: Final = ""
NAVIGATION: Final = (
    ("Overview", HOME),
    ("Handle", "/handle"),
    ("E-mail address", "/email"),
    ("Password", "/password"),
    ("Devices", "/devices"),
    ("Apps", "/apps"),
    ("App passwords", "/app-passwords"),
    ("Invite codes", "/invites"),
    ("Copy of your data", "/export"),
    ("Move away", "/move"),
    ("Pause or delete", "/status"),
)
_MAX_FIELD_CHARS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Visit:
    """Who looks at a page, and what has just gone wrong there, if anything.

    at: the page, as a path below the account's own. signed_in: the member, as the browser knows
    them. among: everybody who is signed in there.
    """

    services: Services
    browser: Browser
    signed_in: SignedIn
    among: tuple[AccountRow, ...]
    at: str
    error: PdsError | None = None

    @property
    def account(self) -> AccountRow:
        return self.signed_in.account

    @property
    def did(self) -> str:
        return self.account.did

    def refused(self, error: PdsError) -> Visit:
        """The same visit once more, with what was wrong."""
        return replace(self, error=error)

    def show(self, template: str, status: int = 200, **context: Any) -> Response:
        """The page. In its template ``me`` is the account, ``root`` how its pages begin."""
        response = page.render(
            template,
            status if self.error is None else self.error.status,
            browser=self.browser,
            me=self.account,
            root=self.root,
            here=self.root + self.at,
            navigation=self._navigation(),
            among=self.among,
            notice=None if self.error else _notice(self.services),
            error=None if self.error is None else words.of(self.error),
            **context,
        )
        if self.error is not None and self.error.retry_after is not None:
            response.headers["Retry-After"] = self.error.retry_after
        return response

    def go(self, to: str = HOME, done: str | None = None) -> Response:
        """On to another page. done: what it should say has worked, by its name in ``words``."""
        query = f"?{urlencode({'done': done})}" if done else ""
        return on_to(f"{self.root}{to}{query}")

    @property
    def root(self) -> str:
        return root_of(self.did)

    def _navigation(self) -> list[tuple[str, str]]:
        shows_invites = self.services.config.invite_required
        return [
            (label, self.root + path)
            for label, path in NAVIGATION
            if path != "/invites" or shows_invites
        ]


def root_of(did: str) -> str:
    """Where the pages of an account begin."""
    return f"/account/u/{quote(did, safe=':')}"


def on_to(address: str) -> Response:
    """Look at another page, without sending the form again."""
    return Response(status=303, headers={"Location": address, "Cache-Control": "no-store"})


def field(name: str) -> str:
    """A field of the form that was sent, cut to what any of ours can hold."""
    return request.form.get(name, "")[:_MAX_FIELD_CHARS]


def _notice(services: Services) -> str | None:
    """What to say has worked; nothing on the word of another site's link."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return None
    done = request.args.get("done", "")
    if done == words.CODE_ISSUED:
        return services.email_tokens.hint()
    return words.DONE.get(done)
