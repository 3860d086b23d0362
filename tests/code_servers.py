"""Servers on which people need one-time codes: with mail, and with an operator who reads them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.mail_server import MailServer, mail_server
from tests.fakes.plc_directory import FakePlcDirectory
from tests.fakes.web_server import web_server
from tests.operator_process import ask
from tests.server_process import ServerProcess

MAIL_LIMIT_S = 15.0
CODE = re.compile(r"^\s*([A-Z2-7]{5}-[A-Z2-7]{5})\s*$", re.MULTILINE)


@dataclass(frozen=True)
class CodeServer:
    """``next_code`` waits for the code of a purpose that was asked for last."""

    server: ServerProcess
    next_code: Callable[[str], str]
    handle_domain: str
    invite_code: str


@contextmanager
def server_with_mail(folder: Path) -> Iterator[CodeServer]:
    """A local server that hands its mail to a real mail server."""
    with mail_server() as mails:
        settings = {
            "PDS_EMAIL_SMTP_URL": f"smtp://127.0.0.1:{mails.port}",
            "PDS_EMAIL_FROM_ADDRESS": "pds@example.com",
        }
        with ServerProcess(folder / "data", settings=settings) as server:
            yield CodeServer(server, Inbox(mails).next_code, ".test", "")


@contextmanager
def server_without_mail(folder: Path) -> Iterator[CodeServer]:
    """A public server without mail, which asks for invite codes; network there is none."""
    directory = FakePlcDirectory()
    with web_server() as web:
        web.otherwise = directory.answer
        env_file = folder / "pds.env"
        env_file.write_text(
            "PDS_HOSTNAME=pds.example.com\n"
            "PDS_BIND_ADDRESS=127.0.0.1\n"
            f"PDS_DATA_DIRECTORY={folder / 'data'}\n"
            f"PDS_DID_PLC_URL={web.url}\n"
            "PDS_JWT_SECRET=0123456789abcdef0123456789abcdef\n"
            "PDS_ADMIN_PASSWORD=nobody needs to know\n"
            f"PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX={'2a' * 32}\n"
        )
        with ServerProcess(folder / "data", settings={"PDS_ENV_FILE": str(env_file)}) as server:
            [invite] = ask("invite", "create", "--uses", "9", env_file=env_file)["codes"]

            def next_code(purpose: str) -> str:
                waiting = ask("account", "codes", env_file=env_file)["codes"]
                [code] = [entry["code"] for entry in waiting if entry["purpose"] == purpose]
                return str(code)

            yield CodeServer(server, next_code, ".pds.example.com", invite["code"])


class Inbox:
    """Finds the codes in the mail that arrives, each once."""

    def __init__(self, mails: MailServer) -> None:
        self._mails = mails
        self._read = 0

    def next_code(self, purpose: str) -> str:
        """The code in the next message that has one; messages without are notices."""
        limit = time.monotonic() + MAIL_LIMIT_S
        while True:
            left_s = limit - time.monotonic()
            message = self._mails.wait_for(self._read + 1, left_s)[self._read]
            self._read += 1
            found = CODE.search(message.body())
            if found is not None:
                return found[1]
