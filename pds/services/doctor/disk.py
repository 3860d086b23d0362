"""Is there room on the disk, and is it one on which SQLite is safe?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
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
    mount = mount_of(patient.config.data_directory, patient.machine.proc)
    if mount is None:
        return []
    if mount.is_read_only:
        found = f"the disk of the data is mounted read-only ({mount.point})"
        remedy = f"see why (sudo dmesg), then: sudo mount -o remount,rw {mount.point}"
        return [Finding("disk-read-only", "bad", found, remedy)]
    if mount.kind not in _REMOTE:
        return []
    found = f"the database is on a network file system ({mount.kind}), where SQLite loses data"
    remedy = "stop the server and move the data directory to a disk of this machine"
    return [Finding("disk-remote", "bad", found, remedy)]


@dataclass(frozen=True, slots=True)
class Mount:
    """A file system where it is mounted. kind: its type, like ``ext4``."""

    point: Path
    kind: str
    is_read_only: bool


def mount_of(directory: Path, proc: Path) -> Mount | None:
    """The file system that ``directory`` is on; None where the machine does not say.

    Spec: proc_pid_mountinfo(5)
    """
    try:
        lines = (proc / "self" / "mountinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    best, found = -1, None
    for line in lines:
        mounted, _, described = line.partition(" - ")
        words = mounted.split()
        if len(words) < 6 or not described:
            continue
        point = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), words[4]))
        # The last of equals: a later mount hides an earlier one.
        if directory.resolve().is_relative_to(point) and len(point.parts) >= best:
            kind, *_, options = described.split()
            is_read_only = "ro" in (words[5] + "," + options).split(",")
            best, found = len(point.parts), Mount(point, kind, is_read_only)
    return found


CHECK = Check(
    "disk",
    _look,
    limit_s=10.0,
    findings=("disk-low", "disk-full", "disk-remote", "disk-read-only"),
)
