"""An OAuth client that talks to the machine endpoints over HTTP, as the official ones do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from tests.atproto.oauth.tokens import KeyPair, key_pair
from tests.oauth_client import make_assertion, make_proof
from tests.web.harness import Answer, Running

FORM = "application/x-www-form-urlencoded"


@dataclass
class AppOverHttp:
    """key: of its DPoP proofs. signing_key: of its assertions, if it is a confidential client."""

    web: Running
    issuer: str
    client_id: str
    now_us: Callable[[], int]
    key: KeyPair = field(default_factory=key_pair)
    signing_key: KeyPair | None = None
    nonce: str | None = None

    @property
    def jkt(self) -> str:
        return self.key.jwk.thumbprint

    def post(self, path: str, fields: dict[str, str], **proof: Any) -> Answer:
        """Send a form; once more if the answer asks for a nonce. ``proof`` are its claims."""
        answer = self.post_once(path, fields, **proof)
        if answer.status == 400 and answer.json["error"] == "use_dpop_nonce":
            answer = self.post_once(path, fields, **proof)
        return answer

    def post_without_proof(self, path: str, fields: dict[str, str]) -> Answer:
        """Send a form as clients do that know nothing of DPoP."""
        credentials = self._credentials(self.now_us() / 1_000_000)
        form = {"client_id": self.client_id, **credentials, **fields}
        return self.web.post(path, urlencode(form), Content_Type=FORM)

    def post_once(self, path: str, fields: dict[str, str], **proof: Any) -> Answer:
        now_s = self.now_us() / 1_000_000
        claims = {"htu": self.issuer + path, "nonce": self.nonce} | proof
        form = {"client_id": self.client_id, **self._credentials(now_s), **fields}
        answer = self.web.post(
            path,
            urlencode({name: value for name, value in form.items() if value != ""}),
            Content_Type=FORM,
            DPoP=make_proof(key=self.key, now=now_s, **claims),
        )
        self.nonce = answer.headers.get("DPoP-Nonce", self.nonce)
        return answer

    def _credentials(self, now_s: float) -> dict[str, str]:
        if self.signing_key is None:
            return {}
        return make_assertion(self.client_id, issuer=self.issuer, now=now_s, key=self.signing_key)
