"""Somebody with a did:web: their own web server, their own key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pds.atproto.crypto.keypair import PrivateKey
from pds.atproto.did_document import did_web_document
from pds.atproto.service_auth import create_service_token
from tests.fakes.web_server import WebServer, web_server

if TYPE_CHECKING:
    from pds.services import Services

PATH = "/.well-known/did.json"


@dataclass(frozen=True)
class DidWeb:
    """``key`` signs for the DID as long as the published document says so."""

    did: str
    key: PrivateKey
    server: WebServer

    def publish(
        self, pds_url: str, *, handle: str | None = None, signing_key: str | None = None
    ) -> None:
        """Put a document up; ``signing_key`` is a did:key, the owner's own one by default."""
        document = did_web_document(
            self.did, pds_url, handle=handle, signing_key=signing_key or self.key.did_key
        )
        self.server.text(PATH, json.dumps(document), content_type="application/json")

    def vanish(self) -> None:
        self.server.routes.pop(PATH)

    def token(self, services: Services, lxm: str, **claims: Any) -> str:
        """A service token with which they ask ``services`` for something."""
        fields = {"iss": self.did, "aud": services.config.service_did, "lxm": lxm, "jti": "1"}
        now_s = services.clock() // 1_000_000
        return create_service_token(**{"key": self.key, "now": now_s, **fields, **claims})


@contextmanager
def did_web() -> Iterator[DidWeb]:
    """On this machine, as a local server resolves them; published for a server elsewhere."""
    with web_server() as server:
        owner = DidWeb(f"did:web:localhost%3A{server.port}", PrivateKey.generate(), server)
        owner.publish("https://old.example.com", handle="dora.example.com")
        yield owner
