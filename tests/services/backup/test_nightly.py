"""When backups and checks are due."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from typing import Any

import pytest

from pds.services.backup import access, nightly
from pds.services.backup.access import Outcome
from pds.services.backup.nightly import BackupRun, due

pytestmark = pytest.mark.usefixtures("open_database")


def us(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000_000)


def backed_up(text: str) -> None:
    access.remember_backup(Outcome(us(text), "a", is_good=True, text=""))


def checked(text: str) -> None:
    access.remember_check(Outcome(us(text), "a", is_good=True, text=""))


def test_first_one_is_due_at_once() -> None:
    assert due(us("2026-01-05T12:00")) == "create"


def test_one_a_night_is_due_from_three_on() -> None:
    backed_up("2026-01-05T03:01")
    checked("2026-01-05T03:10")

    assert due(us("2026-01-06T02:59")) is None
    assert due(us("2026-01-06T03:00")) == "create"
    backed_up("2026-01-06T03:01")
    assert due(us("2026-01-06T23:00")) is None


def test_one_made_by_hand_in_the_evening_does_not_count_for_the_night() -> None:
    backed_up("2026-01-05T22:00")
    checked("2026-01-05T22:00")

    assert due(us("2026-01-06T04:00")) == "create"


def test_server_that_was_off_at_night_makes_up_for_it() -> None:
    backed_up("2026-01-05T03:01")

    assert due(us("2026-01-09T17:00")) == "create"


def test_check_is_due_once_a_week() -> None:
    backed_up("2026-01-12T03:01")
    assert due(us("2026-01-12T04:00")) == "verify"
    checked("2026-01-05T04:00")

    assert due(us("2026-01-12T03:59")) is None
    assert due(us("2026-01-12T04:00")) == "verify"


def test_failure_is_tried_again_after_an_hour() -> None:
    access.remember_failure(Outcome(us("2026-01-05T03:00"), "", is_good=False, text="no disk"))

    assert due(us("2026-01-05T03:59")) is None
    assert due(us("2026-01-05T04:00")) == "create"


def test_what_a_wrong_clock_has_dated_ahead_holds_up_nothing() -> None:
    backed_up("2031-01-05T03:01")
    assert due(us("2026-01-05T04:00")) == "create"
    backed_up("2026-01-05T04:00")
    checked("2031-01-05T04:00")
    assert due(us("2026-01-05T05:00")) == "verify"
    access.remember_failure(Outcome(us("2031-01-05T03:00"), "", is_good=False, text="no disk"))
    assert due(us("2026-01-05T05:00")) == "verify"


# --- how one ended ------------------------------------------------------------------------------


def run(monkeypatch: pytest.MonkeyPatch, script: str) -> BackupRun:
    """A run of ``script`` in place of the command."""
    start = subprocess.Popen

    def instead(words: list[str], **how: Any) -> subprocess.Popen[str]:
        return start([words[0], "-c", script], **how)

    monkeypatch.setattr(subprocess, "Popen", instead)
    return BackupRun("create", {"PATH": "/usr/bin:/bin"})


def failure() -> str | None:
    found = access.last_failure()
    return None if found is None else found.text


def test_last_words_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    script = "import sys; sys.exit('copying\\nError: no disk')"
    run(monkeypatch, script).finish(lambda: 1)

    assert failure() == "create: no disk"


def test_kill_for_want_of_memory_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch, "import os; os.kill(os.getpid(), 9)").finish(lambda: 1)

    assert failure() == "create: it was killed, as the system does when memory runs out"


def test_one_that_takes_too_long_is_ended_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nightly, "LIMIT_S", 0.2)
    run(monkeypatch, "import time; time.sleep(60)").finish(lambda: 1)

    assert str(failure()).startswith("create: it took more than")


def test_one_that_ends_with_the_server_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    started = run(monkeypatch, "import time; time.sleep(60)")
    started.stop()
    started.finish(lambda: 1)

    assert failure() is None
