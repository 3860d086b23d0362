"""Running checks: order, time limits, failures, what is skipped."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from pds.errors import PdsError
from pds.services.clock import system_clock
from pds.services.doctor import checkup
from pds.services.doctor.checkup import Checkup, worst
from pds.services.doctor.model import Check, Finding, Look, Patient
from pds.services.doctor.outside import Outside
from tests.factories import make_config


@pytest.fixture
def patient(tmp_path: Path) -> Iterator[Patient]:
    outside = Outside()
    yield Patient(make_config(tmp_path), system_clock, outside)
    outside.close()


def says(name: str, outcome: str = "ok") -> Look:
    return lambda _patient: [Finding(name, outcome, "found", "remedy")]  # type: ignore[arg-type]


def run(patient: Patient, *checks: Check) -> list[tuple[str, str]]:
    found = Checkup(patient, checks, lambda _names: None).run()
    return [(finding.name, finding.outcome) for finding in found]


def test_findings_come_in_the_order_of_the_checks(patient: Patient) -> None:
    slow = threading.Event()

    def wait(_patient: Patient) -> Sequence[Finding]:
        assert slow.wait(5)
        return [Finding("one", "ok", "")]

    def release(_patient: Patient) -> Sequence[Finding]:
        slow.set()
        return [Finding("two", "ok", "")]

    found = run(patient, Check("one", wait, 10, lane="a"), Check("two", release, 10, lane="b"))

    assert found == [("one", "ok"), ("two", "ok")]


def test_what_builds_on_something_broken_is_skipped(patient: Patient) -> None:
    found = run(
        patient,
        Check("ground", says("ground-gone", "bad"), 5),
        Check("house", says("house"), 5, after=("ground",), lane="a"),
        Check("tree", says("tree"), 5, lane="a"),
    )

    assert found == [("ground-gone", "bad"), ("house", "skipped"), ("tree", "ok")]


def test_a_warning_below_stops_nothing(patient: Patient) -> None:
    ground = Check("ground", says("ground-wet", "warn"), 5)
    house = Check("house", says("house"), 5, after=("ground",))

    assert run(patient, ground, house) == [("ground-wet", "warn"), ("house", "ok")]


def test_public_checks_and_those_of_the_database_are_skipped_where_there_is_none(
    patient: Patient,
) -> None:
    found = run(
        patient,
        Check("world", says("world"), 5, public=True),
        Check("rows", says("rows"), 5, needs="database"),
    )

    assert found == [("world", "skipped"), ("rows", "skipped")]


def test_a_check_that_hangs_is_left_behind_with_its_lane(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkup, "TELL_EVERY_S", 0.02)
    go_on, told = threading.Event(), list[Sequence[str]]()

    def hang(_patient: Patient) -> Sequence[Finding]:
        go_on.wait(10)
        return [Finding("late", "ok", "")]

    checks = (
        Check("hangs", hang, 0.1, lane="a"),
        Check("never", says("never"), 5, lane="a"),
        Check("other", says("other"), 5, lane="b"),
    )
    found = Checkup(patient, checks, told.append).run()
    go_on.set()

    assert [(one.name, one.outcome) for one in found] == [
        ("unfinished", "warn"),
        ("unfinished", "warn"),
        ("other", "ok"),
    ]
    assert found[0].found == "hangs: not finished within 0 s"
    assert ["hangs"] in told


@pytest.mark.parametrize("error", [PdsError("no"), RuntimeError("a bug")])
def test_a_check_that_fails_says_so(patient: Patient, error: Exception) -> None:
    def fail(_patient: Patient) -> Sequence[Finding]:
        raise error

    assert run(patient, Check("fails", fail, 5)) == [("unfinished", "warn")]


def test_a_database_that_cannot_be_read_is_one_finding(patient: Patient) -> None:
    def read(_patient: Patient) -> Sequence[Finding]:
        raise sqlite3.OperationalError("no such table: event")

    checks = (Check("one", read, 5), Check("two", read, 5, lane="a"))
    assert run(patient, *checks) == [("one", "skipped"), ("two", "skipped"), ("unfinished", "warn")]

    damaged = Check("database", says("database-damaged", "bad"), 5)
    assert ("unfinished", "warn") not in run(patient, damaged, *checks)


def test_the_worst_of_all_counts() -> None:
    ok, skipped = Finding("a", "ok", ""), Finding("b", "skipped", "")
    warn, bad = Finding("c", "warn", ""), Finding("d", "bad", "")

    assert worst([]) == worst([ok, skipped]) == "ok"
    assert worst([ok, warn, skipped]) == "warn"
    assert worst([bad, warn]) == "bad"
