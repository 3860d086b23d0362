"""Backups by themselves: which is due, and making it in a process of its own.

A check opens the restored database as the one of its process, and neither should take the
interpreter from requests: so both are the operator's own commands, run for her.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from pds.services.backup import access
from pds.services.backup.access import Outcome
from pds.services.clock import Clock

logger = logging.getLogger("pds.backup")

NIGHT: Final = 3  # o'clock, UTC: from then on the day's backup is due
CHECK_EVERY: Final = timedelta(days=7)
RETRY_AFTER: Final = timedelta(hours=1)
_CLOCK_ERROR: Final = timedelta(hours=1)
LIMIT_S: Final = 6 * 60 * 60
_ROOT: Final = Path(__file__).resolve().parents[3]


def due(now_us: int) -> str | None:
    """``create``, ``verify`` or None: what it is time for.

    What is said to be of tomorrow was made by a clock that was wrong, and counts for nothing: else
    there would be no backup until that day.
    """
    now = _time(now_us)
    failure = access.last_failure()
    if failure is not None and timedelta(0) <= now - _time(failure.at_us) < RETRY_AFTER:
        return None
    last = access.last_backup()
    night = now.replace(hour=NIGHT, minute=0, second=0, microsecond=0)
    if now < night:
        night -= timedelta(days=1)
    if last is None or not night <= _time(last.at_us) <= now + _CLOCK_ERROR:
        return "create"
    check = access.last_check()
    if check is None or not -_CLOCK_ERROR <= now - _time(check.at_us) < CHECK_EVERY:
        return "verify"
    return None


class BackupRun:
    """One ``pdsadmin backup create`` or ``verify``, as a process that may be ended."""

    def __init__(self, what: str, environ: Mapping[str, str]) -> None:
        """environ: the server's whole environment; no other file of settings is looked at."""
        self._what = what
        self._is_stopped = False
        self._process = subprocess.Popen(  # noqa: S603 # our own program
            [sys.executable, "-m", "pds.cli", "backup", what],
            cwd=_ROOT,
            env={**environ, "PDS_ENV_FILE": os.devnull},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )

    def finish(self, clock: Clock) -> None:
        """Wait for its end, and tell how it went: in the log, and to the doctor."""
        try:
            said, complaint = self._process.communicate(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            self._end()
            self._process.communicate()  # closes the pipes
            said, complaint = (
                "",
                f"Error: it took more than {LIMIT_S // 3600} hours; the next goes on from there",
            )
        if self._process.returncode == 0:
            logger.info("backup %s: %s", self._what, said.partition("\n")[0])
            return
        if self._is_stopped:
            return  # as the server is
        lines = [line for line in complaint.splitlines() if line.strip()]
        text = lines[-1].removeprefix("Error: ") if lines else _ended(self._process.returncode)
        logger.error("backup %s failed: %s", self._what, text)
        access.remember_failure(Outcome(clock(), "", is_good=False, text=f"{self._what}: {text}"))

    def stop(self) -> None:
        """End it; the next one goes on with what was copied."""
        self._is_stopped = True
        self._end()

    def _end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _ended(status: int) -> str:
    if status == -signal.SIGKILL:
        return "it was killed, as the system does when memory runs out"
    return f"it ended with status {status} and gave no reason"


def _time(at_us: int) -> datetime:
    return datetime.fromtimestamp(at_us / 1_000_000, UTC)
