"""Where threads may run: all on one processor, but for those that roam."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator

import pytest

from pds.services import processors

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="needs a system with two processors that lets threads choose",
)


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = os.sched_getaffinity(0)
    monkeypatch.setattr(processors, "_everywhere", set())
    yield
    os.sched_setaffinity(0, before)


def seen_in_a_thread(roaming: bool) -> set[int]:
    found: list[set[int]] = []

    def look() -> None:
        if roaming:
            processors.roam()
        found.append(os.sched_getaffinity(0))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    return found[0]


def test_threads_stay_on_one_processor_unless_they_roam() -> None:
    everywhere = os.sched_getaffinity(0)
    processors.share_one()
    assert len(seen_in_a_thread(roaming=False)) == 1
    assert seen_in_a_thread(roaming=True) == everywhere


def test_roaming_changes_nothing_when_nobody_shares() -> None:
    everywhere = os.sched_getaffinity(0)
    assert seen_in_a_thread(roaming=True) == everywhere


def test_a_system_that_forbids_it_is_no_reason_not_to_start(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_thread: int, _allowed: set[int]) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    with caplog.at_level(logging.INFO, "pds.processors"):
        processors.share_one()
        processors.roam()
    assert "Operation not permitted" in caplog.text
    monkeypatch.undo()  # the fixture above puts the real processors back
