"""Another service (an app view, a labeler, chat) that lets in only whom the network would.

Every token is verified against the PLC directory: signed by the key of the issuer's document there,
for this service and the method asked for, still valid, and never seen before.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pds.atproto.crypto.did_key import DID_KEY_PREFIX
from pds.atproto.crypto.keypair import PublicKey
from pds.atproto.did_document import SIGNING_KEY_ID, find_key, render_plc_document
from pds.atproto.service_auth import (
    ServiceAuthError,
    ServiceClaims,
    check_service_claims,
    decode_service_token,
)
from tests.fakes.web_server import Asked, Route, WebServer, web_server

MAX_LIFETIME_S = 60


@dataclass
class Upstream:
    """A service with a did:web of its own; ``clock`` is in microseconds.

    plc_url: the directory that knows the accounts. routes: answers by path without query, else the
    call is echoed as JSON. claims: of the tokens it has let in.
    """

    server: WebServer
    clock: Callable[[], int]
    plc_url: str = ""
    services: dict[str, str] = field(default_factory=dict)
    routes: dict[str, Route | Callable[[Any], None]] = field(default_factory=dict)
    claims: list[ServiceClaims] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    @property
    def did(self) -> str:
        return f"did:web:localhost%3A{self.server.port}"

    @property
    def url(self) -> str:
        return f"http://localhost:{self.server.port}"

    @property
    def asked(self) -> list[Asked]:
        """The calls it got, without the look-ups of its DID document."""
        return [asked for asked in self.server.asked if asked.path.startswith("/xrpc/")]

    def answer(self, asked: Asked) -> Route | Callable[[Any], None]:
        if asked.path == "/.well-known/did.json":
            return _json(self.document())
        try:
            self.claims.append(self._verify(asked))
        except ServiceAuthError as error:
            self.refused.append(f"{error.error}: {error}")
            return _json({"error": error.error, "message": str(error)}, 401)
        route = self.routes.get(asked.path.partition("?")[0])
        return route if route is not None else _json(_echo(asked))

    def document(self) -> dict[str, Any]:
        services = {
            name: {"type": "AtprotoService", "endpoint": url or self.url}
            for name, url in self.services.items()
        }
        values = {"verificationMethods": {}, "alsoKnownAs": [], "services": services}
        return render_plc_document(self.did, values)

    def _verify(self, asked: Asked) -> ServiceClaims:
        scheme, _, token = asked.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer":
            raise ServiceAuthError("BadJwt", "no token")
        now_s = self.clock() // 1_000_000
        claims, signed, signature = decode_service_token(token, now=now_s)
        nsid = asked.path.removeprefix("/xrpc/").partition("?")[0].rstrip("/")
        check_service_claims(claims, audiences=(self.did,), lxm=nsid)
        if claims.iat is None or not 0 < claims.exp - claims.iat <= MAX_LIFETIME_S:
            raise ServiceAuthError("BadJwt", "a lifetime of more than a minute")
        if claims.jti is None or any(claims.jti == other.jti for other in self.claims):
            raise ServiceAuthError("BadJwt", "no id, or one seen before")
        if not self._key_of(claims.iss).verify(signed, signature):
            raise ServiceAuthError("BadJwt", "not signed by the key in the directory, low-S")
        return claims

    def _key_of(self, did: str) -> PublicKey:
        with urllib.request.urlopen(f"{self.plc_url}/{did}", timeout=10) as answer:
            key = find_key(json.load(answer), did, SIGNING_KEY_ID)
        assert key is not None
        assert key.did_key.startswith(DID_KEY_PREFIX)
        return key


def _echo(asked: Asked) -> dict[str, Any]:
    return {
        "method": asked.method,
        "path": asked.path,
        "headers": asked.headers,
        "body": asked.body.decode("latin-1"),
    }


def _json(content: Any, status: int = 200) -> Route:
    body = json.dumps(content).encode()
    return (status, {"content-type": "application/json; charset=utf-8"}, body)


@contextmanager
def upstream(clock: Callable[[], int], **services: str) -> Iterator[Upstream]:
    """A running service. services: the ids in its document, and where each is (``""``: here)."""
    with web_server() as server:
        made = Upstream(server, clock, services=services)
        server.otherwise = made.answer
        yield made
