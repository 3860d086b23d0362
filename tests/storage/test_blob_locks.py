"""Who has a blob's lock has the blob to itself, whichever thread or program the others are."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from pds.atproto.cid import cid_for_raw
from pds.storage.blob_locks import BlobLocks

ALICE = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"
BOB = "did:plc:bbbbbbbbbbbbbbbbbbbbbbbb"
ONE, TWO = cid_for_raw(b"one"), cid_for_raw(b"two")

OTHER_PROGRAM = """
import sys
from pathlib import Path
from pds.atproto.cid import Cid
from pds.storage.blob_locks import BlobLocks

with BlobLocks(Path(sys.argv[1])).blobs(sys.argv[2], [Cid.parse(sys.argv[3])]):
    print("has it", flush=True)
    sys.stdin.read()
"""

Lock = Callable[[BlobLocks], AbstractContextManager[None]]


@pytest.fixture
def locks(tmp_path: Path) -> BlobLocks:
    return BlobLocks(tmp_path / "blobs.lock")


def waits(locks: BlobLocks, first: Lock, second: Lock) -> bool:
    """Whether another thread gets ``second`` only when this one has let go of ``first``."""
    order: list[str] = []

    def run() -> None:
        with second(locks):
            order.append("second")

    thread = threading.Thread(target=run)
    with first(locks):
        thread.start()
        thread.join(0.05)
        order.append("first")
    thread.join(5)
    assert len(order) == 2
    return order == ["first", "second"]


def blobs(folder: str, *content: bytes) -> Lock:
    return lambda locks: locks.blobs(folder, [cid_for_raw(name) for name in content])


def account(folder: str) -> Lock:
    return lambda locks: locks.account(folder)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (blobs(ALICE, b"one"), blobs(ALICE, b"one")),
        (blobs(ALICE, b"one", b"two"), blobs(ALICE, b"two", b"three")),
        (blobs(ALICE, b"one"), account(ALICE)),
        (account(ALICE), blobs(ALICE, b"one")),
        (account(ALICE), account(ALICE)),
    ],
)
def test_what_meets_takes_turns(locks: BlobLocks, first: Lock, second: Lock) -> None:
    assert waits(locks, first, second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (blobs(ALICE, b"one"), blobs(ALICE, b"two")),
        (blobs(ALICE, b"one"), blobs(BOB, b"one")),
        (blobs(ALICE, b"one"), account(BOB)),
        (account(ALICE), account(BOB)),
    ],
)
def test_what_does_not_meet_does_not_wait(locks: BlobLocks, first: Lock, second: Lock) -> None:
    assert not waits(locks, first, second)


def test_other_program_waits_too_and_a_killed_one_lets_go(locks: BlobLocks, tmp_path: Path) -> None:
    command = [sys.executable, "-c", OTHER_PROGRAM, str(tmp_path / "blobs.lock")]
    command += [ALICE, str(ONE)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"has it\n"
        got = threading.Event()

        def run() -> None:
            with locks.blobs(ALICE, [ONE]):
                got.set()

        thread = threading.Thread(target=run)
        thread.start()
        assert not got.wait(0.05)
        with locks.blobs(ALICE, [TWO]):
            pass

        other.kill()

        assert got.wait(5)
        thread.join()
