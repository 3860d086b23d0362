"""Names of the reference PDS that this version knows and checks but does not act on.

An environment file written for the reference loads unchanged; what has no effect is said at start.
A feature that arrives moves its rows to ``pds/config.py``.
"""

from __future__ import annotations

from pds.settings import (
    Effect,
    Reader,
    Setting,
    boolean,
    did,
    did_key,
    integer,
    path,
    text,
    url,
)


def _rows(effect: Effect, *rows: tuple[str, Reader, str]) -> tuple[Setting, ...]:
    return tuple(
        Setting(name, read, None, help_, "none", effect=effect) for name, read, help_ in rows
    )


def _secret_rows(effect: Effect, *rows: tuple[str, Reader, str]) -> tuple[Setting, ...]:
    return tuple(
        Setting(name, read, None, help_, "none", secret=True, effect=effect)
        for name, read, help_ in rows
    )


_NONE = (
    *_secret_rows(
        "none",
        ("PDS_REDIS_SCRATCH_PASSWORD", text, "there is no Redis here"),
        ("PDS_HCAPTCHA_TOKEN_SALT", text, "answers to puzzles are not kept here"),
    ),
    *_secret_rows(
        "none",
        ("PDS_REPO_SIGNING_KEY_K256_PRIVATE_KEY_HEX", text, "every account has a key of its own"),
    ),
    *_rows(
        "none",
        ("PDS_ACCOUNT_DB_LOCATION", path, "everything is in pds.sqlite"),
        ("PDS_SEQUENCER_DB_LOCATION", path, "everything is in pds.sqlite"),
        ("PDS_DID_CACHE_DB_LOCATION", path, "everything is in pds.sqlite"),
        ("PDS_ACTOR_STORE_DIRECTORY", path, "everything is in pds.sqlite"),
        ("PDS_ACTOR_STORE_CACHE_SIZE", integer(0), "there is one database, always open"),
        ("PDS_BLOBSTORE_DISK_TMP_LOCATION", path, "uploads start in tmp/ below the blobs"),
        ("PDS_REDIS_SCRATCH_ADDRESS", text, "there is no Redis here"),
        ("LOG_ENABLED", text, "the log always goes to standard output"),
        ("LOG_DESTINATION", text, "the log always goes to standard output"),
        ("LOG_SYSTEMS", text, "LOG_LEVEL is for all parts"),
        ("PDS_PROXY_ALLOW_HTTP2", boolean, "upstreams are asked over HTTP/1.1"),
    ),
)

_REFUSED = (
    *_secret_rows(
        "refused",
        ("PDS_ENTRYWAY_ADMIN_TOKEN", text, "accounts are kept here, not at an entryway"),
    ),
    *_rows(
        "refused",
        ("PDS_ENTRYWAY_URL", url, "accounts are kept here, not at an entryway"),
        ("PDS_ENTRYWAY_DID", did, "accounts are kept here, not at an entryway"),
        (
            "PDS_ENTRYWAY_JWT_VERIFY_KEY_K256_PUBLIC_KEY_HEX",
            text,
            "accounts are kept here, not at an entryway",
        ),
        (
            "PDS_ENTRYWAY_PLC_ROTATION_KEY",
            did_key,
            "accounts are kept here, not at an entryway",
        ),
        (
            "PDS_PLC_ROTATION_KEY_KMS_KEY_ID",
            text,
            "the rotation key is PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX",
        ),
    ),
)

LATER_SETTINGS = (*_NONE, *_REFUSED)

BOTH_OR_NONE = (
    ("PDS_BLOBSTORE_S3_ACCESS_KEY_ID", "PDS_BLOBSTORE_S3_SECRET_ACCESS_KEY"),
    ("PDS_EMAIL_SMTP_URL", "PDS_EMAIL_FROM_ADDRESS"),
    ("PDS_HCAPTCHA_SITE_KEY", "PDS_HCAPTCHA_SECRET_KEY"),
    ("PDS_MODERATION_EMAIL_SMTP_URL", "PDS_MODERATION_EMAIL_ADDRESS"),
)

ONE_ALONE = (("PDS_BLOBSTORE_S3_BUCKET", "PDS_BLOBSTORE_DISK_LOCATION"),)

NEEDS = (
    ("PDS_BSKY_APP_VIEW_URL", "PDS_BSKY_APP_VIEW_DID"),
    ("PDS_MOD_SERVICE_URL", "PDS_MOD_SERVICE_DID"),
    ("PDS_REPORT_SERVICE_URL", "PDS_REPORT_SERVICE_DID"),
)
