"""Slow servers of strangers hold a part of the request threads, never all of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pds.config import Config
from pds.services.look_ups import LookUps, LookUpsBusyError, for_members
from tests.factories import make_account, make_config
from tests.fakes.web_server import Asked, Route, web_server

if TYPE_CHECKING:
    from tests.stage import Stage

LIMIT_S = 10
THREADS = 4  # of the server


@dataclass
class SlowServer:
    """Says nothing before it is let, and then what every asker understands."""

    may_answer: threading.Event = field(default_factory=threading.Event)
    arrived: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def answer(self, _asked: Asked) -> Route:
        self.arrived.release()
        self.may_answer.wait(LIMIT_S)
        return (200, {}, b'{"did": "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"}')


@pytest.fixture
def slow() -> SlowServer:
    return SlowServer()


@pytest.fixture
def config(tmp_path: Path, slow: SlowServer) -> Iterator[Config]:
    """A server that asks ``slow`` for everything."""
    with web_server() as web:
        web.otherwise = slow.answer
        yield make_config(
            tmp_path,
            threads=str(THREADS),
            did_plc_url=web.url,
            bsky_app_view_url=web.url,
            bsky_app_view_did="did:web:api.example.com",
            id_resolver_timeout=str(LIMIT_S * 1_000),
        )
        slow.may_answer.set()


def did(number: int) -> str:
    return "did:plc:" + "abcdefghijklmnopqrstuvwxyz"[number] * 24


@pytest.mark.parametrize(
    "path",
    [
        "com.atproto.identity.resolveDid?did={did}",
        "com.atproto.identity.resolveIdentity?identifier={did}",
        "com.atproto.identity.resolveHandle?handle=h{number}.example.com",
    ],
)
def test_look_ups_leave_threads_for_everything_else(
    stage: Stage, slow: SlowServer, path: str
) -> None:
    asked = [f"/xrpc/{path.format(did=did(n), number=n)}" for n in range(THREADS + 4)]
    with ThreadPoolExecutor(len(asked)) as strangers:
        answers = [strangers.submit(stage.web.get, one) for one in asked]
        for _ in range(THREADS // 2):
            assert slow.arrived.acquire(timeout=LIMIT_S)
        assert stage.web.get("/xrpc/com.atproto.server.describeServer").status == 200
        first = as_completed(answers, timeout=LIMIT_S)
        refusals = [next(first).result() for _ in range(len(asked) - THREADS // 2)]
        slow.may_answer.set()

    assert {refusal.error[:2] for refusal in refusals} == {(503, "NotEnoughResources")}
    assert {answer.result().status for answer in answers} <= {200, 502, 503}


def test_who_logs_in_does_not_wait_for_a_turn(stage: Stage, slow: SlowServer) -> None:
    slow.may_answer.set()
    person = make_account(stage.services, "alice")
    slow.may_answer.clear()
    with ThreadPoolExecutor(THREADS) as strangers:
        for n in range(THREADS // 2):
            strangers.submit(stage.services.identity.did_document, did(n))
            assert slow.arrived.acquire(timeout=LIMIT_S)
        assert stage.may_log_in(person, person.password)
        assert stage.is_signed_in(person)
        slow.may_answer.set()


def test_turn_is_given_back_also_after_a_failure() -> None:
    class Broken:
        def resolve(self, name: str) -> str:
            raise ValueError(name)

    bounded = LookUps(1).bounded(Broken())

    for _ in range(3):
        with pytest.raises(ValueError, match="a"):
            bounded.resolve("a")


def test_turns_are_shared_by_all_who_ask() -> None:
    look_ups = LookUps(1)

    class Asking:
        def resolve(self, name: str) -> str:
            return look_ups.bounded(Asking()).resolve(name)

    with pytest.raises(LookUpsBusyError):
        look_ups.bounded(Asking()).resolve("a")


def test_a_few_are_kept_for_members() -> None:
    look_ups = LookUps(1, reserved=1)

    with look_ups.turn():
        with pytest.raises(LookUpsBusyError), look_ups.turn():
            pass
        for _ in range(2):  # what was taken of them is given back
            with for_members(), look_ups.turn(), pytest.raises(LookUpsBusyError), look_ups.turn():
                pass
        with pytest.raises(LookUpsBusyError), look_ups.turn():
            pass
    with look_ups.turn():
        pass
