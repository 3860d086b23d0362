"""Where backups are kept: a folder, perhaps on another disk, or a bucket of an S3 service.

A place holds files under names with slashes. A file appears whole or not at all, and what ``put``
has returned from is durable. What is in the files is the business of ``services/backup``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from pds.backup_settings import BUCKET_SCHEME
from pds.errors import UpstreamFailureError

if TYPE_CHECKING:
    from obstore.store import S3Store

_PART_BYTES: Final = 8 * 1024 * 1024
_SHOWN_CHARS: Final = 300
_INCOMING: Final = ".incoming"


class BackupPlace(Protocol):
    """A place for backups. OSError or UpstreamFailureError when it does not do its part."""

    name: str  # for people
    is_remote: bool

    def put(self, key: str, source: Path) -> None:
        """Keep the file ``source`` as ``key``; what was there is replaced."""

    def get(self, key: str, target: Path) -> None:
        """Fetch ``key`` into the new file ``target``. FileNotFoundError when it is not there."""

    def list(self, prefix: str) -> Iterator[str]:
        """The keys that begin with ``prefix`` (a folder, with its slash), in no order."""

    def delete(self, key: str) -> None:
        """Remove ``key``; content when it is not there."""


class BackupFolder:
    """A directory. Only its owner may read what is in it."""

    is_remote = False

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.name = str(directory)

    def put(self, key: str, source: Path) -> None:
        target = self._directory / key
        for directory in reversed([target.parent, *target.parent.parents]):
            directory.mkdir(mode=0o700, exist_ok=True)  # with parents=True, only the last is ours
        # One name for all (one backup runs at a time): what a kill leaves, the next file replaces.
        temporary = self._directory / _INCOMING
        temporary.unlink(missing_ok=True)
        try:
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as written, source.open("rb") as read:
                shutil.copyfileobj(read, written, 1024 * 1024)
                written.flush()
                os.fsync(written.fileno())
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync(target.parent)

    def get(self, key: str, target: Path) -> None:
        shutil.copyfile(self._directory / key, target)

    def list(self, prefix: str) -> Iterator[str]:
        for path in (self._directory / prefix).rglob("*"):
            if path.is_file() and path.name != _INCOMING:
                yield str(path.relative_to(self._directory))

    def delete(self, key: str) -> None:
        path = self._directory / key
        path.unlink(missing_ok=True)
        with suppress(OSError):  # not empty yet
            path.parent.rmdir()


class BackupBucket:
    """A bucket, or what lies below a prefix in it."""

    is_remote = True

    def __init__(self, store: S3Store, name: str) -> None:
        self._store = store
        self.name = name

    def put(self, key: str, source: Path) -> None:
        import obstore

        with _told(self.name), source.open("rb") as file:
            obstore.put(self._store, key, file, chunk_size=_PART_BYTES, max_concurrency=2)

    def get(self, key: str, target: Path) -> None:
        import obstore

        with _told(self.name), target.open("xb") as file:
            for chunk in obstore.get(self._store, key).stream(min_chunk_size=1024 * 1024):
                file.write(chunk)

    def list(self, prefix: str) -> Iterator[str]:
        import obstore

        pages = iter(obstore.list(self._store, prefix.rstrip("/"), chunk_size=1_000))
        while True:
            with _told(self.name):
                page = next(pages, None)
            if page is None:
                return
            yield from (found["path"] for found in page)

    def delete(self, key: str) -> None:
        import obstore

        with _told(self.name):
            obstore.delete(self._store, key)


def open_place(location: str, bucket_settings: dict[str, str]) -> BackupPlace:
    """The place at ``location``: a folder, or ``s3://<bucket>/<prefix>``."""
    if location.startswith(BUCKET_SCHEME):
        return _open_bucket(location, bucket_settings)
    return BackupFolder(Path(location))


def _open_bucket(location: str, settings: dict[str, str]) -> BackupBucket:
    """The bucket of ``s3://<bucket>/<prefix>``; ``settings`` are those of obstore's ``S3Store``."""
    from obstore.store import S3Store

    bucket, _, prefix = location.removeprefix(BUCKET_SCHEME).partition("/")
    store = S3Store(
        bucket,
        prefix=prefix.strip("/") or None,
        **settings,  # type: ignore[arg-type] # they are names of its settings
        default_region="us-east-1",
        virtual_hosted_style_request="endpoint" not in settings,
        client_options={
            "allow_http": True,  # what the operator has named is right, as elsewhere
            "connect_timeout": timedelta(seconds=10),
            "read_timeout": timedelta(seconds=60),
            "timeout": timedelta(hours=6),
        },
    )
    where = settings.get("endpoint", "AWS")
    return BackupBucket(store, f"{location} at {where}")


@contextmanager
def _told(name: str) -> Iterator[None]:
    from obstore.exceptions import BaseError

    try:
        yield
    except FileNotFoundError as error:
        if "NoSuchBucket" not in str(error):
            raise
        message = f"there is no bucket at {name}"
        raise UpstreamFailureError(message) from error
    except BaseError as error:
        first_line = str(error).partition("\n")[0][:_SHOWN_CHARS]
        message = f"{name} does not do its part: {first_line}"
        raise UpstreamFailureError(message) from error


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
