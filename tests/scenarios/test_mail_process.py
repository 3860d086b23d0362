"""A whole server in a process of its own, its mail server, and a stranger's client."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.mail_server import mail_server
from tests.server_process import ServerProcess

pytestmark = pytest.mark.slow

EMAIL = "carol@mail.org"


def mail_settings(port: int) -> dict[str, str]:
    return {
        "PDS_EMAIL_SMTP_URL": f"smtp://127.0.0.1:{port}",
        "PDS_EMAIL_FROM_ADDRESS": "pds@example.com",
    }


# The SDK's own dependencies warn about things that are not ours.
@pytest.mark.filterwarnings("default")
def test_sdk_confirms_changes_and_resets(tmp_path: Path) -> None:
    from atproto import Client, Request, models  # 0.5 s of import, only where it is used

    with (
        mail_server() as mail,
        ServerProcess(tmp_path / "data", settings=mail_settings(mail.port)) as server,
        contextlib.closing(Request()) as connection,
    ):
        client: Any = Client(f"{server.url}/xrpc", request=connection)
        calls = client.com.atproto.server
        calls.create_account(
            models.ComAtprotoServerCreateAccount.Data(
                handle="carol.test", email=EMAIL, password="a long password"
            )
        )
        client.login("carol.test", "a long password", fetch_bsky_profile=False)
        already = len(mail.delivered)  # a notice of the sign-in may have come

        def next_code() -> str:
            until = time.monotonic() + 10
            while time.monotonic() < until:
                for one in mail.delivered[already + len(codes) :]:
                    lines = [line.strip() for line in one.body().splitlines()]
                    found = [line for line in lines if len(line) == 11 and line[5] == "-"]
                    if found and found[0] not in codes:
                        codes.append(found[0])
                        return found[0]
                time.sleep(0.02)
            message = "no mail with a code came"
            raise AssertionError(message)

        codes: list[str] = []
        assert calls.request_email_confirmation()
        data = models.ComAtprotoServerConfirmEmail.Data(email=EMAIL, token=next_code())
        assert calls.confirm_email(data)
        assert calls.get_session().email_confirmed
        assert calls.request_email_update().token_required
        new = models.ComAtprotoServerUpdateEmail.Data(email="new@mail.org", token=next_code())
        assert calls.update_email(new)
        asked = models.ComAtprotoServerRequestPasswordReset.Data(email="new@mail.org")
        assert calls.request_password_reset(asked)
        reset = models.ComAtprotoServerResetPassword.Data(token=next_code(), password="another")
        assert calls.reset_password(reset)
        client.login("carol.test", "another", fetch_bsky_profile=False)
        assert server.stop() == 0
        log = server.log.read_text()
    assert not any(code in log for code in codes)


def test_silent_mail_server_does_not_keep_the_server_from_stopping(tmp_path: Path) -> None:
    came = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        connections = []

        def accept() -> None:
            connections.append(listener.accept()[0])
            came.set()

        thread = threading.Thread(target=accept)
        thread.start()
        with ServerProcess(tmp_path / "data", settings=mail_settings(port)) as server:
            server.create_account("alice")
            body = {"email": "alice@mail.example.com"}
            server.post("com.atproto.server.requestPasswordReset", body)
            assert came.wait(10)
            started = time.monotonic()
            assert server.stop() == 0
            assert time.monotonic() - started < 10
        thread.join(5)
        for connection in connections:
            connection.close()


def test_local_server_shows_mail_in_its_log(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data") as server:
        server.create_account("alice")
        server.post("com.atproto.server.requestPasswordReset", {"email": "alice@mail.example.com"})
        until = time.monotonic() + 5
        while "mail to alice@mail.example.com: Password Reset Requested" not in (
            server.log.read_text()
        ):
            assert time.monotonic() < until
            time.sleep(0.02)
        assert server.stop() == 0
