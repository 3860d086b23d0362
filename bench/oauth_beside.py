"""What apps' calls cost here and at another server, side by side: signed in by OAuth, in a browser.

    .venv/bin/python bench/oauth_beside.py URL HANDLE PASSWORD [URL HANDLE PASSWORD]

Each server is one that runs on this machine, with an account. The app is a loopback client made of
a library for any OAuth server; the member who agrees is a headless Chromium. Calls take turns, so
that what else the machine does hits both. Proofs are signed beforehand. Half a minute in all.
"""

from __future__ import annotations

import http.client
import json
import re
import shutil
import statistics
import sys
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
from playwright.sync_api import Page, sync_playwright
from requests_oauth2client import DPoPKey, OAuth2Client, PublicApp

CALLS = 100  # in a round
ROUNDS = 6
SCOPE = "atproto transition:generic"
REDIRECT_URI = "http://127.0.0.1:9/callback"  # nobody listens: the address is all that is needed
TIMEOUT_S = 30
CREATE = "com.atproto.repo.createRecord"
SESSION = "com.atproto.server.getSession"


@dataclass
class Signed:
    """A token with its key, and the server that it is for."""

    url: str
    did: str
    token: str
    key: DPoPKey
    nonce: str = ""

    def time(self, verb: str, nsid: str, body: bytes | None = None) -> list[float]:
        """µs of each call of a round."""
        self._renew_nonce()
        place = urlsplit(self.url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, TIMEOUT_S)
        path = f"/xrpc/{nsid}"
        proofs = [self._headers(verb, path) for _ in range(CALLS)]
        taken = []
        for headers in proofs:
            began = time.perf_counter()
            connection.request(verb, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            taken.append((time.perf_counter() - began) * 1e6)
            assert answer.status == 200, (answer.status, content)
        connection.close()
        return taken

    def _renew_nonce(self) -> None:
        headers = self._headers("GET", f"/xrpc/{SESSION}")
        answer = requests.get(f"{self.url}/xrpc/{SESSION}", headers=headers, timeout=TIMEOUT_S)
        self.nonce = answer.headers["DPoP-Nonce"]

    def _headers(self, verb: str, path: str) -> dict[str, str]:
        from hashlib import sha256

        from binapy import BinaPy

        ath = BinaPy(sha256(self.token.encode()).digest()).to("b64u").decode()
        proof = self.key.proof(verb, self.url + path, ath=ath, nonce=self.nonce or None)
        return {
            "Authorization": f"DPoP {self.token}",
            "DPoP": str(proof),
            "Content-Type": "application/json",
        }


def sign_in(url: str, handle: str, password: str) -> Signed:
    """From discovery to a token; the browser does what a member would."""
    resource = requests.get(f"{url}/.well-known/oauth-protected-resource", timeout=TIMEOUT_S).json()
    [issuer] = resource["authorization_servers"]
    found = requests.get(
        f"{issuer}/.well-known/oauth-authorization-server", timeout=TIMEOUT_S
    ).json()
    client_id = "http://localhost?" + urlencode({"redirect_uri": REDIRECT_URI, "scope": SCOPE})
    client = OAuth2Client(
        token_endpoint=found["token_endpoint"],
        authorization_endpoint=found["authorization_endpoint"],
        pushed_authorization_request_endpoint=found["pushed_authorization_request_endpoint"],
        issuer=issuer,
        redirect_uri=REDIRECT_URI,
        auth=PublicApp(client_id),
        authorization_response_iss_parameter_supported=True,
        dpop_bound_access_tokens=True,
        testing=True,
    )
    request = client.authorization_request(scope=SCOPE, dpop=True, nonce=None, login_hint=handle)
    address = client.pushed_authorization_request(request)
    came_back = agree(str(address), password)
    token: Any = client.authorization_code(request.validate_callback(came_back), validate=False)
    return Signed(url, token.sub, token.access_token, token.dpop_key)


def agree(address: str, password: str) -> str:
    """Type the password and agree; the address that the browser is sent back to."""
    program = shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page()
        sent: list[str] = []
        page.on("request", lambda one: sent.append(one.url))
        page.goto(address)
        _click(page, password)
        until = time.monotonic() + TIMEOUT_S
        while not any(url.startswith(REDIRECT_URI) for url in sent):
            assert time.monotonic() < until, page.inner_text("body")
            page.wait_for_timeout(50)
        browser.close()
    return next(url for url in sent if url.startswith(REDIRECT_URI))


def _click(page: Page, password: str) -> None:
    page.locator("input[type=password]").fill(password)
    page.get_by_role("button", name=re.compile(r"^(Sign in|Next)$", re.IGNORECASE)).first.click()
    page.get_by_role("button", name=re.compile(r"^(Allow|Authorize)$")).click()


def main() -> None:
    arguments = sys.argv[1:]
    servers = [sign_in(*arguments[at : at + 3]) for at in range(0, len(arguments), 3)]
    for verb, nsid in (("GET", SESSION), ("POST", CREATE)):
        taken: list[list[float]] = [[] for _ in servers]
        for number in range(ROUNDS + 1):
            for place, server in enumerate(servers):
                record = {"$type": "app.bsky.feed.post", "text": "x", "createdAt": NOW}
                body = {"repo": server.did, "collection": "app.bsky.feed.post", "record": record}
                content = json.dumps(body).encode() if verb == "POST" else None
                found = server.time(verb, nsid, content)
                if number:  # the first is to get warm
                    taken[place] += found
        medians = [statistics.median(one) for one in taken]
        shown = "   ".join(
            f"{server.url} {median:6.0f} µs"
            for server, median in zip(servers, medians, strict=True)
        )
        ratio = f"   ratio {medians[0] / medians[1]:.2f}" if len(medians) == 2 else ""
        print(f"{nsid:34} {shown}{ratio}")


NOW = "2026-01-01T00:00:00.000Z"

if __name__ == "__main__":
    main()
