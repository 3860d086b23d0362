"""The official npm client moves an account, as tools in the browser do; limits are on."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.mail_server import MailServer, mail_server
from tests.fakes.web_server import Asked, Route, web_server
from tests.interop.npm import require_packages, run_script
from tests.scenarios.test_moving import (
    BLOBS,
    PREFERENCES,
    RECORDS,
    Town,
    belongings,
    check_arrival,
    settings,
    settle,
)
from tests.server_process import ServerProcess

pytestmark = [pytest.mark.slow, pytest.mark.needs_node]

CODE = re.compile(r"\b[A-Z2-7]{5}-[A-Z2-7]{5}\b")
LIMIT_S = 30.0


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    require_packages()
    with mail_server() as mail:
        on = {"PDS_RATE_LIMITS_ENABLED": "true"}
        with ServerProcess(tmp_path / "old", settings=settings("old", mail) | on) as old:
            plc = {"PDS_DID_PLC_URL": old.url}
            new = ServerProcess(tmp_path / "new", settings=settings("new", mail) | on | plc)
            with new:
                yield Town(old, new, mail)


def newest_code(mail: MailServer, address: str) -> str:
    """Of the mail to ``address``; waits for one."""
    until = time.monotonic() + LIMIT_S
    while time.monotonic() < until:
        for message in reversed(mail.delivered):
            found = CODE.search(message.body()) if address in message.recipients else None
            if found:
                return found[0]
        with mail.news:
            mail.news.wait(0.2)
    raise AssertionError(f"no code for {address}")


def test_client_moves_an_account(town: Town) -> None:
    move = settle(town)
    before = belongings(move, move.old)

    def answer(_asked: Asked) -> Route:
        return 200, {}, newest_code(town.mail, move.old.email).encode()

    with web_server() as codes:
        codes.otherwise = answer
        figures = run_script(
            "move.mjs",
            town.old.url,
            town.new.url,
            move.did,
            move.old.password,
            move.new.handle,
            move.new.email,
            codes.url,
        )

    assert (figures["blobs"], figures["records"]) == (BLOBS, RECORDS + BLOBS)
    assert figures["settings"] == len(PREFERENCES)
    move.new = type(move.new)(town.new, move.new.handle, move.new.email, move.old.password)
    check_arrival(move, before)
