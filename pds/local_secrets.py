"""Secrets of a server that is only being tried: made once, kept in the data directory.

A public server is given its secrets by its operator; in local mode nobody should have to.
"""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from pathlib import Path
from typing import Any

from pds.settings import K256_ORDER, ConfigError

FILE_NAME = "secrets.json"
DATABASE_NAME = "pds.sqlite"
NAMES = (
    "PDS_JWT_SECRET",
    "PDS_ADMIN_PASSWORD",
    "PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX",
)


def load_or_create(data_directory: Path) -> dict[str, str]:
    """Return the local secrets by ``PDS_*`` name; make them on the first start.

    Two processes that start at once agree on one file.

    Raises:
        ConfigError: the file is unreadable or damaged, or it is gone while the database that was
            encrypted with it is still there (new secrets would lock every account out).
    """
    file = data_directory / FILE_NAME
    try:
        if not file.exists():
            _refuse_to_replace(data_directory)
            _create(file)
        return _read(file)
    except OSError as error:
        raise ConfigError([_unusable(file, str(error.strerror))]) from error


def _unusable(file: Path, reason: str) -> str:
    if file.exists():
        return f"{file}: {reason}; this user must be able to read it"
    return (
        f"PDS_DATA_DIRECTORY: {file.parent} cannot be used: {reason};"
        " name a folder that this user may write"
    )


def _refuse_to_replace(data_directory: Path) -> None:
    database = data_directory / DATABASE_NAME
    if database.exists():
        problem = (
            f"{data_directory / FILE_NAME} is missing although {database} exists; put the file "
            f"back or set {', '.join(NAMES)} to the values this database was made with"
        )
        raise ConfigError([problem])


def _create(file: Path) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=".secrets-")  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(_generate(), stream, indent=2)
            stream.write("\n")
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.link(temporary, file)  # unlike rename, never replaces another process's file
        except FileExistsError:
            return
        except OSError:  # a file system without hard links
            Path(temporary).rename(file)
        _sync_directory(file.parent)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _generate() -> dict[str, str]:
    rotation_key = secrets.randbelow(K256_ORDER - 1) + 1
    return dict(
        zip(
            NAMES,
            (secrets.token_hex(32), secrets.token_hex(16), f"{rotation_key:064x}"),
            strict=True,
        )
    )


def _read(file: Path) -> dict[str, str]:
    try:
        content: Any = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError([f"{file} is damaged ({error}); restore it from a backup"]) from error
    if not isinstance(content, dict) or not all(
        isinstance(content.get(name), str) and content[name] for name in NAMES
    ):
        raise ConfigError([f"{file} is damaged: it must hold {', '.join(NAMES)}"])
    return {name: content[name] for name in NAMES}
