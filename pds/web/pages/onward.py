"""Where somebody goes who came to a page from an app that asks for leave: back to that.

The app's request is named by the address, as at ``/oauth/authorize``, and travels through forms. It
is looked at when one arrives there; here nothing depends on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from flask import request

from pds.services.oauth.requests import request_id

MAX_CHARS = 2_000


@dataclass(frozen=True, slots=True)
class Onward:
    """The request of an app, as the app has named it; not checked."""

    client_id: str
    request_uri: str

    @property
    def fields(self) -> dict[str, str]:
        """For addresses and forms."""
        return {"client_id": self.client_id, "request_uri": self.request_uri}

    @property
    def request_id(self) -> str | None:
        return request_id(self.request_uri)

    @property
    def address(self) -> str:
        return f"/oauth/authorize?{urlencode(self.fields)}"


def onward() -> Onward | None:
    """What the visitor came from, by the address or the form; None: from no app."""
    client_id = request.values.get("client_id", "")
    request_uri = request.values.get("request_uri", "")
    if not client_id or not request_uri or len(client_id) + len(request_uri) > MAX_CHARS:
        return None
    return Onward(client_id, request_uri)
