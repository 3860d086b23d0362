"""A server out of a snapshot, with which relays can go on.

The database is made ready in ``<data>/restoring`` and moved into place last of all: until then
there is no server here, and a restore that was cut off can simply be repeated. Pictures and videos
go to their final place at once, each whole or not at all, so that a repeat goes on with the rest.

Others have seen more events than the backup knows of. So numbers go on above every one that can
have been given out since, and each repo gets a new commit, whose rev is later than any that was
announced, with a #sync that says: this is the state now.
"""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pds.config import Config
from pds.local_secrets import DATABASE_NAME
from pds.services import announcing_anew
from pds.services.announcing_anew import MARGIN
from pds.services.backup.access import RESTORING
from pds.services.backup.errors import BackupError, DamagedBackupError
from pds.services.backup.layout import SNAPSHOTS, blob_key
from pds.services.backup.making import DATABASE, SETTINGS, Progress
from pds.services.backup.manifest import Manifest, name_of
from pds.services.backup.room import check_data_disk, needed_to_read
from pds.services.backup.vault import Vault, entry_of
from pds.services.blob_stores import configured_store
from pds.storage import database, migrate, outgoing_mail
from pds.storage.blob_store import folder_name
from pds.storage.database import transaction
from pds.storage.database_copy import CopiedBlob, DatabaseCopy
from pds.storage.durable import sync_directory, sync_file

if TYPE_CHECKING:
    from pds.services import Services
    from pds.storage.blob_store import BlobStore

_NAME: Final = re.compile(r"(PDS|LOG)_[A-Z0-9_]+")
_CLOCK_ERROR_US: Final = 3_600_000_000
EVENTS_PER_S: Final = 100  # more than a server of this kind emits on average
_SECOND_US: Final = 1_000_000

# What says something about a machine and not about the server that is restored on it.
OF_THE_MACHINE: Final = (
    "PDS_DATA_DIRECTORY",
    "PDS_BLOBSTORE_DISK_LOCATION",
    "PDS_PORT",
    "PDS_BIND_ADDRESS",
    "PDS_TRUSTED_PROXIES",
    "PDS_BACKUP_LOCATION",
    "PDS_BACKUP_PASSPHRASE",
    "PDS_BACKUP_S3_ENDPOINT",
    "PDS_BACKUP_S3_REGION",
    "PDS_BACKUP_S3_ACCESS_KEY_ID",
    "PDS_BACKUP_S3_SECRET_ACCESS_KEY",
)
NOT_RESTORED: Final = frozenset({*OF_THE_MACHINE, "PDS_ENV_FILE"})


@dataclass(frozen=True, slots=True)
class Restored:
    """What has been done. kept: where the database that was in the way is now, if there was one.

    first_seq: the number of the first event of the restored server.
    settings: the environment it is to run with.
    """

    manifest: Manifest
    blobs: int
    missing_blobs: int
    first_seq: int
    settings: dict[str, str]
    kept: Path | None


@dataclass(frozen=True, slots=True)
class Parts:
    """What a restore is done with.

    build: makes the services over the open database. cursors: asks relays for their positions.
    settle: is called with the settings when all is ready, before the database goes into place.
    """

    build: Callable[[Config], Services]
    cursors: Callable[[Config], list[int]]
    now_us: Callable[[], int]
    progress: Progress
    settle: Callable[[dict[str, str], Path], None]


def check_target(data: Path) -> None:
    """Refuse a data directory in which somebody lives.

    Raises:
        BackupError
    """
    file = data / DATABASE_NAME
    if not file.exists():
        return
    with closing(DatabaseCopy(file)) as copy:
        count = copy.count_accounts() if copy.has_accounts() else 0
    if count:
        message = (
            f"there are {count} accounts in {data} already; move that directory away first,"
            " or name another one with PDS_DATA_DIRECTORY"
        )
        raise BackupError(message)


def restore(
    vault: Vault, name: str, machine: Mapping[str, str], data: Path, parts: Parts
) -> Restored:
    """Make the server of the snapshot ``name`` in the directory ``data``.

    machine: the settings of this machine; of the others, those in the backup win.

    Raises:
        BackupError: nothing was changed.
        ConfigError: the settings in the backup are not fit for this version.
        UpstreamFailureError, OSError
    """
    check_target(data)
    vault.open()
    vault.unlock()
    manifest = vault.manifest(name)
    _check_clock(manifest, parts.now_us())
    work = data / RESTORING
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(mode=0o700, parents=True)
    try:
        return _restore(vault, manifest, machine, work, parts)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _restore(
    vault: Vault, manifest: Manifest, machine: Mapping[str, str], work: Path, parts: Parts
) -> Restored:
    settings = _merged(_settings(vault, manifest, work), machine)
    config = Config.from_env(settings)
    size_bytes = sum(entry.size_bytes for entry in manifest.files.values())
    check_data_disk(work, needed_to_read(size_bytes), "restoring the database")
    file = work / DATABASE_NAME
    parts.progress("fetching the database", 0, 1)
    _fetch_checked(vault, manifest, DATABASE, file)

    store = configured_store(config)
    store.prepare()
    on_disk = config.blobstore_disk_location if config.blobstore_s3_bucket is None else None
    wanted = _Wanted(file, store)
    if on_disk is not None:
        check_data_disk(on_disk, wanted.missing_bytes(), "restoring pictures and videos")
    blobs, missing = _restore_blobs(
        vault,
        wanted,
        work / "blob",
        lambda done: parts.progress("fetching pictures and videos", done, manifest.blobs),
    )

    place = dataclasses.replace(config, data_directory=work)
    first_seq = _announce(place, file, manifest, parts)
    parts.settle(settings, file)
    kept = _move_into_place(file, work.parent)
    return Restored(manifest, blobs, missing, first_seq, settings, kept)


