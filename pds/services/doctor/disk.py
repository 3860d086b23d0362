"""Is there room on the disk, and is it one on which SQLite is safe?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pds.services.disk_guard import Room, level_of, room_of
from pds.services.doctor.model import Check, Finding, Patient, all_well

_MIB: Final = 1024 * 1024
_REMOTE: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "lustre", "ncpfs"}
    | {"fuse.sshfs", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "davfs", "fuse.davfs2"}
)
_MAKE_ROOM: Final = (
    "make room, or move the data to a larger disk: docs/monitoring.md#a-disk-that-fills-up"
)
_WHAT: Final = {
    "full": "uploads and sign-ups are refused",
    "critical": "nothing can be changed any more",
}


def _look(patient: Patient) -> Sequence[Finding]:
    if patient.services is not None:
        room = patient.services.disk_guard.room()
    else:
        room = room_of(patient.config.data_directory)
    findings = [*_full(patient, room), *_file_system(patient)]
    return findings or all_well("disk", f"{room.free_bytes // _MIB} MiB are free")


def _full(patient: Patient, room: Room) -> Sequence[Finding]:
    level = level_of(patient.config, room.free_bytes)
    if level == "fine":
        return []
    free = f"{room.free_bytes // _MIB} MiB of {room.size_bytes // _MIB} MiB are free"
    if level == "warn":
        return [Finding("disk-low", "warn", f"the disk is filling up: {free}", _MAKE_ROOM)]
    return [Finding("disk-full", "bad", f"{free}: {_WHAT[level]}", _MAKE_ROOM)]


def _file_system(patient: Patient) -> Sequence[Finding]:
    kind = file_system(patient.config.data_directory, patient.machine.proc)
    if kind not in _REMOTE:
        return []
    found = f"the database is on a network file system ({kind}), where SQLite loses data"
    remedy = "stop the server and move the data directory to a disk of this machine"
    return [Finding("disk-remote", "bad", found, remedy)]


def file_system(directory: Path, proc: Path) -> str | None:
    """The type of the file system that ``directory`` is on; None where the machine does not say."""
    try:
        lines = (proc / "self" / "mountinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    best, kind = -1, None
    for line in lines:
        mounted, _, described = line.partition(" - ")
        words = mounted.split()
        if len(words) < 5 or not described:
            continue
        point = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), words[4]))
        # The last of equals: a later mount hides an earlier one.
        if directory.resolve().is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), described.split()[0]
    return kind


CHECK = Check(
    "disk",
    _look,
    limit_s=10.0,
    findings=("disk-low", "disk-full", "disk-remote"),
)
