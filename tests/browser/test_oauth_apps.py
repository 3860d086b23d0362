"""Apps sign a member in: third-party clients, a real browser, a server of its own.

One app is made of the official npm client (`tests/interop/oauth.mjs`), a public one on the member's
machine; the other of a Python library (`tests/interop/oauth_app.py`), a confidential one with a
server of its own. Neither knows anything of Hearth but what the protocol says.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import IO, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from playwright.sync_api import Page
from requests_oauth2client.dpop import RepeatedDPoPNonce
from requests_oauth2client.exceptions import InvalidGrant

from tests.browser.chromium import Chromium
from tests.interop import npm
from tests.interop.oauth_app import OAuthApp, call, running_app
from tests.server_process import Account, ServerProcess, free_port

pytestmark = pytest.mark.slow

PASSWORD = "pass-word"  # as ServerProcess.create_account sets it
LIMIT_S = 60


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    data = tmp_path_factory.mktemp("oauth") / "data"
    with ServerProcess(data, settings={"PDS_OAUTH_TEST_CLIENTS": "true"}) as running:
        yield running


@pytest.fixture(scope="module")
def alice(server: ServerProcess) -> Account:
    return server.create_account("alice")


def public_url(server: ServerProcess) -> str:
    return f"http://localhost:{server.port}"


def sign_in_and_allow(page: Page, handle: str) -> None:
    """What a member does: type the password, read, agree."""
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Allow this app?").wait_for()
    assert handle in page.inner_text("main")
    page.get_by_role("button", name="Allow", exact=True).click()


# --- the official client --------------------------------------------------------------------------


@pytest.fixture
def landing() -> Iterator[tuple[str, list[str]]]:
    """Where the app's redirect_uri leads, on this machine, and the addresses opened there."""
    opened: list[str] = []

    class Landing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            opened.append(f"http://127.0.0.1:{port}{self.path}")
            content = (
                b"<!doctype html><title>App</title><link rel=icon href='data:,'><h1>Welcome</h1>"
            )
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    port = free_port()
    server = HTTPServer(("127.0.0.1", port), Landing)
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{port}/callback", opened
    server.shutdown()
    server.server_close()
    thread.join()


def test_official_node_client(
    chromium: Chromium,
    server: ServerProcess,
    alice: Account,
    landing: tuple[str, list[str]],
) -> None:
    npm.require_packages()
    redirect_uri, opened = landing
    command = ["node", "oauth.mjs", public_url(server), alice.handle, redirect_uri]
    with subprocess.Popen(
        command,
        cwd=npm.HERE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as app:
        try:
            address = _line(app.stdout, app.stderr)["authorize"]
            with chromium.open(address) as page:
                sign_in_and_allow(page, alice.handle)
                page.get_by_role("heading", name="Welcome").wait_for()
            [came_back] = [url for url in opened if "/callback" in url]
            said, complaint = app.communicate(f"{came_back}\n", timeout=LIMIT_S)
        finally:
            app.kill()
    assert app.returncode == 0, f"{said}{complaint}"
    figures = json.loads(said.splitlines()[-1])

    assert figures["did"] == alice.did
    assert figures["email"] == "alice@mail.example.com"
    assert "account:email" in figures["granted"]
    assert parse_qs(urlsplit(came_back).query)["iss"] == [public_url(server)]


def _line(stream: IO[str] | None, complaints: IO[str] | None) -> Any:
    assert stream is not None
    line = stream.readline()
    assert line, complaints.read() if complaints else ""
    return json.loads(line)


# --- a Python client ------------------------------------------------------------------------------


@pytest.fixture
def app() -> Iterator[OAuthApp]:
    with running_app() as running:
        yield running


def test_python_client_with_keys_of_its_own(
    chromium: Chromium, server: ServerProcess, alice: Account, app: OAuthApp
) -> None:
    url = public_url(server)
    client = app.discover(url)
    request, address = app.ask(client, login_hint=alice.handle)
    with chromium.open(str(address)) as page:
        sign_in_and_allow(page, alice.handle)
        page.get_by_role("heading", name="Welcome").wait_for()
    assert app.came_back.wait(LIMIT_S)

    token = app.redeem(client, request, app.callback_url)
    assert token.token_type == "DPoP"
    assert token.scope is not None
    assert "atproto" in token.scope.split()
    session = call(url, token, "GET", "com.atproto.server.getSession")
    assert session.status_code == 200, session.text
    assert session.json()["did"] == alice.did
    assert "email" not in session.json()

    record = {
        "$type": "app.bsky.feed.post",
        "text": "by an app",
        "createdAt": "2026-01-01T00:00:00Z",
    }
    body = {"repo": alice.did, "collection": "app.bsky.feed.post", "record": record}
    written = call(url, token, "POST", "com.atproto.repo.createRecord", json=body)
    assert written.status_code == 200, written.text
    refused = call(
        url, token, "POST", "com.atproto.identity.updateHandle", json={"handle": "other.test"}
    )
    assert (refused.status_code, refused.json()["error"]) == (403, "ScopeMissingError")

    # A new token; the old one ends with it.
    assert token.refresh_token is not None
    renewed = client.refresh_token(token)
    assert renewed.access_token != token.access_token
    assert call(url, renewed, "GET", "com.atproto.server.getSession").status_code == 200
    stale = requests.get(
        f"{url}/xrpc/com.atproto.server.getSession",
        headers={"Authorization": f"Bearer {renewed.access_token}"},
        timeout=LIMIT_S,
    )
    assert stale.status_code in (400, 401), "a stolen token is worth nothing without the key"

    # Take it back.
    assert client.revoke_refresh_token(renewed)
    # This library takes every 401 for a question about nonces; the answer is in what it raises.
    with pytest.raises(RepeatedDPoPNonce) as gone:
        call(url, renewed, "GET", "com.atproto.server.getSession")
    assert gone.value.response.json()["error"] == "invalid_token"
    with pytest.raises(InvalidGrant):
        client.refresh_token(renewed)


def test_member_may_say_no(
    chromium: Chromium, server: ServerProcess, alice: Account, app: OAuthApp
) -> None:
    client = app.discover(public_url(server))
    request, address = app.ask(client, login_hint=alice.handle)
    with chromium.open(str(address)) as page:
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name="Do not allow").click()
        page.get_by_role("heading", name="Welcome").wait_for()
    assert app.came_back.wait(LIMIT_S)

    answer = parse_qs(urlsplit(app.callback_url).query)
    assert answer["error"] == ["access_denied"]
    assert answer["state"] == [request.state]
    assert answer["iss"] == [public_url(server)]
    assert "code" not in answer


def test_without_scripts_it_is_the_same(
    chromium: Chromium, server: ServerProcess, alice: Account, app: OAuthApp, tmp_path: Path
) -> None:
    del tmp_path
    client = app.discover(public_url(server))
    request, address = app.ask(client, login_hint=alice.handle)
    with chromium.open(str(address), scripts=False, size="phone") as page:
        sign_in_and_allow(page, alice.handle)
        page.get_by_role("heading", name="Welcome").wait_for()
    assert app.came_back.wait(LIMIT_S)

    assert app.redeem(client, request, app.callback_url).access_token
