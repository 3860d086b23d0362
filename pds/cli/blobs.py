"""``pdsadmin blobs …``: pictures and videos, where they are kept."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from pds.cli.failures import Failure
from pds.cli.output import json_option, show
from pds.cli.site import Site
from pds.errors import UpstreamFailureError

if TYPE_CHECKING:
    from pds.config import Config
    from pds.services.blob_moves import Findings

_SHOWN: Final = 20
_EVERY_S: Final = 1.0


@click.group()
def blobs() -> None:
    """Pictures and videos: check them, move them to another place."""


@blobs.command()
@json_option
@click.pass_obj
def verify(site: Site, *, as_json: bool) -> None:
    """Read every picture and video, and compare it with what the database knows."""
    from pds.services import blob_home, blob_moves
    from pds.services.blob_stores import blob_locks, configured_store

    with site.services() as services, _progress(as_json=as_json) as progress:
        store = configured_store(services.config)
        store.prepare()
        found = blob_moves.verify(store, blob_locks(services.config), services.clock, progress)
        blob_home.remember_home(store)
    value = {**_value(found), "unknownFiles": found.unknown}
    text = [
        f"{found.blobs} blobs: {found.missing} missing, {found.damaged} damaged.",
        f"{found.unknown} files that no account knows; the job sweep_blobs removes them.",
        *_lines(found),
    ]
    show(value, text if found.unknown else [text[0], *text[2:]], as_json=as_json)
    _fail_over(found)


@blobs.command()
@click.option(
    "--to", type=click.Choice(["bucket", "disk"]), required=True, help="Where to copy them."
)
@click.option(
    "--disk",
    type=click.Path(path_type=Path, file_okay=False),
    help="The directory of those on disk. Default: that of the settings, or DATA/blobs.",
)
@json_option
@click.pass_obj
def migrate(site: Site, to: str, disk: Path | None, *, as_json: bool) -> None:
    """Copy pictures and videos from the disk to the bucket, or back.

    Nothing is deleted. What is there already is not copied again.
    """
    from pds.services import blob_moves
    from pds.services.blob_stores import blob_locks, bucket_store, disk_store

    with site.services() as services, _progress(as_json=as_json) as progress:
        config = services.config
        on_disk = disk_store(disk or config.blobstore_disk_location)
        bucket = bucket_store(config)
        for store in (on_disk, bucket):
            store.prepare()
            store.check()
        source, target = (on_disk, bucket) if to == "bucket" else (bucket, on_disk)
        found = blob_moves.migrate(source, target, blob_locks(config), progress)
        is_running = _is_running(config)
    there = found.blobs - found.missing - found.damaged
    text = [f"{found.copied} blobs copied, {there} are there now.", *_lines(found)]
    if is_running:
        text.append(
            "The server is running, and may have taken more meanwhile. Before it uses the copy,"
            " stop it and do this once more."
        )
    value = {**_value(found), "copied": found.copied, "serverIsRunning": is_running}
    show(value, text, as_json=as_json)
    _fail_over(found)


def _value(found: Findings) -> dict[str, Any]:
    return {
        "blobs": found.blobs,
        "bytes": found.size_bytes,
        "missing": found.missing,
        "damaged": found.damaged,
        "problems": [{"did": p.did, "cid": p.cid, "what": p.what} for p in found.problems],
    }


def _lines(found: Findings) -> list[str]:
    lines = [f"{p.what}: {p.did} {p.cid}" for p in found.problems[:_SHOWN]]
    left = found.missing + found.damaged - len(lines)
    return [*lines, f"… and {left} more"] if left else lines


def _fail_over(found: Findings) -> None:
    if count := found.missing + found.damaged:
        message = (
            f"{count} blobs are not as they should be; bring them back from a backup, or ask their"
            " owners to upload them again"
        )
        raise Failure(message)


@contextmanager
def _progress(*, as_json: bool) -> Iterator[Callable[[int, int], None]]:
    """Say on stderr now and then how far it is; tell what is wrong with a bucket."""
    said_at = time.monotonic()

    def say(done: int, total: int) -> None:
        nonlocal said_at
        if not as_json and time.monotonic() - said_at >= _EVERY_S:
            said_at = time.monotonic()
            sys.stderr.write(f"{done} of {total}\n")

    try:
        yield say
    except UpstreamFailureError as error:
        cause = str(error.__cause__).partition("\n")[0]
        message = f"the bucket does not do its part ({cause}); do this again, it goes on"
        raise Failure(message) from error


def _is_running(config: Config) -> bool:
    from pds.storage.process_lock import AlreadyRunningError, ProcessLock

    try:
        ProcessLock(config.data_directory / "pds.lock").release()
    except AlreadyRunningError:
        return True
    return False
