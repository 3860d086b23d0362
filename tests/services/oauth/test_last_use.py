"""The time of last use: written seldom, and never in a request's way."""

from __future__ import annotations

import sqlite3
import threading
from typing import TYPE_CHECKING

import pytest
from peewee import DatabaseError as PeeweeError

from pds.errors import NotEnoughResourcesError
from pds.services.oauth import last_use
from pds.services.oauth.last_use import EVERY_US, LastUse
from pds.storage import oauth_grants
from tests.factories import Person, StillClock, race
from tests.grant_tools import make_grant

if TYPE_CHECKING:
    from pds.services import Services


def used_at(grant_id: str) -> int:
    found = oauth_grants.find(grant_id)
    assert found is not None
    return found.used_at_us


def test_use_is_noted_every_five_minutes(
    services: Services, alice: Person, clock: StillClock
) -> None:
    grant, tokens = make_grant(services, alice)
    first = clock.now_us

    seen = []
    for _ in range(11):
        services.oauth.grants.verify_access(tokens.access_token, grant.dpop_jkt)
        seen.append((used_at(grant.id) - first) // 1_000_000)
        clock.advance(60)

    assert seen == [0, 0, 0, 0, 0, 300, 300, 300, 300, 300, 600]


@pytest.mark.parametrize(
    "failure", [NotEnoughResourcesError(), sqlite3.DatabaseError("malformed"), PeeweeError()]
)
def test_a_database_that_cannot_be_written_fails_nothing_and_is_tried_seldom(
    services: Services,
    alice: Person,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    failure: Exception,
) -> None:
    grant, _ = make_grant(services, alice)
    tries = []

    def refuse(*_arguments: object) -> None:
        tries.append(1)
        raise failure

    monkeypatch.setattr(oauth_grants, "set_used", refuse)
    notes = LastUse()
    now_us = grant.used_at_us + EVERY_US
    for second in range(10):
        notes.note(grant.id, grant.used_at_us, now_us + second)
    assert len(tries) == 1
    assert "could not be noted" in caplog.text

    notes.note(grant.id, grant.used_at_us, now_us + EVERY_US)
    assert len(tries) == 2


def test_many_at_once_write_it_once(
    services: Services, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant, _ = make_grant(services, alice)
    written = []
    lock = threading.Lock()

    def count(grant_id: str, at_us: int) -> None:
        with lock:
            written.append((grant_id, at_us))

    monkeypatch.setattr(oauth_grants, "set_used", count)
    notes, now_us = LastUse(), grant.used_at_us + EVERY_US
    race([lambda: notes.note(grant.id, grant.used_at_us, now_us)] * 8)

    assert written == [(grant.id, now_us)]


def test_what_is_remembered_is_bounded(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    del services
    monkeypatch.setattr(last_use, "REMEMBERED", 3)
    notes = LastUse()
    for number in range(10):
        notes.note(f"grant {number}", 0, EVERY_US)

    assert list(notes._tried) == ["grant 7", "grant 8", "grant 9"]