def _check_clock(manifest: Manifest, now_us: int) -> None:
    """What is signed by a clock that is behind is older than what relays have, and ignored."""
    if now_us >= manifest.created_at_us - _CLOCK_ERROR_US:
        return
    message = (
        f"the clock of this machine says {name_of(now_us)}, which is before the backup was made"
        f" ({manifest.name}); set it first, for relays take nothing that is older than what they"
        " have: sudo timedatectl set-ntp true"
    )
    raise BackupError(message)


def _settings(vault: Vault, manifest: Manifest, work: Path) -> dict[str, str]:
    file = work / SETTINGS
    _fetch_checked(vault, manifest, SETTINGS, file)
    content: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
    file.unlink()
    return {name: value for name, value in content.items() if _NAME.fullmatch(name)}


def _merged(restored: Mapping[str, str], machine: Mapping[str, str]) -> dict[str, str]:
    of_here = {key: machine[key] for key in OF_THE_MACHINE if machine.get(key)}
    others = {key: value for key, value in restored.items() if key not in NOT_RESTORED}
    return {**others, **of_here}


def _fetch_checked(vault: Vault, manifest: Manifest, name: str, target: Path) -> None:
    vault.fetch(f"{SNAPSHOTS}{manifest.name}/{name}", target)
    if entry_of(target) != manifest.files.get(name):
        message = f"{name} is not what it was when the backup was made; use another snapshot"
        raise DamagedBackupError(message)


class _Wanted:
    """The blobs that a database knows, with what the store has of them already."""

    def __init__(self, file: Path, store: BlobStore) -> None:
        self._file = file
        self.store = store

    def __iter__(self) -> Iterator[tuple[CopiedBlob, bool]]:
        """Each, and whether it is there."""
        folder, present = "", dict[bytes, int]()
        with closing(DatabaseCopy(self._file)) as copy:
            for blob in copy.blobs():
                if folder != folder_name(blob.did):
                    folder = folder_name(blob.did)
                    present = {
                        bytes(found.cid): found.size_bytes for found in self.store.list(folder)
                    }
                yield blob, present.get(bytes(blob.cid)) == blob.size_bytes

    def missing_bytes(self) -> int:
        return sum(blob.size_bytes for blob, is_there in self if not is_there)


def _restore_blobs(
    vault: Vault, wanted: _Wanted, scratch: Path, progress: Callable[[int], None]
) -> tuple[int, int]:
    """How many are there now, and how many the backup does not have."""
    there = missing = 0
    for blob, is_there in wanted:
        progress(there + missing)
        if is_there or _restore_blob(vault, blob, wanted.store, scratch):
            there += 1
        else:
            missing += 1
    return there, missing


def _restore_blob(vault: Vault, blob: CopiedBlob, store: BlobStore, scratch: Path) -> bool:
    """Whether the backup has it whole."""
    scratch.unlink(missing_ok=True)
    try:
        vault.fetch(blob_key(blob.cid), scratch)
    except DamagedBackupError:
        return False
    if scratch.stat().st_size != blob.size_bytes:
        return False
    with scratch.open("rb") as stream:
        temporary = store.incoming.write(stream, blob.size_bytes)
    if temporary.cid != blob.cid:
        store.incoming.discard(temporary)
        return False
    store.keep(temporary, folder_name(blob.did))
    return True


def _announce(config: Config, file: Path, manifest: Manifest, parts: Parts) -> int:
    """Let numbers begin above all that were given out, and say what every repo is now."""
    database.open_database(file)
    try:
        migrate.migrate()
        above = _highest(config, manifest, parts)
        with transaction():
            outgoing_mail.delete_all()  # the old server has sent it, and its codes are too old
        services = parts.build(config)
        try:
            announcing_anew.go_on_above(
                services,
                above,
                lambda done, total: parts.progress("signing repos anew", done, total),
            )
        finally:
            services.close()
    finally:
        database.close_database()
    return above + 1


def _highest(config: Config, manifest: Manifest, parts: Parts) -> int:
    since_s = max(0, parts.now_us() - manifest.created_at_us) // _SECOND_US
    guess = manifest.last_seq + MARGIN + since_s * EVENTS_PER_S
    return max([guess, *(cursor + MARGIN for cursor in parts.cursors(config))])


def _move_into_place(file: Path, data: Path) -> Path | None:
    """What is in the way is kept."""
    if file.with_name(f"{file.name}-wal").exists():  # it would be left behind
        message = f"the log of {file} could not be folded in; restore once more"
        raise BackupError(message)
    sync_file(file)
    kept = data / f"before-{RESTORING}"
    number = 1
    while kept.exists():
        number += 1
        kept = data / f"before-{RESTORING}-{number}"
    was_in_the_way = False
    for suffix in ("-wal", "-shm", ""):
        was_in_the_way |= _set_aside(data / f"{DATABASE_NAME}{suffix}", kept)
    file.replace(data / DATABASE_NAME)
    sync_directory(data)
    return kept if was_in_the_way else None


def _set_aside(path: Path, kept: Path) -> bool:
    if not path.exists():
        return False
    kept.mkdir(mode=0o700, exist_ok=True)
    path.rename(kept / path.name)
    return True
