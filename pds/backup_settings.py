"""Settings of backups; a group as in ``setting_groups.py``."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from pds.settings import bucket, integer, setting, text, url

BUCKET_SCHEME = "s3://"


def backup_location(raw: str) -> str:
    """An absolute folder, or ``s3://bucket`` with a prefix or without."""
    if raw.startswith(BUCKET_SCHEME):
        try:
            bucket(raw.removeprefix(BUCKET_SCHEME).partition("/")[0])
        except ValueError:
            message = "names no bucket; write s3://bucket/prefix"
            raise ValueError(message) from None
        return raw.rstrip("/")
    if not Path(raw).is_absolute():
        message = "is neither an absolute path nor s3://bucket/prefix"
        raise ValueError(message)
    return raw


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class BackupSettings:
    """Where backups go by themselves every night, and how many are kept."""

    backup_location: str | None = setting(
        backup_location, None, "folder, or s3://bucket/prefix, for a backup every night"
    )
    backup_passphrase: str | None = setting(
        text, None, "seals backups; needed to restore them, so keep it elsewhere too", secret=True
    )
    backup_s3_region: str | None = setting(
        text,
        lambda values: values["blobstore_s3_region"],
        "region of the bucket for backups",
        shown="PDS_BLOBSTORE_S3_REGION",
    )
    backup_s3_endpoint: str | None = setting(
        url,
        lambda values: values["blobstore_s3_endpoint"],
        "address of its service",
        shown="PDS_BLOBSTORE_S3_ENDPOINT",
    )
    backup_s3_access_key_id: str | None = setting(
        text,
        lambda values: values["blobstore_s3_access_key_id"],
        "its access key",
        shown="PDS_BLOBSTORE_S3_ACCESS_KEY_ID",
        secret=True,
    )
    backup_s3_secret_access_key: str | None = setting(
        text,
        lambda values: values["blobstore_s3_secret_access_key"],
        "the secret to that",
        shown="PDS_BLOBSTORE_S3_SECRET_ACCESS_KEY",
        secret=True,
    )
    backup_keep_daily: int = setting(integer(1), 7, "days of which a backup is kept")
    backup_keep_weekly: int = setting(integer(0), 4, "weeks of which a backup is kept")
    backup_keep_monthly: int = setting(integer(0), 6, "months of which a backup is kept")
