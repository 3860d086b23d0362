"""Are there backups, young ones, that were checked?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from pds.services.account_listing import each_account
from pds.services.backup import access
from pds.services.doctor.model import Check, Finding, Patient, all_well, not_looked_at

_HOUR_US: Final = 3_600_000_000
_DAY_US: Final = 24 * _HOUR_US
_OLD_US: Final = 2 * _DAY_US  # one is made every night
_CHECK_OLD_US: Final = 15 * _DAY_US  # one is checked every week
_MAKE_ONE: Final = "pdsadmin backup create tells why; then docs/backups.md"


def _look(patient: Patient) -> Sequence[Finding]:
    if patient.config.backup_location is None:
        if patient.is_local:
            return not_looked_at("backups", "this server is for trying")
        found = "no backups are made"
        remedy = (
            "sudo ./install.sh server --backup-to FOLDER (on another disk, or a bucket), or set"
            " PDS_BACKUP_LOCATION and restart: docs/backups.md"
        )
        return [Finding("backups-off", "warn", found, remedy)]
    now_us = patient.clock()
    findings = [*_last(now_us), *_failed(), *_checked(now_us)]
    if findings:
        return findings
    last = access.last_backup()
    if last is None:
        return all_well("backups", "the first is made tonight")
    return all_well("backups", f"the last is {(now_us - last.at_us) // _HOUR_US} hours old")


def _last(now_us: int) -> Sequence[Finding]:
    last = access.last_backup()
    if last is None:
        first = next(each_account(), None)
        if first is None or _microseconds(first.created_at) > now_us - _OLD_US:
            return []
        return [Finding("backups-missing", "bad", "no backup was ever made", _MAKE_ONE)]
    if now_us - last.at_us <= _OLD_US:
        return []
    days = (now_us - last.at_us) // _DAY_US
    return [Finding("backups-old", "bad", f"the last backup is {days} days old", _MAKE_ONE)]


def _failed() -> Sequence[Finding]:
    failure = access.last_failure()
    good = [outcome.at_us for outcome in (access.last_backup(), access.last_check()) if outcome]
    if failure is None or failure.at_us <= max(good, default=0):
        return []
    found = f"the last backup or check failed: {failure.text}"
    return [Finding("backups-failed", "bad", found, _MAKE_ONE)]


def _checked(now_us: int) -> Sequence[Finding]:
    check = access.last_check()
    if check is None:
        return []
    if not check.is_good:
        found = f"the backup {check.snapshot} is not good: {check.text}"
        remedy = "pdsadmin backup create, then pdsadmin backup verify; docs/backups.md"
        return [Finding("backups-damaged", "bad", found, remedy)]
    if now_us - check.at_us > _CHECK_OLD_US:
        days = (now_us - check.at_us) // _DAY_US
        found = f"no backup was checked for {days} days"
        return [Finding("backups-unchecked", "warn", found, "pdsadmin backup verify")]
    return []


def _microseconds(iso: str) -> int:
    return int(datetime.fromisoformat(iso).timestamp() * 1_000_000)


CHECK = Check(
    "backups",
    _look,
    limit_s=10.0,
    findings=(
        "backups-off",
        "backups-missing",
        "backups-old",
        "backups-failed",
        "backups-damaged",
        "backups-unchecked",
    ),
    needs="database",
)
