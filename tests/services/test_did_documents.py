"""DID documents: remembered for a while, refreshed behind the caller's back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from pds.network.did_resolver import DidEndedError, DidNotFoundError, DidResolutionError
from pds.services import did_documents
from pds.services.did_documents import DidDocuments
from pds.storage import did_cache
from tests.factories import StillClock

pytestmark = pytest.mark.usefixtures("open_database")

HOUR_S = 3_600
HOUR_US = 3_600_000_000
WEB = "did:web:alice.example.com"


class Outside:
    """Resolves what it is told to."""

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, Any] | Exception] = {}
        self.asked: list[str] = []
        self.answered = threading.Event()

    def resolve(self, did: str) -> dict[str, Any]:
        self.asked.append(did)
        self.answered.set()
        found = self.documents.get(did, DidNotFoundError())
        if isinstance(found, Exception):
            raise found
        return found


@pytest.fixture
def outside() -> Outside:
    return Outside()


@pytest.fixture
def documents(outside: Outside, clock: StillClock) -> Iterator[DidDocuments]:
    made = DidDocuments(outside, clock, stale_us=HOUR_US, max_us=24 * HOUR_US)
    yield made
    made.close()


def _named(handle: str) -> dict[str, Any]:
    return {"id": WEB, "alsoKnownAs": [f"at://{handle}"]}


ALICE = _named("alice.example.com")


def test_a_fresh_document_is_not_fetched_again(
    documents: DidDocuments, outside: Outside, clock: StillClock
) -> None:
    outside.documents[WEB] = ALICE

    first = documents.get(WEB)
    clock.advance(HOUR_S - 1)

    assert documents.get(WEB) == first == ALICE
    assert outside.asked == [WEB]


def test_a_stale_document_is_served_and_refreshed_behind(
    documents: DidDocuments, outside: Outside, clock: StillClock
) -> None:
    outside.documents[WEB] = _named("old.example.com")
    old = documents.get(WEB)
    outside.documents[WEB] = _named("new.example.com")
    outside.answered.clear()
    clock.advance(HOUR_S)

    assert documents.get(WEB) == old

    assert outside.answered.wait(5)
    documents.close()  # waits for the refreshing
    assert documents.get(WEB) == _named("new.example.com")


def test_a_stale_document_outlives_a_failing_refresh(
    documents: DidDocuments, outside: Outside, clock: StillClock
) -> None:
    outside.documents[WEB] = ALICE
    documents.get(WEB)
    outside.documents[WEB] = DidResolutionError()
    clock.advance(23 * HOUR_S)

    assert documents.get(WEB) == ALICE
    documents.close()

    assert documents.get(WEB) == ALICE
    assert len(outside.asked) == 2


def test_a_document_past_its_day_is_fetched(
    documents: DidDocuments, outside: Outside, clock: StillClock
) -> None:
    outside.documents[WEB] = _named("old.example.com")
    documents.get(WEB)
    outside.documents[WEB] = _named("new.example.com")
    clock.advance(24 * HOUR_S)

    assert documents.get(WEB) == _named("new.example.com")

    outside.documents[WEB] = DidResolutionError()
    clock.advance(24 * HOUR_S)
    with pytest.raises(DidResolutionError):
        documents.get(WEB)


def test_refreshing_asks_the_source(documents: DidDocuments, outside: Outside) -> None:
    outside.documents[WEB] = _named("old.example.com")
    documents.get(WEB)
    outside.documents[WEB] = _named("new.example.com")

    assert documents.refresh(WEB) == _named("new.example.com")
    assert documents.get(WEB) == _named("new.example.com")


def test_an_absence_is_believed_for_seconds_only(
    documents: DidDocuments, outside: Outside, clock: StillClock
) -> None:
    for _ in range(3):
        with pytest.raises(DidNotFoundError):
            documents.get(WEB)
    assert outside.asked == [WEB]

    outside.documents[WEB] = ALICE
    assert documents.refresh(WEB) == ALICE
    outside.documents[WEB] = DidNotFoundError()
    with pytest.raises(DidNotFoundError):
        documents.refresh(WEB)
    outside.documents[WEB] = ALICE
    clock.advance(11)

    assert documents.get(WEB) == ALICE


def test_a_failure_to_ask_is_not_remembered(documents: DidDocuments, outside: Outside) -> None:
    outside.documents[WEB] = DidResolutionError()
    with pytest.raises(DidResolutionError):
        documents.get(WEB)
    outside.documents[WEB] = ALICE

    assert documents.get(WEB) == ALICE


def test_a_did_that_vanished_is_forgotten(
    documents: DidDocuments, outside: Outside, clock: StillClock
) -> None:
    outside.documents[WEB] = ALICE
    documents.get(WEB)
    outside.documents[WEB] = DidNotFoundError()

    with pytest.raises(DidNotFoundError):
        documents.refresh(WEB)

    assert did_cache.find_document(WEB) is None


def test_absences_remembered_are_bounded(documents: DidDocuments, outside: Outside) -> None:
    for number in range(1_001):
        with pytest.raises(DidNotFoundError):
            documents.get(f"did:web:h{number}.example.com")
    with pytest.raises(DidNotFoundError):
        documents.get("did:web:h0.example.com")

    assert outside.asked.count("did:web:h0.example.com") == 2


def test_documents_remembered_are_bounded(
    documents: DidDocuments,
    outside: Outside,
    clock: StillClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(did_documents, "MAX_REMEMBERED", 3)
    monkeypatch.setattr(did_documents, "SAVES_BETWEEN_TRIMS", 5)
    dids = [f"did:web:h{number}.example.com" for number in range(10)]
    for did in dids:
        outside.documents[did] = {"id": did}
        documents.get(did)
        clock.advance(1)

    assert [did for did in dids if did_cache.find_document(did)] == dids[-3:]
    assert documents.get(dids[0]) == {"id": dids[0]}


def test_very_large_document_is_served_and_not_kept(
    documents: DidDocuments, outside: Outside
) -> None:
    outside.documents[WEB] = ALICE
    documents.get(WEB)
    outside.documents[WEB] = large = {**ALICE, "note": "a" * 17_000}

    assert documents.refresh(WEB) == large

    assert did_cache.find_document(WEB) is None


def test_absence_keeps_its_reason(documents: DidDocuments, outside: Outside) -> None:
    outside.documents[WEB] = DidEndedError("ended")

    for _ in range(2):
        with pytest.raises(DidEndedError, match="ended"):
            documents.get(WEB)
    assert outside.asked == [WEB]


def test_old_documents_are_expired(
    documents: DidDocuments, outside: Outside, clock: StillClock
) -> None:
    outside.documents[WEB] = ALICE
    documents.get(WEB)
    clock.advance(24 * HOUR_S + 1)

    assert documents.expire(10) == 1
    assert documents.expire(10) == 0


def test_a_refresh_runs_once_at_a_time(
    documents: DidDocuments, outside: Outside, clock: StillClock
) -> None:
    outside.documents[WEB] = ALICE
    documents.get(WEB)
    clock.advance(HOUR_S)
    may_answer = threading.Event()
    resolve = outside.resolve

    def slow(did: str) -> dict[str, Any]:
        found = resolve(did)
        may_answer.wait(5)
        return found

    outside.resolve = slow  # type: ignore[method-assign] # a slower outside
    for _ in range(5):
        documents.get(WEB)
    may_answer.set()
    documents.close()

    assert outside.asked == [WEB, WEB]


def test_a_bug_while_refreshing_is_logged(
    documents: DidDocuments, outside: Outside, clock: StillClock, caplog: pytest.LogCaptureFixture
) -> None:
    outside.documents[WEB] = ALICE
    documents.get(WEB)
    outside.documents[WEB] = ZeroDivisionError()
    clock.advance(HOUR_S)

    assert documents.get(WEB) == ALICE
    documents.close()

    assert f"refreshing {WEB} failed" in caplog.text


def test_a_change_that_cannot_be_read_back_is_forgotten(
    documents: DidDocuments, outside: Outside
) -> None:
    outside.documents[WEB] = ALICE
    documents.get(WEB)
    outside.documents[WEB] = DidResolutionError()

    documents.refresh_or_forget(WEB)

    assert did_cache.find_document(WEB) is None
