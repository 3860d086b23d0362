"""An account is brought here with one command, whatever it is cut off by."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from pds.atproto.crypto.keypair import PrivateKey
from tests.install.boxes import in_its_own_time
from tests.moving import STEPS, Move
from tests.operator_process import pdsadmin
from tests.scenarios.test_moving import (
    BLOBS,
    RECORDS,
    Town,
    belongings,
    catch_up,
    check_arrival,
    settings,
    settle,
    town,
    write_post,
)

__all__ = ["town"]

pytestmark = pytest.mark.slow


@pytest.fixture
def env_file(town: Town, tmp_path: Path) -> Path:
    """The settings of the newer server, for its operator."""
    known = {
        **settings("new", town.mail),
        "PDS_DID_PLC_URL": town.old.url,
        "PDS_PORT": str(town.new.port),
        "PDS_DATA_DIRECTORY": str(town.new.data),
        "PDS_BLOB_UPLOAD_LIMIT": "1003",
    }
    file = tmp_path / "new.env"
    write(file, known)
    return file


def write(file: Path, known: dict[str, str]) -> None:
    file.write_text("".join(f"{name}={value}\n" for name, value in known.items()))


def allow_large_blobs(file: Path) -> None:
    file.write_text(file.read_text() + "PDS_BLOB_UPLOAD_LIMIT=1000000\n")


def move_in(
    move: Move, env_file: Path, *words: str, origin: str | None = None
) -> subprocess.CompletedProcess[str]:
    """The command as a program gives it."""
    password = ("--old-password", move.old.password)
    given = ("--email", move.new.email, "--password", move.new.password, "--json")
    return pdsadmin(
        "account",
        "move-in",
        move.did,
        *(() if origin is None else ("--from", origin)),
        *password,
        *given,
        *words,
        env_file=env_file,
    )


def said(done: subprocess.CompletedProcess[str], status: int) -> str:
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def code_of(move: Move, env_file: Path, *words: str) -> str:
    """Run the command as far as it comes without a code; the code that the old server sends."""

    def ask() -> None:
        assert "nobody can be asked here: give --code" in said(move_in(move, env_file, *words), 1)

    return move.mailed_code(move.old.email, ask)


def test_account_moves_in_with_one_command_and_a_code(town: Town, env_file: Path) -> None:
    move, own = settle(town), PrivateKey.generate().did_key
    before = belongings(move, move.old)
    allow_large_blobs(env_file)

    refused = move_in(move, env_file, "--old-password", "wrong")
    assert "Invalid identifier or password" in said(refused, 1)
    assert town.new.get("com.atproto.sync.listRepos")["repos"] == []

    code = code_of(move, env_file, "--rotation-key", own)
    refused = move_in(move, env_file, "--code", "AAAAA-AAAAA")
    assert "Nothing is lost: give the same command again" in said(refused, 1)
    assert belongings(move, move.old) == before  # nothing that could not be given up
    assert not move.status()["activated"]
    done = move_in(move, env_file, "--rotation-key", own, "--code", code)

    assert "It is inactive at the old server" in said(done, 0)
    moved: dict[str, Any] = json.loads(done.stdout)
    assert (moved["handle"], moved["status"]) == ("alice.new.test", "active")
    assert (moved["records"], moved["blobs"], moved["lostBlobs"]) == (RECORDS + BLOBS, BLOBS, [])
    check_arrival(move, before)
    consumer = town.consumer()
    catch_up(consumer, town.new, move.did, write_post(move, move.new))
    assert consumer.counts["#sync"] == 1
    with urllib.request.urlopen(f"{town.old.url}/{move.did}/log/last", timeout=30) as reply:
        assert json.loads(reply.read())["rotationKeys"][0] == own


def test_what_is_too_large_stops_the_move_until_that_is_accepted_and_can_come_later(
    town: Town, env_file: Path
) -> None:
    move = settle(town)
    before = belongings(move, move.old)

    stopped = said(move_in(move, env_file), 1)
    assert "it is larger than 1003 bytes" in stopped
    assert "add --without-missing" in stopped

    code = code_of(move, env_file, "--without-missing")
    done = move_in(move, env_file, "--without-missing", "--code", code)
    said(done, 0)
    assert [one["reason"] for one in json.loads(done.stdout)["lostBlobs"]] == [
        "it is larger than 1003 bytes"
    ]

    assert "name the old server: --from" in said(move_in(move, env_file), 1)
    allow_large_blobs(env_file)
    done = move_in(move, env_file, origin=town.old.url)
    said(done, 0)
    assert json.loads(done.stdout)["lostBlobs"] == []
    check_arrival(move, before)


@in_its_own_time
def test_what_a_tool_left_half_done_is_gone_on_with(town: Town, env_file: Path) -> None:
    move = settle(town)
    before = belongings(move, move.old)
    allow_large_blobs(env_file)
    for step in STEPS[:-2]:  # the DID points here, and nothing is active here
        step(move)
    town.new.kill()  # and nothing is running

    done = move_in(move, env_file, origin=town.old.url)

    assert "is known here; going on" in said(done, 0)
    assert json.loads(done.stdout)["password"] is None
    town.new.start()

    check_arrival(move, before)


@in_its_own_time
def test_who_was_taken_down_moves_away_all_the_same(town: Town, env_file: Path) -> None:
    move = settle(town)
    allow_large_blobs(env_file)
    down = pdsadmin("account", "takedown", move.did, data=town.old.data)
    assert down.returncode == 0, down.stderr

    code = code_of(move, env_file)
    done = move_in(move, env_file, "--code", code)

    said(done, 0)
    moved: dict[str, Any] = json.loads(done.stdout)
    assert (moved["status"], moved["records"]) == ("active", RECORDS + BLOBS)
