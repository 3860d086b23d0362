"""What ``pdsadmin backup restore`` does around the restore itself: the machine and its settings.

It needs no server here, and no settings but where the backups are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from pds.backup_settings import BUCKET_SCHEME
from pds.cli.failures import Failure
from pds.cli.output import is_terminal
from pds.cli.passphrase import asked_passphrase
from pds.cli.site import Site
from pds.environment import INSTALLED_ENV_FILE
from pds.local_secrets import FILE_NAME, NAMES
from pds.settings import path

if TYPE_CHECKING:
    from pds.config import Config
    from pds.services import Services
    from pds.services.backup.restoring import Restored
    from pds.services.backup.vault import Vault

LOCAL_NAMES: Final = ("", "localhost")
INSTALLED_UNIT: Final = Path("/etc/systemd/system/pds.service")
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Done:
    """next_steps: what is to be told besides."""

    restored: Restored
    settings_file: Path
    next_steps: list[str]


def restore_here(
    site: Site, name: str | None, location: str | None, *, ask: bool, progress: Progress
) -> Done:
    """Restore the backup ``name``, else the newest, into the data directory of this machine."""
    from pds.services.backup import access, restoring
    from pds.services.backup.verifying import newest
    from pds.services.clock import system_clock
    from pds.storage.process_lock import AlreadyRunningError, ProcessLock

    machine = site.environment()
    where = _where(location or machine.get("PDS_BACKUP_LOCATION"))
    data = path(machine["PDS_DATA_DIRECTORY"])
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        lock = ProcessLock(data / "pds.lock")
    except AlreadyRunningError as error:
        message = "the server is running; stop it first: sudo systemctl stop pds"
        raise Failure(message) from error
    written: list[Path] = []

    def settle(settings: dict[str, str], database: Path) -> None:
        """All but the last step: from then on the server can be started, whatever happens here."""
        blobs = settings.get("PDS_BLOBSTORE_DISK_LOCATION")
        _give_to_owner(data, data / "blobs" if blobs is None else Path(blobs), database)
        written.append(_write_settings(settings, site.env_file, data))

    try:
        restoring.check_target(data)
        with access.work_directory(data) as work:
            _give_to_owner(data)  # also if this is killed
            vault = _vault(machine, where, work)
            with access.turn(vault, alone=False):
                vault.open()
                vault.unlock()
                wanted = name or newest(vault, system_clock())
                if ask:
                    _ask(vault, wanted, data)
                parts = restoring.Parts(_build, _cursors, system_clock, progress, settle)
                here = _with_backups(machine, where, vault)
                restored = restoring.restore(vault, wanted, here, data, parts)
    finally:
        _give_to_owner(data)
        lock.release()
    return Done(restored, written[0], _next_steps(machine, restored.settings))


def _where(named: str | None) -> str:
    """As it may stand in the settings."""
    if not named:
        message = "say where the backups are: --from FOLDER, or --from s3://bucket/prefix"
        raise Failure(message)
    return named.rstrip("/") if named.startswith(BUCKET_SCHEME) else str(Path(named).absolute())


def _vault(machine: Mapping[str, str], where: str, work: Path) -> Vault:
    from pds.services.backup.access import raw_bucket_settings
    from pds.services.backup.vault import Vault
    from pds.storage.backup_places import open_place

    place = open_place(where, raw_bucket_settings(machine))
    passphrase = machine.get("PDS_BACKUP_PASSPHRASE") or None
    return Vault(place, work, None, passphrase, asked_passphrase(place.name))


def _with_backups(machine: Mapping[str, str], where: str, vault: Vault) -> dict[str, str]:
    """The settings of this machine; backups go on where these were, if it names no other place.

    A passphrase that was answered is needed there every night.
    """
    here = dict(machine)
    location = here.get("PDS_BACKUP_LOCATION") or where
    here["PDS_BACKUP_LOCATION"] = location
    if location == where and vault.passphrase is not None:
        here["PDS_BACKUP_PASSPHRASE"] = vault.passphrase
    return here


def _next_steps(machine: Mapping[str, str], settings: Mapping[str, str]) -> list[str]:
    """What the restored server needs that only the installer can do."""
    name, location = settings.get("PDS_HOSTNAME", ""), settings["PDS_BACKUP_LOCATION"]
    if name in LOCAL_NAMES:
        return []
    lines = [f"Backups go on at {location}."]
    if not INSTALLED_UNIT.exists():
        return lines
    unit = INSTALLED_UNIT.read_text(encoding="utf-8")
    may_write = not location.startswith("/") or f"-{location}\n" in unit.replace(" ", "\n")
    if machine.get("PDS_HOSTNAME") != name or not may_write:
        lines.append(
            f"Start the installer once more, so that this machine answers for {name} and the"
            " service may write its backups: sudo ./install.sh server"
        )
    return lines


def _ask(vault: Vault, name: str, data: Path) -> None:
    if not is_terminal():
        message = "nobody can be asked here; add --yes to restore"
        raise Failure(message)
    manifest = vault.manifest(name)
    click.confirm(
        f"Restore {manifest.service_did} with {manifest.accounts} accounts, as of {name},"
        f" in {data}?",
        abort=True,
    )


def _build(config: Config) -> Services:
    from pds.services import build_services

    return build_services(config)


def _cursors(config: Config) -> list[int]:
    """Up to which event each relay has read, as far as they answer."""
    from pds.services.crawl_requests import relay_cursors

    return relay_cursors(config)


def _write_settings(settings: Mapping[str, str], given: Path | None, data: Path) -> Path:
    """To where the server reads them; what was there is kept beside it."""
    if settings.get("PDS_HOSTNAME", "") in LOCAL_NAMES:
        file = data / FILE_NAME
        from json import dumps

        return _replace(file, dumps({name: settings[name] for name in NAMES}))
    is_installed = INSTALLED_ENV_FILE.exists()
    file = given or (INSTALLED_ENV_FILE if is_installed else data / INSTALLED_ENV_FILE.name)
    lines = (f"{name}={_quoted(value)}\n" for name, value in sorted(settings.items()))
    return _replace(file, "".join(lines))


def _quoted(value: str) -> str:
    """As both systemd and a shell read it; most values need no quotes."""
    if value and all(char.isalnum() or char in "/._:@,+-=%#?&" for char in value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _replace(file: Path, content: str) -> Path:
    """Write ``file`` all at once; what was there before the first restore stays beside it."""
    from pds.storage.durable import sync_directory

    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as written:
        written.write(content)
        written.flush()
        os.fsync(written.fileno())
    if file.exists():
        before = file.stat()
        if os.geteuid() == 0:
            os.chown(new, before.st_uid, before.st_gid)
        new.chmod(before.st_mode & 0o777)
        with suppress(FileExistsError):
            file.with_name(f"{file.name}.before-restoring").hardlink_to(file)
    new.replace(file)
    sync_directory(file.parent)
    return file


def _give_to_owner(data: Path, blobs: Path | None = None, database: Path | None = None) -> None:
    """What root has made belongs to whom the directory belongs to, who runs the server.

    Nothing else: the settings of an installed server lie there, too, and are root's for a reason.
    """
    if os.geteuid() != 0:
        return
    owner = data.stat()
    for found in filter(Path.exists, _made(data, blobs, database)):
        os.chown(found, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _made(data: Path, blobs: Path | None, database: Path | None) -> Iterator[Path]:
    from pds.storage.blob_store import FOLDER_PREFIXES

    for name in (FILE_NAME, "pds.lock", "backup.lock", "tmp", "tmp/backup"):
        yield data / name
    yield from data.glob("before-restoring*")
    if database is not None:
        yield from (database.parent, database)
    if blobs is not None:
        yield from (blobs, blobs / "tmp")
        for prefix in FOLDER_PREFIXES:
            for folder in blobs.glob(f"{prefix}*"):
                yield folder
                yield from folder.iterdir()
