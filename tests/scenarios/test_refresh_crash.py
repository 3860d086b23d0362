"""kill -9 while an app refreshes its tokens: it goes on with what it holds, old or new."""

from __future__ import annotations

import random
import secrets
import sqlite3
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from pds.atproto.oauth import pkce
from pds.services.oauth.model import AuthorizationParameters, ClientAuth
from pds.services.oauth.refresh_tokens import hash_of
from tests.app_over_http import AppOverHttp
from tests.server_process import Account, ServerProcess
from tests.web.harness import Answer

ROUNDS = 15
CLIENT_ID = "http://localhost"
REDIRECT_URI = "http://127.0.0.1/"
PATH = "/oauth/token"


class OverUrllib:
    """What ``AppOverHttp`` needs of a server, for one in another process."""

    def __init__(self, server: ServerProcess) -> None:
        self._server = server

    def post(self, path: str, body: str, **headers: str) -> Answer:
        request = urllib.request.Request(
            self._server.url + path,
            data=body.encode(),
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                return Answer(reply.status, reply.headers, reply.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())


def agree(server: ServerProcess, account: Account, app: AppOverHttp) -> dict[str, str]:
    """Put a request with a code into the running server's file; the form that uses the code."""
    verifier, code = secrets.token_urlsafe(32), f"cod-{secrets.token_hex(32)}"
    parameters = AuthorizationParameters(
        redirect_uri=REDIRECT_URI,
        scope="atproto",
        state="state",
        code_challenge=pkce.challenge_of(verifier),
    )
    file = sqlite3.connect(server.data / "pds.sqlite", timeout=10)
    with file:
        file.execute(
            "INSERT INTO oauth_request (id, client_id, client_auth, parameters, dpop_jkt,"
            " created_at_us, expires_at_us, account_id, granted_scope, code_hash)"
            " SELECT 'req-1', ?, ?, ?, ?, 0, ?, id, 'atproto', ? FROM account WHERE did = ?",
            (
                CLIENT_ID,
                ClientAuth("none").to_json(),
                parameters.to_json(),
                app.jkt,
                (time.time_ns() // 1_000) + 300_000_000,
                hash_of(code),
                account.did,
            ),
        )
    file.close()
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": REDIRECT_URI,
        "code_verifier": verifier,
    }


class Refresher(threading.Thread):
    """Refreshes until the server goes away; ``token`` is the last one that has arrived."""

    def __init__(self, app: AppOverHttp, token: str) -> None:
        super().__init__(daemon=True)
        self._app = app
        self.token = token
        self.count = 0
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            while True:
                self.token = refresh(self._app, self.token)
                self.count += 1
        except (OSError, ConnectionError):
            return  # the kill
        except BaseException as error:
            self.failure = error


def refresh(app: AppOverHttp, token: str) -> str:
    answer = app.post(PATH, {"grant_type": "refresh_token", "refresh_token": token})
    assert answer.status == 200, answer.body
    return str(answer.json["refresh_token"])


@pytest.mark.slow
def test_an_app_goes_on_after_every_kill(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # shown by pytest when the test fails
    chance = random.Random(seed)
    with ServerProcess(tmp_path / "data") as server:
        issuer = f"http://localhost:{server.port}"
        web: Any = OverUrllib(server)
        app = AppOverHttp(web, issuer, CLIENT_ID, lambda: time.time_ns() // 1_000)
        account = server.create_account("alice")
        answer = app.post(PATH, agree(server, account, app))
        assert answer.status == 200, answer.body
        token, refreshes = str(answer.json["refresh_token"]), 0

        for _ in range(ROUNDS):
            refresher = Refresher(app, token)
            refresher.start()
            time.sleep(chance.uniform(0.05, 0.4))
            server.kill()
            refresher.join()
            assert refresher.failure is None, refresher.failure
            server.start()
            token = refresh(app, refresher.token)
            refreshes += refresher.count
        assert refreshes > ROUNDS
