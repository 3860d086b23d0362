"""May others on this machine read the secrets, or change the data?"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pds.local_secrets import DATABASE_NAME, FILE_NAME
from pds.services.doctor.model import Check, Finding, Patient, all_well

_SECRET: Final = stat.S_IRWXO | stat.S_IWGRP
_OWN: Final = stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file that more people may use than should. mode: as it should be."""

    path: Path
    mode: int
    is_secret: bool


def too_open(patient: Patient) -> Iterator[OpenFile]:
    """What of settings and data more may read or change than the server and the operator."""
    data = patient.config.data_directory
    secrets = [data / FILE_NAME, data / DATABASE_NAME, data / f"{DATABASE_NAME}-wal"]
    if patient.machine.settings_file is not None:
        secrets.append(patient.machine.settings_file)
    for path in secrets:
        yield from _judge(path, _SECRET, is_secret=True)
    folders = [data]
    if patient.config.blobstore_s3_bucket is None:
        folders.append(patient.config.blobstore_disk_location)
    for path in folders:
        yield from _judge(path, _OWN, is_secret=False)


def _judge(path: Path, unwanted: int, *, is_secret: bool) -> Iterator[OpenFile]:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        folder = stat.S_IMODE(path.parent.stat().st_mode)
    except OSError:  # not there, or not for this user to see
        return
    is_within_reach = bool(folder & stat.S_IXOTH) or not is_secret
    if mode & unwanted and is_within_reach:
        yield OpenFile(path, mode & ~unwanted, is_secret)


def _look(patient: Patient) -> Sequence[Finding]:
    findings = [
        Finding(
            "files-open",
            "bad",
            f"others on this machine may {'read' if file.is_secret else 'write to'} {file.path}",
            f"pdsadmin doctor --fix, or sudo chmod {file.mode:o} {file.path}",
        )
        for file in too_open(patient)
    ]
    return findings or all_well("files", "secrets and data are for the server alone")


CHECK = Check("files", _look, limit_s=5.0, findings=("files-open",))
