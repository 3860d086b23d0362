"""Passwords: the reference's stored form, and answers that tell nothing they should not."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, Any

import pytest

from pds.services import passwords
from pds.services.passwords import (
    MAX_AT_ONCE,
    check_password,
    hash_password,
    password_length,
)
from pds.xrpc.loading import load_methods
from tests.factories import Person
from tests.stage import Stage
from tests.web.harness import running

if TYPE_CHECKING:
    from pds.services import Services

LIMIT_S = 10
REAL_COST = 16_384
STORED = (
    "000102030405060708090a0b0c0d0e0f:"
    "5840f2841249294a51f654db7224551cfcf1600bc79b5f32f5e2dd856ce221fc"
    "4f1ff6dad64b9fab6d4fb8f13bdd8bea4db17fbf92c730afd5eaee0cc42249af"
)


def test_hash_is_the_reference_servers() -> None:
    salt = STORED.partition(":")[0]
    assert hash_password("correct horse", salt=salt, cost=REAL_COST) == STORED


def test_password_of_an_older_server_is_accepted() -> None:
    assert check_password("correct horse", STORED, cost=REAL_COST)
    assert not check_password("correct  horse", STORED, cost=REAL_COST)


def test_each_hash_has_a_salt_of_its_own() -> None:
    first, second = hash_password("x"), hash_password("x")

    assert first != second
    assert check_password("x", first)
    assert check_password("x", second)


@pytest.mark.parametrize("password", ["", "pässwörd", "\N{PILE OF POO}" * 100, "a\x00b"])
def test_any_text_is_a_password(password: str) -> None:
    stored = hash_password(password)

    assert check_password(password, stored)
    assert not check_password(password + "x", stored)


@pytest.mark.parametrize("stored", [None, "", "no colon", ":", "salt:"])
def test_nobody_has_no_password(stored: str | None) -> None:
    assert not check_password("", stored)
    assert not check_password("x", stored)


def test_unknown_user_costs_one_hash_like_a_known_one(monkeypatch: pytest.MonkeyPatch) -> None:
    costs: list[dict[str, Any]] = []
    scrypt = hashlib.scrypt

    def counting(password: bytes, **settings: Any) -> bytes:
        costs.append({name: settings[name] for name in ("n", "r", "p", "dklen")})
        return scrypt(password, **settings)

    monkeypatch.setattr(hashlib, "scrypt", counting)
    stored = hash_password("x", cost=4)
    costs.clear()
    check_password("wrong", stored, cost=4)
    check_password("wrong", None, cost=4)

    assert len(costs) == 2
    assert costs[0] == costs[1]


def test_flood_of_log_ins_leaves_threads_for_those_who_are_signed_in(
    services: Services, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go_on = threading.Event()
    scrypt = hashlib.scrypt

    def slow(password: bytes, **settings: Any) -> bytes:
        may_go_on.wait(LIMIT_S)
        return scrypt(password, **settings)

    monkeypatch.setattr(hashlib, "scrypt", slow)
    body = {"identifier": alice.handle, "password": alice.password}
    threads = services.config.threads
    count = threads + 4
    with (
        running(services, load_methods(), threads=threads) as web,
        ThreadPoolExecutor(count) as crowd,
    ):
        stage = Stage(services, web)
        answers = [
            crowd.submit(stage.post, "com.atproto.server.createSession", body) for _ in range(count)
        ]
        first = as_completed(answers, timeout=LIMIT_S)
        refusals = [next(first).result() for _ in range(count - MAX_AT_ONCE)]
        assert stage.is_signed_in(alice)
        may_go_on.set()
        statuses = [answer.result().status for answer in answers]
        assert stage.may_log_in(alice, alice.password)

    assert {refusal.error[:2] for refusal in refusals} == {(503, "NotEnoughResources")}
    assert statuses.count(200) == MAX_AT_ONCE


def test_length_is_counted_like_clients_do() -> None:
    assert password_length("aé") == 2
    assert password_length("\N{PILE OF POO}") == 2


def test_cost_can_be_lowered_for_tests_only_by_the_constant() -> None:
    assert passwords.SCRYPT_COST == 2  # the fixture in conftest.py
