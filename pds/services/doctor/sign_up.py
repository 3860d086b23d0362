"""Can people sign up, or has it closed by itself?"""

from __future__ import annotations

from collections.abc import Sequence

from pds.services.doctor.model import Check, Finding, Patient, all_well


def _look(patient: Patient) -> Sequence[Finding]:
    status = patient.opened.flood_breaker.status()
    if status.reason == "flood":
        found = "sign-up has closed by itself: too many came within an hour"
        remedy = "look at them (pdsadmin account list), then pdsadmin sign-up open"
        return [Finding("sign-up-flood", "warn", found, remedy)]
    if status.reason == "full":
        found = f"nobody can sign up: {status.in_all} accounts of {status.max_in_all}"
        remedy = (
            "raise PDS_MAX_ACCOUNTS once your relays allow more, then: sudo systemctl restart pds"
        )
        return [Finding("sign-up-full", "warn", found, remedy)]
    how = "open" if status.is_open else "closed by you"
    return all_well("sign-up", f"{how}, {status.in_all} accounts")


CHECK = Check(
    "sign-up",
    _look,
    limit_s=5.0,
    findings=("sign-up-flood", "sign-up-full"),
    needs="database",
)
