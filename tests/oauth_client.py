"""The machine half of an OAuth client: its keys, its proofs, its assertions."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from pds.atproto.oauth.client_assertion import ASSERTION_TYPE
from pds.atproto.oauth.client_metadata import ClientMetadata
from pds.atproto.oauth.dpop import access_token_hash
from pds.atproto.oauth.jwk import JwkSet, parse_jwk_set
from pds.oauth_errors import InvalidClientMetadataError
from pds.services.oauth.model import Client
from tests.atproto.oauth.tokens import KeyPair, key_pair, signed
from tests.factories import StillClock
from tests.stage import Stage
from tests.web.harness import Answer

KID = "key-1"
FORM = "application/x-www-form-urlencoded"
# A request for nothing but to know who somebody is; fit for the clients of ``make_metadata``.
ASKED = {
    "response_type": "code",
    "redirect_uri": "https://app.example.com/cb",
    "scope": "atproto",
    "state": "s",
    "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    "code_challenge_method": "S256",
}


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


def make_metadata(client_id: str, **changes: Any) -> ClientMetadata:
    """Of a public web app that may ask for ``atproto`` only, but for what is changed."""
    fields: dict[str, Any] = {
        "client_id": client_id,
        "scope": ("atproto",),
        "redirect_uris": ("https://app.example.com/cb",),
        "grant_types": ("authorization_code", "refresh_token"),
        "application_type": "web",
        "auth_method": "none",
    }
    return ClientMetadata(**(fields | changes))


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


class Pushing:
    """Pushes requests to a server, with a key of its own for proofs."""

    def __init__(self, stage: Stage, clock: StillClock, key: KeyPair | None = None) -> None:
        self.stage = stage
        self.clock = clock
        self.key = key or key_pair(number=1)

    @property
    def issuer(self) -> str:
        return self.stage.services.config.public_url

    def proof(self, **claims: Any) -> str:
        nonce = self.stage.services.oauth.proofs.next_nonce()
        good = {"htu": f"{self.issuer}/oauth/par", "nonce": nonce}
        return make_proof(key=self.key, now=self.clock() / 1_000_000, **(good | claims))

    def assertion(self, client_id: str, **claims: Any) -> dict[str, str]:
        now = self.clock() / 1_000_000
        return make_assertion(client_id, issuer=self.issuer, now=now, **claims)

    def push(self, client_id: str, *, proof: str | None = None, **fields: str) -> Answer:
        """A good request but for ``fields``; without a proof where it is ""."""
        body = {name: text for name, text in {**ASKED, **fields}.items() if text}
        headers = {"DPoP": self.proof() if proof is None else proof} if proof != "" else {}
        given = urlencode({"client_id": client_id, **body})
        return self.stage.web.post("/oauth/par", given, Content_Type=FORM, **headers)
