"""Clients that ask, without their documents and without the endpoint they push requests to."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest

from pds.atproto.oauth.client_metadata import ClientMetadata
from pds.atproto.oauth.loopback_client import loopback_metadata
from pds.atproto.oauth.scopes.granted import ScopeSet
from pds.atproto.oauth.scopes.permission_set import PermissionSet
from pds.oauth_errors import InvalidClientMetadataError
from pds.services.oauth.clients import Clients
from pds.services.oauth.model import AuthorizationParameters, Client, ClientAuth
from pds.services.oauth.permission_sets import PermissionSets
from pds.services.oauth.requests import REQUEST_URI_PREFIX
from pds.storage import oauth_requests
from pds.storage.database import rows, transaction
from pds.storage.oauth_requests import OAuthRequestRow

REDIRECT_URI = "https://app.example.net/callback?from=pds"
LIFETIME_US = 5 * 60 * 1_000_000
_numbers = itertools.count(1)


def make_client(host: str = "app.example.net", **fields: Any) -> Client:
    """A client with a document; ``is_trusted``, and fields of its metadata."""
    is_trusted = fields.pop("is_trusted", False)
    client_id = f"https://{host}/oauth-client-metadata.json"
    values = {
        "client_id": client_id,
        "scope": ("atproto",),
        "redirect_uris": (REDIRECT_URI,),
        "grant_types": ("authorization_code", "refresh_token"),
        "application_type": "web",
        "auth_method": "private_key_jwt",
        **fields,
    }
    return Client(ClientMetadata(**values), is_trusted=is_trusted)


CONFIDENTIAL = make_client()
PUBLIC = make_client("public.example.net", auth_method="none")
TRUSTED = make_client(
    "ours.example.net",
    auth_method="none",
    is_trusted=True,
    client_name="Our own app",
    logo_uri="https://ours.example.net/logo.png",
    tos_uri="https://ours.example.net/terms",
    policy_uri="https://ours.example.net/privacy",
)
LOOPBACK = Client(loopback_metadata("http://localhost"), is_loopback=True)


@dataclass
class Asking:
    """The clients there are, the permission sets there are, and requests of theirs."""

    now_us: int = 0
    clients: dict[str, Client] = field(
        default_factory=lambda: {
            client.id: client for client in (CONFIDENTIAL, PUBLIC, TRUSTED, LOOPBACK)
        }
    )
    sets: dict[str, PermissionSet] = field(default_factory=dict)

    def get(self, client_id: str) -> Client:
        if client_id not in self.clients:
            raise InvalidClientMetadataError("client_id: could not fetch it")
        return self.clients[client_id]

    def of(self, scopes: ScopeSet) -> Mapping[str, PermissionSet]:
        return {str(scope.nsid): self.sets[scope.nsid] for scope in scopes.includes}

    def push(
        self, client: Client = CONFIDENTIAL, scope: str = "atproto account:email", **more: Any
    ) -> str:
        """Ask for something; the ``request_uri``. more: other parameters."""
        given = {
            "redirect_uri": REDIRECT_URI,
            "state": "a state&more",
            "code_challenge": "c" * 43,
            "scope": scope,
            **more,
        }
        row = OAuthRequestRow(
            id=f"req-{next(_numbers):032x}",
            client_id=client.id,
            client_auth=ClientAuth("none").to_json(),
            parameters=AuthorizationParameters(**given).to_json(),
            dpop_jkt="jkt",
            created_at_us=self.now_us,
            expires_at_us=self.now_us + LIFETIME_US,
        )
        with transaction():
            oauth_requests.insert(row)
        return REQUEST_URI_PREFIX + row.id


def serve(monkeypatch: pytest.MonkeyPatch, asking: Asking) -> None:
    """Make every server of this test find these clients and sets."""
    monkeypatch.setattr(Clients, "get", lambda _, client_id: asking.get(client_id))
    monkeypatch.setattr(PermissionSets, "of", lambda _, scopes: asking.of(scopes))


def address(client: Client, request_uri: str, page: str = "", **more: str) -> str:
    """The page of the authorization of that request."""
    query = {"client_id": client.id, "request_uri": request_uri, **more}
    return f"/oauth/authorize{page}?{urlencode(query)}"


def open_requests() -> int:
    [(count,)] = rows("SELECT count(*) FROM oauth_request WHERE code_hash IS NULL")
    return int(count)
