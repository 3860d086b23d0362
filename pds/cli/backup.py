"""``pdsadmin backup …``: make, list, check and restore backups."""

from __future__ import annotations

import errno
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import click

from pds.cli.failures import Failure, told
from pds.cli.output import facts, json_option, show, table
from pds.cli.passphrase import asked_passphrase
from pds.cli.site import Site
from pds.local_secrets import DATABASE_NAME

if TYPE_CHECKING:
    from pathlib import Path

    from pds.cli.restore import Done
    from pds.config import Config
    from pds.services import Services
    from pds.services.backup.manifest import Manifest
    from pds.services.backup.vault import Vault
    from pds.services.backup.verifying import Verdict

Progress = Callable[[str, int, int], None]
_EVERY_S: Final = 1.0
_MIB: Final = 1024 * 1024


@click.group()
def backup() -> None:
    """Backups: make, list, check and restore them.

    They go to PDS_BACKUP_LOCATION, a folder or s3://bucket/prefix; the server makes one every
    night by itself when that is set.
    """


@backup.command()
@click.option("--to", "location", help="Another place than PDS_BACKUP_LOCATION.")
@click.option("--anew", is_flag=True, help="Begin again where the earlier backups are gone.")
@json_option
@click.pass_obj
def create(site: Site, location: str | None, *, anew: bool, as_json: bool) -> None:
    """Back up everything now, while the server runs; then let old backups go."""
    from pds.services.backup import access

    with site.services() as services, told_of_place():
        config = services.config
        with access.work_directory(config.data_directory) as work:
            vault = access.open_vault(config, location, work)
            with access.turn(vault, alone=True):
                access.check_not_half_restored(config.data_directory)
                if not anew:
                    access.check_still_there(vault)
                manifest, gone = _create(site, services, vault, work, _progress(as_json=as_json))
    text = [f"Backup {manifest.name} is at {vault.place.name}.", *_told(manifest)]
    if gone:
        text.append(f"Let go: {', '.join(gone)}.")
    show({**_value(manifest), "place": vault.place.name, "removed": gone}, text, as_json=as_json)


def _create(
    site: Site, services: Services, vault: Vault, work: Path, progress: Progress
) -> tuple[Manifest, list[str]]:
    """The new snapshot, and the names of those that went."""
    from pds.services.backup import access
    from pds.services.backup.making import Source, make_snapshot
    from pds.services.backup.retention import prune
    from pds.services.blob_stores import configured_store

    config = services.config
    store = configured_store(config)
    store.prepare()
    source = Source(
        database=config.data_directory / DATABASE_NAME,
        store=store,
        settings=site.settings(),
        scratch=work,
        reserve_bytes=config.disk_full_mib * _MIB,
        damaged=access.damaged_blobs(vault.place.name),
    )
    try:
        manifest = make_snapshot(vault, source, services.clock, progress)
    except OSError as error:
        if error.errno == errno.ENOSPC and vault.has_header():
            prune(vault, access.keep_of(config), work)  # there may be room after that
        raise
    if access.is_usual(config, vault):
        outcome = access.Outcome(
            manifest.created_at_us, manifest.name, not manifest.lost_blobs, vault.place.name
        )
        # Before old ones go: what keeps them from going must not have one made every hour.
        access.remember_backup(outcome)
    return manifest, prune(vault, access.keep_of(config), work, manifest.name)


