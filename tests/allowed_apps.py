"""A member who has allowed an app: a row in every table of OAuth, put there directly."""

from __future__ import annotations

from dataclasses import astuple

from pds.storage import database
from pds.storage.oauth_grants import GrantRow
from pds.storage.oauth_requests import OAuthRequestRow
from tests.factories import Person

CLIENT_ID = "https://app.example.org/client.json"
BROWSER_ID = "a browser"


def add_browser() -> None:
    """The browser that all of them share."""
    with database.transaction():
        _insert("browser", (BROWSER_ID, "hash", None, 0, None, None, 0, 0))


def allow_an_app(person: Person) -> None:
    """Signed in in the browser, an app allowed, its token refreshed, another app asking."""
    account_id, name = person.row.id, person.did
    request = OAuthRequestRow(f"req-{name}", CLIENT_ID, "{}", "{}", "jkt", 0, 0, None, account_id)
    grant = GrantRow(
        id=f"grant {name}",
        account_id=account_id,
        client_id=CLIENT_ID,
        client_name=None,
        client_auth="{}",
        dpop_jkt="jkt",
        requested_scope="atproto",
        scope="atproto",
        token_id=f"tok-{name}",
        issued_at_us=0,
        access_expires_at_us=0,
        refresh_hash=f"ref-{name}",
        refresh_number=1,
        code_hash=f"cod-{name}",
        browser_id=BROWSER_ID,
        created_at_us=0,
        refreshed_at_us=0,
        used_at_us=0,
        expires_at_us=0,
        refresh_expires_at_us=0,
    )
    with database.transaction():
        _insert("browser_account", (BROWSER_ID, account_id, 0, 1, None))
        _insert("oauth_request", astuple(request))
        _insert("oauth_grant", astuple(grant))
        _insert("oauth_used_refresh_token", (f"used {name}", grant.id, 0, 0))
        _insert("oauth_client_approval", (account_id, CLIENT_ID, "atproto", 0))


def _insert(table: str, values: tuple[object, ...]) -> None:
    marks = ", ".join("?" * len(values))
    database.execute(f"INSERT INTO {table} VALUES ({marks})", values)
