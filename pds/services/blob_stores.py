"""The blob stores that the settings name."""

from __future__ import annotations

from pathlib import Path

from pds.config import Config
from pds.storage.blob_files import BlobFiles
from pds.storage.blob_locks import BlobLocks
from pds.storage.blob_store import BlobStore


def configured_store(config: Config) -> BlobStore:
    """The store in use: the bucket if one is named, else the disk."""
    if config.blobstore_s3_bucket is None:
        return disk_store(config.blobstore_disk_location)
    return bucket_store(config)


def disk_store(directory: Path) -> BlobStore:
    return BlobFiles(directory)


def bucket_store(config: Config) -> BlobStore:
    """The bucket. Its client is loaded here and not before: it is of no use to others.

    Raises:
        ConfigError: no bucket is named.
    """
    from pds.storage.blob_objects import BlobObjects

    return BlobObjects(config)


def blob_locks(config: Config) -> BlobLocks:
    return BlobLocks(config.data_directory / "blobs.lock")
