"""Apps that play by the rules, their members at browsers, and what an attacker makes of them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from pds.atproto.oauth import pkce
from pds.storage.database import rows
from tests.app_over_http import AppOverHttp
from tests.atproto.oauth.tokens import KeyPair, key_pair
from tests.browser_tools import Page, TestBrowser
from tests.factories import Person, StillClock
from tests.oauth_client import make_proof
from tests.stage import Stage
from tests.web.harness import Answer

BACK = "http://127.0.0.1:8765/callback"
THEIR_BACK = "http://127.0.0.1:9999/stolen"
SCOPE = "atproto account:email repo:com.example.note"


def loopback_id(redirect_uri: str = BACK, scope: str = SCOPE) -> str:
    return f"http://localhost?{urlencode({'redirect_uri': redirect_uri, 'scope': scope})}"


@dataclass
class Client:
    """One client at the machine endpoints, with the secrets of its requests."""

    machine: AppOverHttp
    redirect_uri: str = BACK
    scope: str = SCOPE
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    def push(self, **changes: str) -> Answer:
        """A request with secrets of its own, as each is good once."""
        self.verifier = secrets.token_urlsafe(32)
        fields = {
            "response_type": "code",
            "redirect_uri": self.redirect_uri,
            "scope": self.scope,
            "state": "the app's own",
            "code_challenge": pkce.challenge_of(self.verifier),
            "code_challenge_method": "S256",
            **changes,
        }
        return self.machine.post("/oauth/par", fields)

    def exchange(self, code: str, **changes: str) -> Answer:
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
            **changes,
        }
        return self.machine.post("/oauth/token", fields)

    def refresh(self, token: str, **changes: str) -> Answer:
        fields = {"grant_type": "refresh_token", "refresh_token": token, **changes}
        return self.machine.post("/oauth/token", fields)


@dataclass
class Scene:
    """The server, and who comes to it."""

    stage: Stage
    clock: StillClock

    @property
    def issuer(self) -> str:
        return self.stage.services.config.public_url

    def client(
        self, number: int = 1, client_id: str | None = None, redirect_uri: str = BACK
    ) -> Client:
        """number: of its key; another one, another client, or a thief who passes for this one."""
        machine = AppOverHttp(
            self.stage.web,
            self.issuer,
            client_id or loopback_id(redirect_uri),
            self.clock,
            key=key_pair(number=number),
        )
        return Client(machine, redirect_uri)

    def browser(self) -> TestBrowser:
        return TestBrowser(self.stage.web, origin=self.issuer)

    def open(self, browser: TestBrowser, client: Client, **parameters: str) -> Page:
        """The page to which a client sends the browser; it has pushed its request."""
        pushed = client.push(**parameters)
        assert pushed.status == 201, pushed.body
        query = {"client_id": client.machine.client_id, **pushed.json}
        query.pop("expires_in")
        return browser.open(f"/oauth/authorize?{urlencode(query)}", site="cross-site")

    def consent(
        self, browser: TestBrowser, client: Client, person: Person, **parameters: str
    ) -> Page:
        """The page that asks ``person``."""
        form = self.open(browser, client, **parameters).form("/oauth/authorize/sign-in")
        page = browser.submit(form, identifier=person.handle, password=person.password)
        assert page.status == 200, page.html
        return page

    def code(self, client: Client, person: Person) -> str:
        """What the client is sent when the member agrees, in a browser that is new."""
        browser = self.browser()
        page = self.consent(browser, client, person)
        return told(browser.submit(page.form("/oauth/authorize/consent")))["code"]

    def tokens(self, client: Client, person: Person) -> dict[str, Any]:
        answer = client.exchange(self.code(client, person))
        assert answer.status == 200, answer.body
        found: dict[str, Any] = answer.json
        return found

    def nonce(self) -> str:
        return self.stage.services.oauth.proofs.next_nonce()

    def proof(self, path: str, key: KeyPair, **claims: Any) -> str:
        """A good one for a POST but for ``claims``."""
        good = {"htu": self.issuer + path, "nonce": self.nonce(), **claims}
        return make_proof(key=key, now=self.clock() / 1_000_000, **good)

    def call(self, client: Client, access_token: str, nsid: str, **headers: str) -> Answer:
        """A query by the client."""
        path = f"/xrpc/{nsid}"
        key = client.machine.key
        proof = self.proof(path.partition("?")[0], key, htm="GET", access_token=access_token)
        given = {"Authorization": f"DPoP {access_token}", "DPoP": proof, **headers}
        return self.stage.web.request("GET", path, None, given)


def told(page: Page) -> dict[str, str]:
    """What the client reads from where the browser is sent."""
    assert page.leads_to is not None, page.html
    parts = urlsplit(page.leads_to)
    return {name: text for name, [text] in parse_qs(parts.query or parts.fragment).items()}


def grants() -> int:
    [(count,)] = rows("SELECT count(*) FROM oauth_grant")
    return int(count)


def check_invalid_grant(answer: Answer) -> None:
    assert (answer.status, answer.json["error"]) == (400, "invalid_grant"), answer.body
