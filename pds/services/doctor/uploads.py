"""Do uploads go that nobody used, or do they fill the disk?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from pds.services.blob_stores import configured_store
from pds.services.doctor.model import Check, Finding, Patient, all_well
from pds.storage import blobs

_DAY_US: Final = 86_400_000_000
_LATE_US: Final = 2 * _DAY_US  # a job lets them go after one
_MIB: Final = 1024 * 1024
_LOOKED_AT: Final = 1_000


def left_over(patient: Patient) -> Iterator[Path]:
    """Files of uploads that were cut off more than a day ago."""
    directory = configured_store(patient.config).incoming.directory
    try:
        files = list(directory.iterdir())
    except OSError:
        return
    before_s = (patient.clock() - _DAY_US) / 1_000_000
    for file in files:
        try:
            if file.is_file() and file.stat().st_mtime < before_s:
                yield file
        except OSError:  # gone meanwhile
            continue


def _look(patient: Patient) -> Sequence[Finding]:
    files = list(left_over(patient))
    late = blobs.find_due(patient.clock() - _LATE_US, _LOOKED_AT)
    if not files and not late:
        return all_well("uploads", "none is left over")
    size = sum(file.stat().st_size for file in files if file.exists()) // _MIB
    found = f"{len(files)} uploads were cut off ({size} MiB), {len(late)} have not been used"
    return [Finding("uploads-left", "warn", found, "pdsadmin doctor --fix")]


CHECK = Check("uploads", _look, limit_s=20.0, findings=("uploads-left",), needs="database")
