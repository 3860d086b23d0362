"""Run the checks: those of a lane one after the other, lanes side by side, each within its time.

A check that hangs is left behind (its thread ends with the process), and so is the rest of its
lane: what comes after it would hang as well.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from pds.errors import PdsError
from pds.services.doctor.model import Check, Finding, Outcome, Patient
from pds.storage.database import DatabaseError, close_thread_connection

logger = logging.getLogger("pds.doctor")

Progress = Callable[[Sequence[str]], None]
"""Called now and then with the names of the checks that are under way."""

TELL_EVERY_S: Final = 2.0
_NO_DATABASE: Final = "the database cannot be used"
_WHY_UNREADABLE: Final = frozenset(
    {"database-damaged", "disk-full", "disk-read-only", "server-read-only"}
)
_LOCAL: Final = "this server is for its own machine only"


@dataclass(slots=True)
class Examined:
    """What one check has found so far. ``is_over`` also once it was left behind."""

    check: Check
    findings: list[Finding] = field(default_factory=list)
    began_s: float | None = None
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def is_bad(self) -> bool:
        return any(finding.outcome == "bad" for finding in self.findings)


class Checkup:
    """One look at everything."""

    def __init__(self, patient: Patient, checks: Sequence[Check], progress: Progress) -> None:
        self._patient = patient
        self._progress = progress
        self._all = {check.name: Examined(check) for check in checks}
        self._lock = threading.Lock()
        self._unreadable: list[Finding] = []

    def run(self) -> list[Finding]:
        """What was found, in the order of the checks.

        Checks without a lane come first if others build on them, and beside the lanes if not.
        """
        foundations = {name for examined in self._all.values() for name in examined.check.after}
        alone = [one for one in self._all.values() if one.check.lane is None]
        first = [one for one in alone if one.check.name in foundations]
        self._run_in_thread(first)
        self._wait(first)
        lanes: dict[str, list[Examined]] = {}
        for one in self._all.values():
            if one not in first:
                lanes.setdefault(one.check.lane or "", []).append(one)
        for lane in lanes.values():
            self._run_in_thread(lane)
        for lane in lanes.values():
            self._wait(lane)
        found = [finding for one in self._all.values() for finding in one.findings]
        if any(finding.name in _WHY_UNREADABLE for finding in found):
            return found
        return [*found, *self._unreadable[:1]]  # one cause, however many checks it stops

    def _run_in_thread(self, lane: Sequence[Examined]) -> None:
        def run() -> None:
            try:
                for one in lane:
                    if one.over.is_set():
                        return  # left behind
                    self._examine(one)
            finally:
                close_thread_connection()

        threading.Thread(target=run, name="doctor", daemon=True).start()

    def _examine(self, one: Examined) -> None:
        one.began_s = time.monotonic()
        reason = self._why_not(one.check)
        if reason is not None:
            found: Iterable[Finding] = [Finding(one.check.name, "skipped", reason)]
        else:
            found = self._look(one.check)
        with self._lock:
            if not one.over.is_set():
                one.findings = list(found)
                one.over.set()

    def _why_not(self, check: Check) -> str | None:
        if check.public and self._patient.is_local:
            return _LOCAL
        if check.needs == "database" and self._patient.services is None:
            return _NO_DATABASE
        for name in check.after:
            if name in self._all and self._all[name].is_bad:
                return f'tells nothing before "{name}" is well'
        return None

    def _look(self, check: Check) -> Sequence[Finding]:
        try:
            return check.look(self._patient)
        except DatabaseError as error:
            reason = f"the database cannot be read: {error}"
            self._unreadable.append(_unfinished(check, reason))
            return [Finding(check.name, "skipped", reason)]
        except PdsError as error:
            return [_unfinished(check, error.message)]
        except Exception as error:  # whatever it is, the other checks are still of use
            logger.exception("the check %s failed", check.name)
            return [_unfinished(check, f"{type(error).__name__}: {error}")]

    def _wait(self, lane: Sequence[Examined]) -> None:
        """Until all of a lane is over, or one takes longer than it may."""
        for at, one in enumerate(lane):
            while not one.over.wait(self._until_next_word(one)):
                self._tell()
                if self._left_s(one) <= 0:
                    self._leave_behind(lane[at:])
                    return

    def _until_next_word(self, one: Examined) -> float:
        return max(0.01, min(TELL_EVERY_S, self._left_s(one)))

    def _left_s(self, one: Examined) -> float:
        if one.began_s is None:
            return one.check.limit_s
        return one.began_s + one.check.limit_s - time.monotonic()

    def _leave_behind(self, lane: Sequence[Examined]) -> None:
        with self._lock:
            for one in lane:
                if not one.over.is_set():
                    limit_s = lane[0].check.limit_s
                    reason = f"not finished within {limit_s:.0f} s"
                    one.findings = [_unfinished(one.check, reason)]
                    one.over.set()

    def _tell(self) -> None:
        under_way = [
            one.check.name
            for one in self._all.values()
            if one.began_s is not None and not one.over.is_set()
        ]
        if under_way:
            self._progress(under_way)


def _unfinished(check: Check, reason: str) -> Finding:
    remedy = "run pdsadmin doctor again; if it stays, docs/troubleshooting.md#unfinished"
    return Finding("unfinished", "warn", f"{check.name}: {reason}", remedy)


def worst(findings: Iterable[Finding]) -> Outcome:
    """The worst of all; ``ok`` when nothing is to do."""
    outcomes = {finding.outcome for finding in findings}
    if "bad" in outcomes:
        return "bad"
    return "warn" if "warn" in outcomes else "ok"
