"""The backups that the settings name, and what is remembered of the last ones."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from pds.atproto.cid import Cid
from pds.config import Config
from pds.errors import NotEnoughResourcesError
from pds.services.backup.errors import BackupError
from pds.services.backup.header import Owner, digest_of_keys
from pds.services.backup.retention import Keep
from pds.services.backup.vault import Vault
from pds.storage import server_state
from pds.storage.backup_places import PlaceInUseError, open_place
from pds.storage.database import transaction
from pds.storage.process_lock import AlreadyRunningError, ProcessLock

RESTORING: Final = "restoring"  # in the directory of the data, while one is under way
_LAST: Final = "last_backup"
_LAST_CHECK: Final = "last_backup_check"
_LAST_FAILURE: Final = "last_backup_failure"
_TRIES: Final = 4
_DAMAGED: Final = "damaged_backup_blobs"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the last backup, or the last check of one, has ended. at_us: Unix microseconds."""

    at_us: int
    snapshot: str
    is_good: bool
    text: str


def open_vault(
    config: Config, location: str | None, work: Path, ask: Callable[[], str] | None = None
) -> Vault:
    """The vault at ``location``, else at the one of the settings. ask: for the passphrase.

    Raises:
        BackupError: none is named.
    """
    where = location or config.backup_location
    if not where:
        message = "no place for backups is named; set PDS_BACKUP_LOCATION, or give --to or --from"
        raise BackupError(message)
    place = open_place(where, bucket_settings(config))
    keys = digest_of_keys(config.plc_rotation_key_k256_private_key_hex)
    return Vault(place, work, Owner(config.service_did, keys), config.backup_passphrase, ask)


def is_usual(config: Config, vault: Vault) -> bool:
    """Whether backups go there by themselves, or nowhere: only what happens there is remembered.

    A copy somewhere else must not keep the one from being made that is counted on.
    """
    usual = config.backup_location
    return usual is None or open_place(usual, bucket_settings(config)).name == vault.place.name


@contextmanager
def turn(vault: Vault, *, alone: bool) -> Iterator[None]:
    """Have the place to oneself, or ``alone=False``: with others who read, too.

    Raises:
        BackupError
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(vault.place.hold(alone=alone))
        except PlaceInUseError as error:
            message = f"another backup or check is using {vault.place.name}; wait for it"
            raise BackupError(message) from error
        yield


def check_not_half_restored(data: Path) -> None:
    """Refuse a server that is nobody's yet: it may have the backup's keys, and has no account.

    Raises:
        BackupError
    """
    work = data / RESTORING
    if work.exists():
        message = (
            "a restore was cut off here; stop the server and start the restore again, or remove"
            f" {work}"
        )
        raise BackupError(message)


def check_still_there(vault: Vault) -> None:
    """Refuse a place that is empty although the last backup went there: an unmounted disk, say.

    Raises:
        BackupError
    """
    last = last_backup()
    if last is not None and last.text == vault.place.name and not vault.has_header():
        message = (
            f"the earlier backups at {vault.place.name} are gone; is its disk mounted?"
            " If you have removed them: pdsadmin backup create --anew"
        )
        raise BackupError(message)


def bucket_settings(config: Config) -> dict[str, str]:
    """Of the bucket for backups, by the names of obstore."""
    values: Mapping[str, str | None] = {
        "region": config.backup_s3_region,
        "endpoint": config.backup_s3_endpoint,
        "access_key_id": config.backup_s3_access_key_id,
        "secret_access_key": config.backup_s3_secret_access_key,
    }
    return {name: value for name, value in values.items() if value}


def raw_bucket_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """The same out of settings that nobody has checked: where there is no server yet."""
    found = {}
    for name in ("region", "endpoint", "access_key_id", "secret_access_key"):
        key = f"S3_{name.upper()}"
        value = environ.get(f"PDS_BACKUP_{key}") or environ.get(f"PDS_BLOBSTORE_{key}")
        if value:
            found[name] = value
    return found


def keep_of(config: Config) -> Keep:
    return Keep(config.backup_keep_daily, config.backup_keep_weekly, config.backup_keep_monthly)


@contextmanager
def reading_directory() -> Iterator[Path]:
    """For a command that reads little, also while a backup is under way."""
    with tempfile.TemporaryDirectory(prefix="hearth-backups-") as directory:
        yield Path(directory)


@contextmanager
def work_directory(data: Path) -> Iterator[Path]:
    """A directory on the data's disk for one backup or check at a time, empty before and after.

    Raises:
        BackupError: another one is under way.
    """
    work = data / "tmp" / "backup"
    try:
        lock = ProcessLock(data / "backup.lock")
    except AlreadyRunningError as error:
        message = "another backup is under way; wait for it"
        raise BackupError(message) from error
    try:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(mode=0o700, parents=True)
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)
        lock.release()


def remember_backup(outcome: Outcome) -> None:
    _remember(_LAST, outcome)


def remember_check(outcome: Outcome) -> None:
    _remember(_LAST_CHECK, outcome)


def remember_failure(outcome: Outcome) -> None:
    """Of a backup or check that could not even be made; what was good before stays known."""
    _remember(_LAST_FAILURE, outcome)


def remember_damaged_blobs(place: str, cids: Sequence[str]) -> None:
    """What a check has found damaged at ``place``, so that the next backup copies it anew."""
    with transaction():
        server_state.save_value(_DAMAGED, json.dumps({"place": place, "cids": list(cids)}))


def damaged_blobs(place: str) -> frozenset[bytes]:
    """Those that the last check has found at ``place``, as bytes of CIDs."""
    text = server_state.find_value(_DAMAGED)
    found = {"place": "", "cids": []} if text is None else json.loads(text)
    if found["place"] != place:
        return frozenset()
    return frozenset(bytes(Cid.parse(cid)) for cid in found["cids"])


def last_backup() -> Outcome | None:
    return _recall(_LAST)


def last_check() -> Outcome | None:
    return _recall(_LAST_CHECK)


def last_failure() -> Outcome | None:
    return _recall(_LAST_FAILURE)


def _remember(key: str, outcome: Outcome) -> None:
    """Several times if need be: hours of work would count for nothing where members write a lot."""
    for left in reversed(range(_TRIES)):
        try:
            with transaction():
                server_state.save_value(key, json.dumps(asdict(outcome)))
        except NotEnoughResourcesError:
            if not left:
                raise
        else:
            return


def _recall(key: str) -> Outcome | None:
    text = server_state.find_value(key)
    return None if text is None else Outcome(**json.loads(text))
