"""What an app reads from the address that its member comes back to."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from pds.services.oauth.refresh_tokens import hash_of
from pds.storage import oauth_requests
from pds.storage.oauth_requests import OAuthRequestRow
from tests.browser_tools import Page


def outcome(leads_to: Page | str | None) -> dict[str, str]:
    """The parameters in the query, but for those that the app itself has put there."""
    url = leads_to.leads_to if isinstance(leads_to, Page) else leads_to
    assert url is not None
    assert url.startswith("https://app.example.net/callback?from=pds&")
    fields = {name: value for name, [value] in parse_qs(urlsplit(url).query).items()}
    assert fields.pop("from") == "pds"
    assert fields.pop("iss") == "http://localhost:2583"
    assert fields.pop("state") == "a state&more"
    return fields


def granted(page: Page | str | None) -> OAuthRequestRow:
    """What the code of a successful answer is good for."""
    fields = outcome(page)
    assert set(fields) == {"code"}
    row = oauth_requests.take_by_code(hash_of(fields["code"]))
    assert row is not None
    return row


def error_of(page: Page | str | None) -> str:
    fields = outcome(page)
    assert set(fields) == {"error", "error_description"}
    return fields["error"]
