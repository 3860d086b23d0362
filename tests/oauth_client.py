"""The machine half of an OAuth client: its keys, its proofs, its assertions."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from pds.atproto.oauth.client_assertion import ASSERTION_TYPE
from pds.atproto.oauth.dpop import access_token_hash
from pds.atproto.oauth.jwk import JwkSet, parse_jwk_set
from pds.oauth_errors import InvalidClientMetadataError
from pds.services.oauth.model import Client
from tests.atproto.oauth.tokens import KeyPair, key_pair, signed

KID = "key-1"


def make_proof(
    *, key: KeyPair, now: float, header: dict[str, Any] | None = None, **claims: Any
) -> str:
    """A proof that lacks what a test takes away (None) and holds what it adds.

    ``htm``, ``htu`` and ``nonce`` are the caller's to give; ``access_token`` becomes ``ath``.
    """
    access_token = claims.pop("access_token", None)
    ath = access_token_hash(access_token) if access_token else None
    fields = {"iat": int(now), "jti": secrets.token_hex(8), "htm": "POST", "ath": ath} | claims
    return signed({"typ": "dpop+jwt", "jwk": key.json} | (header or {}), fields, key)


def make_assertion(
    client_id: str,
    *,
    issuer: str,
    now: float,
    key: KeyPair | None = None,
    header: dict[str, Any] | None = None,
    **claims: Any,
) -> dict[str, str]:
    """The two fields with which a confidential client proves who it is."""
    fields = {
        "iss": client_id,
        "sub": client_id,
        "aud": issuer,
        "jti": secrets.token_hex(8),
        "iat": int(now),
        "exp": int(now) + 60,
    }
    token = signed({"kid": KID} | (header or {}), fields | claims, key or key_pair(number=7))
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": token}


@dataclass
class FakeClients:
    """Clients without a network: those it was given, with keys that may change."""

    known: dict[str, Client] = field(default_factory=dict)
    published: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    kept: dict[str, JwkSet] = field(default_factory=dict)  # what was fetched before
    fetched: int = 0

    def add(self, client: Client, *keys: dict[str, Any]) -> Client:
        self.known[client.id] = client
        self.published[client.id] = list(keys)
        return client

    def get(self, client_id: str) -> Client:
        if client_id not in self.known:
            raise InvalidClientMetadataError("client_id: no such client")
        return self.known[client_id]

    def keys(self, client: Client, *, fresh: bool = False) -> JwkSet:
        if fresh or client.id not in self.kept:
            self.fetched += 1
            self.kept[client.id] = parse_jwk_set({"keys": self.published[client.id]})
        return self.kept[client.id]
