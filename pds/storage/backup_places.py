"""Where backups are kept: a folder, perhaps on another disk, or a bucket of an S3 service.

A place holds files under names with slashes. A file appears whole or not at all, and what ``put``
has returned from is durable. What is in the files is the business of ``services/backup``.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from pds.backup_settings import BUCKET_SCHEME
from pds.errors import UpstreamFailureError
from pds.storage.durable import sync_directory

if TYPE_CHECKING:
    from obstore.store import S3Store

_PART_BYTES: Final = 8 * 1024 * 1024
_SHOWN_CHARS: Final = 300
_INCOMING: Final = ".incoming"


class PlaceInUseError(Exception):
    """Another process writes to the place, or reads what is about to be changed."""


class BackupPlace(Protocol):
    """A place for backups. OSError or UpstreamFailureError when it does not do its part."""

    name: str  # for people
    is_remote: bool

    def make(self) -> None:
        """Make the place itself; content when it is there. Before the first ``put``."""

    def hold(self, *, alone: bool) -> AbstractContextManager[None]:
        """Keep those out who would change the place meanwhile; ``alone``: also those who read.

        Where that cannot be done (a bucket, some network disks) nobody is kept out.

        Raises:
            PlaceInUseError
        """

    def free_bytes(self) -> tuple[int, int] | None:
        """The number of the disk and how much room is on it; None where that is not known."""

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
        self._made: tuple[int, int] | None = None  # which directory it is: device and inode
        self.name = str(directory)

    def make(self) -> None:
        _make_directories(self._directory)
        self._made = self._identity()

    @contextmanager
    def hold(self, *, alone: bool) -> Iterator[None]:
        try:
            handle = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            yield  # it is not there yet, or what comes next will say why it cannot be used
            return
        try:
            fcntl.flock(handle, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(handle)
            raise PlaceInUseError from error
        except OSError:  # not on this kind of disk
            pass
        try:
            yield
        finally:
            os.close(handle)

    def free_bytes(self) -> tuple[int, int] | None:
        folder = self._directory
        while not folder.exists():
            folder = folder.parent
        return folder.stat().st_dev, shutil.disk_usage(folder).free

    def put(self, key: str, source: Path) -> None:
        if self._made is None:
            self.make()
        elif self._identity() != self._made:
            # Made anew, it would be on the disk below, and fill that.
            raise OSError(errno.ENODEV, "the disk was taken away meanwhile", self.name)
        target = self._directory / key
        try:
            self._put(target, source)
        except OSError as error:
            if error.filename is None:  # a full disk names no file
                raise OSError(error.errno, error.strerror, self.name) from error
            raise

    def _put(self, target: Path, source: Path) -> None:
        _make_directories(target.parent)
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
        sync_directory(target.parent)

    def _identity(self) -> tuple[int, int] | None:
        try:
            found = self._directory.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def get(self, key: str, target: Path) -> None:
        shutil.copyfile(self._directory / key, target)

    def list(self, prefix: str) -> Iterator[str]:
        # Not pathlib, which keeps a hundred bytes for each of all names.
        for folder, _, names in os.walk(self._directory / prefix, onerror=_refuse_unreadable):
            for name in names:
                if name != _INCOMING:
                    yield os.path.relpath(f"{folder}/{name}", self._directory)

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

    def make(self) -> None:
        """Buckets are made by their owner."""

    @contextmanager
    def hold(self, *, alone: bool) -> Iterator[None]:
        del alone
        yield

    def free_bytes(self) -> tuple[int, int] | None:
        return None

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


def _refuse_unreadable(error: OSError) -> None:
    """What cannot be listed must not pass for empty."""
    is_of_the_disk = Path(str(error.filename)).name == "lost+found"
    if not isinstance(error, FileNotFoundError) and not is_of_the_disk:
        raise error


def _make_directories(directory: Path) -> None:
    """Each for its owner alone, and durably: what is in one is lost with it."""
    missing = [directory]
    while not missing[-1].is_dir():
        missing.append(missing[-1].parent)
    for one in reversed(missing[:-1]):
        one.mkdir(mode=0o700, exist_ok=True)
        with suppress(PermissionError):  # one may write to it and not read it
            sync_directory(one.parent)
