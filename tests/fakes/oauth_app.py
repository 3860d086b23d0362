"""An OAuth app under test: its document, and its keys if it has any, on this machine.

The server must admit it: ``make_config(…, oauth_test_clients="true")``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from tests.fakes.web_server import WebServer, web_server

PATH = "/client.json"
KEYS_PATH = "/jwks.json"


@dataclass(frozen=True)
class OAuthApp:
    """``publish`` before it is asked for."""

    server: WebServer

    @property
    def client_id(self) -> str:
        return f"{self.server.url}{PATH}"

    @property
    def jwks_uri(self) -> str:
        return f"{self.server.url}{KEYS_PATH}"

    @property
    def redirect_uri(self) -> str:
        return f"{self.server.url}/callback"

    def document(self, **changes: Any) -> dict[str, Any]:
        """A public native app; fields that are None are left out."""
        fields = {
            "client_id": self.client_id,
            "client_name": "An app",
            "scope": "atproto transition:generic",
            "redirect_uris": [self.redirect_uri],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "application_type": "native",
            "token_endpoint_auth_method": "none",
            "dpop_bound_access_tokens": True,
            **changes,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def confidential(self, **changes: Any) -> dict[str, Any]:
        """One that signs with keys; where they are is for ``changes`` to say."""
        web = {
            "application_type": "web",
            "redirect_uris": ["https://app.ours.net/callback"],
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": "ES256",
        }
        return self.document(**{**web, **changes})

    def publish(self, document: Any, **headers: str) -> None:
        self._put(PATH, document, **headers)

    def publish_keys(self, *keys: dict[str, str]) -> None:
        self._put(KEYS_PATH, {"keys": keys})

    def times_asked(self, path: str = PATH) -> int:
        return sum(asked.path == path for asked in self.server.asked)

    def _put(self, path: str, document: Any, **headers: str) -> None:
        fields = {"content-type": "application/json", **headers}
        self.server.routes[path] = (200, fields, json.dumps(document).encode())


@contextmanager
def oauth_app() -> Iterator[OAuthApp]:
    with web_server() as server:
        app = OAuthApp(server)
        app.publish(app.document())
        yield app


def public_jwk(key: ec.EllipticCurvePrivateKey, kid: str) -> dict[str, str]:
    """The public half of a P-256 key, as apps publish it."""
    numbers = key.public_key().public_numbers()
    return {
        "kty": "EC",
        "crv": "P-256",
        "kid": kid,
        "use": "sig",
        "x": _coordinate(numbers.x),
        "y": _coordinate(numbers.y),
    }


def _coordinate(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()
