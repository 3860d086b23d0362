"""A server out of a snapshot, with which relays can go on.

Everything is made ready in ``<data>/restoring`` and then moved into place, the database last: until
then there is no server here, and a restore that was cut off can simply be repeated.

Others have seen more events than the backup knows of. So numbers go on above every one that can
have been given out since, and each repo gets a new commit, whose rev is later than any that was
announced, with a #sync that says: this is the state now.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pds.config import Config
from pds.local_secrets import DATABASE_NAME
from pds.services import announcing_anew
from pds.services.announcing_anew import MARGIN
from pds.services.backup.errors import BackupError, DamagedBackupError
from pds.services.backup.making import DATABASE, SETTINGS, Progress
from pds.services.backup.manifest import Manifest
from pds.services.backup.vault import SNAPSHOTS, Vault, blob_key, entry_of
from pds.services.blob_stores import configured_store
from pds.storage import database, migrate, outgoing_mail
from pds.storage.blob_store import folder_name
from pds.storage.database import transaction
from pds.storage.database_copy import DatabaseCopy

if TYPE_CHECKING:
    from pds.services import Services
    from pds.storage.blob_store import BlobStore

WORK: Final = "restoring"
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
    "PDS_ENV_FILE",
)


@dataclass(frozen=True, slots=True)
class Restored:
    """What has been done. kept: where what was in the way is now, if anything was.

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
    """

    build: Callable[[Config], Services]
    cursors: Callable[[Config], list[int]]
    now_us: Callable[[], int]
    progress: Progress


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
    vault.open(any_server=True)
    vault.unlock()
    manifest = vault.manifest(name)
    work = data / WORK
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(mode=0o700, parents=True)
    settings = _merged(_settings(vault, manifest, work), machine)
    config = Config.from_env(settings)
    file = work / DATABASE_NAME
    parts.progress("fetching the database", 0, 1)
    _fetch_checked(vault, manifest, DATABASE, file)

    on_disk = config.blobstore_s3_bucket is None
    place = dataclasses.replace(config, data_directory=work, blobstore_disk_location=work / "blobs")
    store = configured_store(place)
    store.prepare()
    blobs, missing = _restore_blobs(vault, file, store, work, parts.progress)

    first_seq = _announce(place, file, manifest, parts)
    kept = _move_into_place(work, data, config.blobstore_disk_location if on_disk else None)
    return Restored(manifest, blobs, missing, first_seq, settings, kept)


def _settings(vault: Vault, manifest: Manifest, work: Path) -> dict[str, str]:
    file = work / SETTINGS
    _fetch_checked(vault, manifest, SETTINGS, file)
    content: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
    file.unlink()
    return content


def _merged(restored: Mapping[str, str], machine: Mapping[str, str]) -> dict[str, str]:
    of_here = {key: machine[key] for key in OF_THE_MACHINE if machine.get(key)}
    others = {key: value for key, value in restored.items() if key not in OF_THE_MACHINE}
    return {**others, **of_here}


def _fetch_checked(vault: Vault, manifest: Manifest, name: str, target: Path) -> None:
    vault.fetch(f"{SNAPSHOTS}{manifest.name}/{name}", target)
    if entry_of(target) != manifest.files.get(name):
        message = f"{name} is not what it was when the backup was made; use another snapshot"
        raise DamagedBackupError(message)


def _restore_blobs(
    vault: Vault, file: Path, store: BlobStore, work: Path, progress: Progress
) -> tuple[int, int]:
    """How many are there now, and how many the backup does not have."""
    there = missing = 0
    scratch = work / "blob"
    folder, present = "", set[bytes]()
    with closing(DatabaseCopy(file)) as copy:
        for done, blob in enumerate(copy.blobs()):
            progress("fetching pictures and videos", done, done + 1)
            if folder != folder_name(blob.did):
                folder = folder_name(blob.did)
                present = {bytes(found.cid) for found in store.list(folder)}
            if bytes(blob.cid) in present:
                there += 1
                continue
            scratch.unlink(missing_ok=True)
            try:
                vault.fetch(blob_key(blob.cid), scratch)
            except DamagedBackupError:
                missing += 1
                continue
            if scratch.stat().st_size != blob.size_bytes:
                missing += 1
                continue
            with scratch.open("rb") as stream:
                temporary = store.incoming.write(stream, blob.size_bytes)
            if temporary.cid != blob.cid:
                store.incoming.discard(temporary)
                missing += 1
                continue
            store.keep(temporary, folder)
            there += 1
    scratch.unlink(missing_ok=True)
    return there, missing


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


def _move_into_place(work: Path, data: Path, blobs: Path | None) -> Path | None:
    """Blobs first, the database last; what is in the way is kept."""
    kept = data / f"before-{WORK}"
    number = 1
    while kept.exists():
        number += 1
        kept = data / f"before-{WORK}-{number}"
    was_in_the_way = False
    for suffix in ("-wal", "-shm", ""):
        was_in_the_way |= _set_aside(data / f"{DATABASE_NAME}{suffix}", kept)
    if blobs is not None:
        was_in_the_way |= _set_aside(blobs, kept)
        blobs.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.move(work / "blobs", blobs)
    (work / DATABASE_NAME).replace(data / DATABASE_NAME)
    shutil.rmtree(work)
    return kept if was_in_the_way else None


def _set_aside(path: Path, kept: Path) -> bool:
    if not path.exists():
        return False
    kept.mkdir(mode=0o700, exist_ok=True)
    shutil.move(path, kept / path.name)
    return True
