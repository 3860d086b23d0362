"""What ``pdsadmin backup restore`` does around the restore itself: the machine and its settings.

It needs no server here, and no settings but where the backups are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pds.cli.failures import Failure
from pds.cli.output import is_terminal
from pds.cli.site import Site
from pds.environment import INSTALLED_ENV_FILE
from pds.local_secrets import DATABASE_NAME, FILE_NAME, NAMES
from pds.settings import path

if TYPE_CHECKING:
    from pds.config import Config
    from pds.services import Services
    from pds.services.backup.restoring import Restored
    from pds.services.backup.vault import Vault

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Done:
    restored: Restored
    settings_file: Path


def restore_here(
    site: Site, name: str | None, location: str | None, *, ask: bool, progress: Progress
) -> Done:
    """Restore the backup ``name``, else the newest, into the data directory of this machine."""
    from pds.services.backup import access, restoring
    from pds.services.backup.verifying import newest
    from pds.services.clock import system_clock
    from pds.storage.process_lock import AlreadyRunningError, ProcessLock

    machine = site.environment()
    data = path(machine["PDS_DATA_DIRECTORY"])
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        lock = ProcessLock(data / "pds.lock")
    except AlreadyRunningError as error:
        message = "the server is running; stop it first: sudo systemctl stop pds"
        raise Failure(message) from error
    try:
        restoring.check_target(data)
        with access.work_directory(data) as work:
            vault = _vault(machine, location, work)
            vault.open(any_server=True)
            wanted = name or newest(vault)
            if ask:
                _ask(vault, wanted, data)
            parts = restoring.Parts(_build, _cursors, system_clock, progress)
            restored = restoring.restore(vault, wanted, machine, data, parts)
        file = _write_settings(restored.settings, site.env_file, data)
    finally:
        lock.release()
    _give_to_owner(data, restored)
    return Done(restored, file)


def _vault(machine: Mapping[str, str], location: str | None, work: Path) -> Vault:
    from pds.services.backup.access import raw_bucket_settings
    from pds.services.backup.vault import Vault
    from pds.storage.backup_places import open_place

    where = location or machine.get("PDS_BACKUP_LOCATION")
    if not where:
        message = "say where the backups are: --from FOLDER, or --from s3://bucket/prefix"
        raise Failure(message)
    place = open_place(where, raw_bucket_settings(machine))
    return Vault(place, work, "", machine.get("PDS_BACKUP_PASSPHRASE") or None)


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
    if settings.get("PDS_HOSTNAME", "localhost") in ("", "localhost"):
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
    before = file.stat() if file.exists() else None
    if before is not None:
        file.rename(file.with_name(f"{file.name}.before-restoring"))
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as written:
        written.write(content)
        written.flush()
        os.fsync(written.fileno())
    if before is not None:
        file.chmod(before.st_mode & 0o777)
        if os.geteuid() == 0:
            os.chown(file, before.st_uid, before.st_gid)
    return file


def _give_to_owner(data: Path, restored: Restored) -> None:
    """What root has made belongs to whom the directory belongs to, who runs the server.

    Nothing else: the settings of an installed server lie there, too, and are root's for a reason.
    """
    if os.geteuid() != 0:
        return
    owner = data.stat()
    names = (DATABASE_NAME, FILE_NAME, "pds.lock", "backup.lock", "tmp", "blobs")
    blobs = restored.settings.get("PDS_BLOBSTORE_DISK_LOCATION")
    made = [data / name for name in names] + ([] if blobs is None else [Path(blobs)])
    for found in filter(Path.exists, made):
        os.chown(found, owner.st_uid, owner.st_gid, follow_symlinks=False)
        _give_tree(found, owner)


def _give_tree(top: Path, owner: os.stat_result) -> None:
    for directory, _, files in os.walk(top):
        for found in (Path(directory), *(Path(directory) / file for file in files)):
            os.chown(found, owner.st_uid, owner.st_gid, follow_symlinks=False)