@backup.command("list")
@click.option("--from", "location", help="Another place than PDS_BACKUP_LOCATION.")
@json_option
@click.pass_obj
def list_backups(site: Site, location: str | None, *, as_json: bool) -> None:
    """List the backups that there are."""
    from pds.services.backup import access
    from pds.services.backup.errors import DamagedBackupError

    found, damaged = [], []
    with told_of_place(), site.settings_alone() as config, access.reading_directory() as work:
        vault = access.open_vault(config, location, work, _asker(config, location))
        vault.open()
        vault.unlock()
        for name in vault.snapshot_names():
            try:
                found.append(vault.manifest(name))
            except DamagedBackupError:
                damaged.append(name)
    lines = [
        (one.name, str(one.accounts), str(one.blobs), str(one.blob_bytes // _MIB)) for one in found
    ]
    text = table(["Name", "Accounts", "Pictures and videos", "MiB of them"], lines)
    if damaged:
        text.append(f"Damaged: {', '.join(damaged)}")
    show({"backups": [_value(one) for one in found], "damaged": damaged}, text, as_json=as_json)


@backup.command()
@click.argument("name", required=False)
@click.option("--from", "location", help="Another place than PDS_BACKUP_LOCATION.")
@json_option
@click.pass_obj
def verify(site: Site, name: str | None, location: str | None, *, as_json: bool) -> None:
    """Restore a backup (NAME, else the newest) into a temporary place and check all of it.

    Every record, tree, signature, picture and video is computed anew.
    """
    from pds.services.backup import access
    from pds.services.backup.verifying import newest, verify_snapshot
    from pds.services.clock import system_clock

    with (
        told_of_place(),
        site.settings_alone() as config,
        access.work_directory(config.data_directory) as work,
    ):
        vault = access.open_vault(config, location, work, _asker(config, location))
        with access.turn(vault, alone=False):
            vault.open()
            wanted = name or newest(vault, system_clock())
            found = verify_snapshot(vault, wanted, work, _progress(as_json=as_json))
    if access.is_usual(config, vault):
        with site.database():
            text = "; ".join(found.problems[:3])
            access.remember_check(
                access.Outcome(system_clock(), found.manifest.name, found.is_good, text)
            )
            access.remember_damaged_blobs(vault.place.name, found.damaged_blobs)
    show(_verdict_value(found), _verdict_text(found), as_json=as_json)
    if not found.is_good:
        message = (
            f"backup {found.manifest.name} is not whole: {found.count} problems;"
            " make a new one with pdsadmin backup create, which copies damaged pictures anew,"
            " and check that"
        )
        raise Failure(message)


@backup.command()
@click.argument("name", required=False)
@click.option("--from", "location", help="Another place than PDS_BACKUP_LOCATION.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@click.pass_obj
def restore(
    site: Site, name: str | None, location: str | None, *, yes: bool, as_json: bool
) -> None:
    """Make the server of a backup (NAME, else the newest) on this machine.

    The server here must be stopped and have no accounts. Its settings become those of the
    backup, but for what is said about this machine.
    """
    from pds.cli.restore import restore_here

    with told_of_place():
        done = restore_here(site, name, location, ask=not yes, progress=_progress(as_json=as_json))
    value = {
        **_value(done.restored.manifest),
        "firstSeq": done.restored.first_seq,
        "missingBlobs": done.restored.missing_blobs,
        "settings": str(done.settings_file),
        "kept": None if done.restored.kept is None else str(done.restored.kept),
    }
    show(value, _restored_text(done), as_json=as_json)


def _restored_text(done: Done) -> list[str]:
    restored = done.restored
    lines = [
        f"The server of backup {restored.manifest.name} is in place.",
        *facts(
            [
                ("Accounts", str(restored.manifest.accounts)),
                ("Blobs", f"{restored.blobs}, {restored.missing_blobs} missing"),
                ("Settings", str(done.settings_file)),
                ("Events", f"go on with number {restored.first_seq}"),
            ]
        ),
    ]
    if restored.kept is not None:
        lines.append(f"What was here before is in {restored.kept}; delete it when all is well.")
    lines += done.next_steps
    lines.append("Start the server now: sudo systemctl start pds. Then: pdsadmin request-crawl")
    return lines


@contextmanager
def told_of_place() -> Iterator[None]:
    """Let failures of the place, or of this machine's disk, come out as a ``Failure``."""
    try:
        with told():
            yield
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        step = "look at the disk and its rights"
        if error.errno == errno.ENOSPC and error.filename:
            step = "make room there, or keep fewer backups (PDS_BACKUP_KEEP_…)"
        elif error.errno == errno.ENOSPC:
            step = "make room on the disk of the data, then start this again"
        message = f"{error.strerror or error}{where}; {step}"
        raise Failure(message) from error


def _asker(config: Config, location: str | None) -> Callable[[], str] | None:
    if config.backup_passphrase is not None:
        return None
    return asked_passphrase(location or config.backup_location or "")


def _value(manifest: Manifest) -> dict[str, Any]:
    return {
        "name": manifest.name,
        "version": manifest.version,
        "server": manifest.service_did,
        "accounts": manifest.accounts,
        "blobs": manifest.blobs,
        "blobBytes": manifest.blob_bytes,
        "lastSeq": manifest.last_seq,
        "lostBlobs": list(manifest.lost_blobs),
    }


def _told(manifest: Manifest) -> list[str]:
    lines = facts(
        [
            ("Accounts", str(manifest.accounts)),
            ("Blobs", f"{manifest.blobs}, {manifest.blob_bytes // _MIB} MiB"),
        ]
    )
    if manifest.lost_blobs:
        lines.append(
            f"{len(manifest.lost_blobs)} pictures or videos are missing on this server and so in"
            " the backup; pdsadmin blobs verify names them"
        )
    return lines


def _verdict_value(found: Verdict) -> dict[str, Any]:
    return {
        "name": found.manifest.name,
        "good": found.is_good,
        "repos": found.repos,
        "records": found.records,
        "blobs": found.blobs,
        "problems": found.problems,
        "count": found.count,
    }


def _verdict_text(found: Verdict) -> list[str]:
    first = (
        f"Backup {found.manifest.name}: {found.repos} repos, {found.records} records,"
        f" {found.blobs} pictures and videos are as they were."
    )
    return [first, *found.problems]


def _progress(*, as_json: bool) -> Progress:
    """Say on stderr now and then how far it is, and at a terminal also what it begins with."""
    said_at, last = time.monotonic(), ""

    def say(what: str, done: int, total: int) -> None:
        nonlocal said_at, last
        is_new, last = what != last and sys.stderr.isatty(), what
        if not as_json and (is_new or time.monotonic() - said_at >= _EVERY_S):
            said_at = time.monotonic()
            sys.stderr.write(f"{what}: {done} of {total}\n")

    return say
