"""Apps that a member has let in: they hold a key and a token, and call methods with proofs.

The grant is made directly, without asking anybody; how members are asked is tested elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tests.atproto.oauth.tokens import KeyPair, key_pair
from tests.factories import Person
from tests.grant_tools import make_grant
from tests.oauth_client import make_proof
from tests.web.harness import Answer, Running

if TYPE_CHECKING:
    from pds.services import Services

SCOPE = "atproto transition:generic"


@dataclass
class App:
    """What an app holds, and how it calls. Like clients, it keeps the newest nonce it was given."""

    services: Services
    grant_id: str
    access_token: str
    key: KeyPair
    nonce: str | None = None

    @property
    def authorization(self) -> str:
        return f"DPoP {self.access_token}"

    def proof(self, verb: str, path: str, **changes: Any) -> str:
        """A proof for one request; ``changes`` are claims to add, or with None to take away."""
        config = self.services.config
        claims = {
            "key": self.key,
            "now": self.services.clock() / 1_000_000,
            "access_token": self.access_token,
            "htm": verb,
            "htu": config.public_url + path.partition("?")[0],
            "nonce": self.nonce,
        }
        return make_proof(**{**claims, **changes})

    def send(
        self,
        web: Running,
        verb: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        **changes: Any,
    ) -> Answer:
        """One request, whatever the answer; ``changes`` are of its proof."""
        sent = {
            "Authorization": self.authorization,
            "DPoP": self.proof(verb, path, **changes),
            **(headers or {}),
        }
        answer = web.request(verb, path, body, sent)
        self.nonce = answer.headers["DPoP-Nonce"] or self.nonce
        return answer

    def ask(
        self,
        web: Running,
        verb: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """The same, and once more when a nonce is wanted."""
        answer = self.send(web, verb, path, body, headers)
        if answer.status == 401 and answer.json["error"] == "use_dpop_nonce":
            answer = self.send(web, verb, path, body, headers)
        return answer

    def get(self, web: Running, nsid: str, **params: Any) -> Answer:
        query = f"?{urlencode(params, doseq=True)}" if params else ""
        return self.ask(web, "GET", f"/xrpc/{nsid}{query}")

    def post(self, web: Running, nsid: str, body: Any = None) -> Answer:
        if body is None:
            return self.ask(web, "POST", f"/xrpc/{nsid}")
        headers = {"Content-Type": "application/json"}
        return self.ask(web, "POST", f"/xrpc/{nsid}", json.dumps(body), headers)


def let_in(
    services: Services,
    person: Person,
    scope: str = SCOPE,
    *,
    key: KeyPair | None = None,
    **row: Any,
) -> App:
    """An app that ``person`` has allowed ``scope``; ``row`` are columns of its grant."""
    key = key or key_pair()
    grant, tokens = make_grant(services, person, scope=scope, dpop_jkt=key.jwk.thumbprint, **row)
    return App(services, grant.id, tokens.access_token, key)
