"""Blob bytes in a bucket of an S3 service, under the keys of the reference server.

    blocks/<did>/<cid>        a whole blob of one account
    tmp/<did>/…               what the reference server keeps there: nothing is put there, and what
    quarantine/<did>/…            is there goes with the account

An upload waits on disk until it is whole, is then sent under its final key, and appears there when
the last byte has arrived. What is fetched goes to a temporary file first: a reader may then be as
slow as it likes without holding a thread or a connection, and one that is cut off, or does not have
the size it should, is noticed before the first byte goes out. Reasons: decision 21.

``PDS_BLOBSTORE_S3_UPLOAD_TIMEOUT_MS`` bounds each upload and download as a whole.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from ipaddress import ip_address
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, Final, cast
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from pds.atproto.cid import Cid, InvalidCidError
from pds.config import Config, ConfigError
from pds.errors import UpstreamFailureError, UpstreamTimeoutError
from pds.storage.blob_store import Incoming, StoredBlob, TemporaryBlob
from pds.storage.blob_turns import Turns

logger = logging.getLogger("pds.blobs")

_BLOCKS: Final = "blocks"
_FOREIGN: Final = ("tmp", "quarantine")
_PART_BYTES: Final = 5 * 1024 * 1024  # the least that S3 takes as a part
_PARTS_AT_ONCE: Final = 2
_CHUNK_BYTES: Final = 65_536
_SPOOLED_BYTES: Final = 65_536  # up to here a download stays in memory
_PAGE: Final = 500
_CONNECT_S: Final = 5
_QUESTION_MS: Final = 6_000
_RETRIES: Final = 2
_RETRY_S: Final = 5
_SHOWN_CHARS: Final = 300

_NO_BUCKET: Final = "NoSuchBucket"
_REFUSED: Final = ("403 Forbidden", "401 Unauthorized")
_TIMED_OUT: Final = ("kind: Timeout", "TimedOut")


class BlobObjects:
    """The blobs of all accounts in one bucket. A ``BlobStore``."""

    is_remote = True

    def __init__(self, config: Config) -> None:
        if config.blobstore_s3_bucket is None:
            message = "PDS_BLOBSTORE_S3_BUCKET: missing; name the bucket for pictures and videos"
            raise ConfigError([message])
        self._bucket = config.blobstore_s3_bucket
        self._endpoint = config.blobstore_s3_endpoint
        self.name = f"the bucket {self._bucket} at {self._endpoint or 'AWS'}"
        self._limit_s = config.blobstore_s3_upload_timeout_ms / 1_000
        self._turns = Turns(max(1, config.threads // 2))
        limit_ms = config.blobstore_s3_upload_timeout_ms
        self._store = _client(config, limit_ms)
        # Small questions that nobody waits for but a server that is told to stop.
        self._index = _client(config, min(limit_ms, _QUESTION_MS))
        self.incoming = Incoming(config.data_directory / "blobs")

    def prepare(self) -> None:
        self.incoming.prepare()

    def check(self) -> None:
        try:
            next(iter(obstore.list(self._index, _BLOCKS, chunk_size=1)), None)
        except (BaseError, FileNotFoundError) as error:
            problem = self._misconfigured(str(error))
            if problem:
                raise ConfigError([problem]) from error
            logger.warning("pictures and videos cannot be reached: %s", _short(error))

    def _misconfigured(self, text: str) -> str | None:
        """What the operator has to set right, in one line; None when the service is just away."""
        where = self._endpoint or "AWS"
        if _NO_BUCKET in text:
            return f'PDS_BLOBSTORE_S3_BUCKET: there is no bucket "{self._bucket}" at {where}'
        if any(sign in text for sign in _REFUSED):
            return (
                f'PDS_BLOBSTORE_S3_ACCESS_KEY_ID: {where} refuses this key for "{self._bucket}"'
                f" (or PDS_BLOBSTORE_S3_SECRET_ACCESS_KEY or _REGION is wrong): {_code_in(text)}"
            )
        return None

    def turn(self) -> AbstractContextManager[None]:
        return self._turns.take()

    def keep(self, blob: TemporaryBlob, folder: str) -> None:
        key = _key(folder, blob.cid)
        with _told("storing"), blob.path.open("rb") as file:
            if blob.size_bytes <= _PART_BYTES:
                obstore.put(self._store, key, file.read(), use_multipart=False)
                return
            obstore.put(
                self._store,
                key,
                self._parts(file),
                chunk_size=_PART_BYTES,
                max_concurrency=_PARTS_AT_ONCE,
            )

    def _parts(self, file: BinaryIO) -> Iterator[bytes]:
        """What fails here ends the upload, and the service forgets the parts it has."""
        ends_at = time.monotonic() + self._limit_s
        while part := file.read(_PART_BYTES):
            _check_time(ends_at)
            yield part

    def open(self, folder: str, cid: Cid, start: int, size: int) -> BinaryIO:
        ends_at = time.monotonic() + self._limit_s
        file = SpooledTemporaryFile(  # noqa: SIM115 # the caller closes it
            max_size=_SPOOLED_BYTES, dir=str(self.incoming.directory)
        )
        try:
            with _told("fetching"):
                if size:
                    self._fetch(_key(folder, cid), (start, start + size), file, ends_at)
        except BaseException:
            file.close()
            raise
        file.seek(0)
        return cast("BinaryIO", file)

    def _fetch(
        self,
        key: str,
        part: tuple[int, int],
        file: SpooledTemporaryFile[bytes],
        ends_at: float,
    ) -> None:
        found = obstore.get(self._store, key, options={"range": part})
        for chunk in found.stream(min_chunk_size=_CHUNK_BYTES):
            file.write(chunk)
            _check_time(ends_at)
        if file.tell() != part[1] - part[0]:
            message = f"{key} has {file.tell()} bytes in place of {part[1] - part[0]}"
            raise _ShortError(message)

    def delete(self, folder: str, cids: Sequence[Cid]) -> None:
        if cids:
            with _told("deleting"):
                obstore.delete(self._index, [_key(folder, cid) for cid in cids])

    def folders(self) -> Iterator[str]:
        with _told("listing"):
            found = obstore.list_with_delimiter(self._index, _BLOCKS)["common_prefixes"]
        for prefix in found:
            yield prefix.rpartition("/")[2]

    def list(self, folder: str) -> Iterator[StoredBlob]:
        pages = iter(obstore.list(self._index, f"{_BLOCKS}/{folder}", chunk_size=_PAGE))
        while True:
            with _told("listing"):
                page = next(pages, None)
            if page is None:
                return
            for found in page:
                try:
                    cid = Cid.parse(found["path"].rpartition("/")[2])
                except InvalidCidError:
                    continue
                modified_us = int(found["last_modified"].timestamp() * 1_000_000)
                yield StoredBlob(cid, found["size"], modified_us)

    def delete_some(self, folder: str) -> bool:
        """One page of blobs, or of what the reference server has left."""
        with _told("deleting"):
            for place in (_BLOCKS, *_FOREIGN):
                pages = obstore.list(self._index, f"{place}/{folder}", chunk_size=_PAGE)
                page = next(iter(pages), None)
                if page:
                    obstore.delete(self._index, [found["path"] for found in page])
                    return True
        return False

    def describe(self, folder: str, cid: Cid) -> str:
        return f"s3://{self._bucket}/{_key(folder, cid)}"


class _ShortError(Exception):
    """A download ended too early, or the object is not the blob."""


def _client(config: Config, limit_ms: int) -> S3Store:
    """Keys that are not set are looked for as AWS's tools do (environment, machine, container)."""
    keys: dict[str, str] = {}
    if config.blobstore_s3_access_key_id and config.blobstore_s3_secret_access_key:
        keys["access_key_id"] = config.blobstore_s3_access_key_id
        keys["secret_access_key"] = config.blobstore_s3_secret_access_key
    if config.blobstore_s3_region:
        keys["region"] = config.blobstore_s3_region
    by_host = _is_addressed_by_host(config)
    if config.blobstore_s3_endpoint:
        keys["endpoint"] = _endpoint(config.blobstore_s3_endpoint, config, by_host=by_host)
    return S3Store(
        config.blobstore_s3_bucket,
        **keys,  # type: ignore[arg-type] # they are names of its settings
        default_region="us-east-1",
        virtual_hosted_style_request=by_host,
        client_options={
            "allow_http": True,  # what the operator has named is right, as elsewhere
            "connect_timeout": timedelta(seconds=_CONNECT_S),
            "read_timeout": timedelta(milliseconds=config.blobstore_s3_request_timeout_ms),
            "timeout": timedelta(milliseconds=limit_ms),
        },
        retry_config={
            "max_retries": _RETRIES,
            "retry_timeout": timedelta(seconds=_RETRY_S),
            "backoff": {
                "init_backoff": timedelta(milliseconds=100),
                "max_backoff": timedelta(seconds=1),
                "base": 2,
            },
        },
    )


