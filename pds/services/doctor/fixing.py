"""What ``--fix`` heals: only what cannot make anything worse, with the server running."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from pds.services.doctor.files import too_open
from pds.services.doctor.model import Finding, Patient

Healer = Callable[[Patient], str | None]
"""Puts right all of one kind; says what it has done, or None when it could do nothing."""


def heal(patient: Patient, findings: Sequence[Finding]) -> list[str]:
    """Put right what can be; one line for each kind of thing that was done."""
    names = dict.fromkeys(finding.name for finding in findings)
    done = (HEALERS[name](patient) for name in names if name in HEALERS)
    return [what for what in done if what is not None]


def _close_files(patient: Patient) -> str | None:
    closed = []
    for file in list(too_open(patient)):
        try:
            file.path.chmod(file.mode)
        except OSError:  # another user's: the finding stays, and says what to do
            continue
        closed.append(str(file.path))
    return f"others cannot use {', '.join(closed)} any more" if closed else None


HEALERS: Final[dict[str, Healer]] = {"files-open": _close_files}