def _is_addressed_by_host(config: Config) -> bool:
    """Whether the bucket is part of the host name, as AWS wants it and others may not."""
    if config.blobstore_s3_force_path_style:
        return False
    host = urlsplit(config.blobstore_s3_endpoint or "").hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return host != "localhost"
    return False


def _endpoint(url: str, config: Config, *, by_host: bool) -> str:
    if not by_host:
        return url.rstrip("/")
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{config.blobstore_s3_bucket}.{rest}".rstrip("/")


def _key(folder: str, cid: Cid) -> str:
    return f"{_BLOCKS}/{folder}/{cid}"


def _check_time(ends_at: float) -> None:
    if time.monotonic() > ends_at:
        message = "TimedOut: it took longer than PDS_BLOBSTORE_S3_UPLOAD_TIMEOUT_MS"
        raise _ShortError(message)


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Turn the client's failures into those that callers know, with one line in the log."""
    try:
        yield
    except FileNotFoundError as error:
        if _NO_BUCKET not in str(error):
            raise
        raise _failure(what, error) from error
    except (BaseError, _ShortError) as error:
        raise _failure(what, error) from error


def _failure(what: str, error: Exception) -> UpstreamFailureError:
    logger.error("%s a blob failed: %s", what, _short(error))
    if any(sign in str(error) for sign in _TIMED_OUT):
        message = "Operation timed out, please try again."
        return UpstreamTimeoutError(message)
    message = "Pictures and videos cannot be reached at the moment"
    return UpstreamFailureError(message)


def _short(error: Exception) -> str:
    """The client's messages go on for pages; their first line says it."""
    return str(error).partition("\n")[0][:_SHOWN_CHARS]


def _code_in(text: str) -> str:
    """The service's own word for it, where there is one."""
    return text.partition("<Code>")[2].partition("</Code>")[0] or "403"
