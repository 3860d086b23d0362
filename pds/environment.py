"""Where settings come from: the process's environment, a file, and the secrets of local mode.

This is the only module that reads the process's environment.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pds import local_secrets
from pds.settings import ConfigError, path

if TYPE_CHECKING:
    from dotenv.parser import Original

INSTALLED_ENV_FILE = Path("/pds/pds.env")
HERE = Path(__file__).resolve().parents[1]


def load_environment() -> dict[str, str]:
    """The process's environment, completed by ``PDS_ENV_FILE`` and, in local mode, by secrets.

    What the process was given wins over the file, the file over generated secrets.

    Raises:
        ConfigError: the file cannot be read, or the local secrets cannot be read or made.
    """
    return with_local_secrets(_with_file(dict(os.environ)))  # noqa: TID251 # the one place


def operator_environment(env_file: Path | None = None) -> dict[str, str]:
    """The settings of the server that is installed here, for a command of its operator.

    They come from ``env_file``, else from ``PDS_ENV_FILE``, else from the file of an installed
    server, else they are those of local mode, with the data in this folder or in Hearth's own.
    Secrets of local mode are not among them: see ``with_local_secrets``.

    Raises:
        ConfigError: the file cannot be read.
    """
    environ = dict(os.environ)  # noqa: TID251 # the one place
    if env_file is not None:
        environ["PDS_ENV_FILE"] = str(env_file)
    elif not environ.get("PDS_ENV_FILE") and _is_installed(INSTALLED_ENV_FILE):
        environ["PDS_ENV_FILE"] = str(INSTALLED_ENV_FILE)
    environ = _with_file(environ)
    if not environ.get("PDS_DATA_DIRECTORY"):
        nearby = Path("data")
        has_data = (nearby / local_secrets.DATABASE_NAME).exists()
        environ["PDS_DATA_DIRECTORY"] = str(nearby.resolve() if has_data else HERE / "data")
    return environ


def with_local_secrets(environ: dict[str, str]) -> dict[str, str]:
    """``environ``, in local mode completed by the secrets in the data directory.

    Raises:
        ConfigError: they cannot be read or made.
    """
    if environ.get("PDS_HOSTNAME", "").strip().lower() not in ("", "localhost"):
        return environ
    if all(environ.get(name) for name in local_secrets.NAMES):
        return environ
    directory = path(environ.get("PDS_DATA_DIRECTORY") or "data")
    given = {name: raw for name, raw in environ.items() if raw}
    return {**local_secrets.load_or_create(directory), **given}


def _is_installed(file: Path) -> bool:
    """Whether a file is there and this user may read it; who may not has to name another."""
    return os.access(file, os.R_OK)


def _with_file(environ: dict[str, str]) -> dict[str, str]:
    if not environ.get("PDS_ENV_FILE"):
        return environ
    return {**_parse_env_file(Path(environ["PDS_ENV_FILE"])), **environ}


def _number(original: Original) -> int:
    """Of the line that says something; blank ones before it are part of ``original``."""
    blank = original.string[: -len(original.string.lstrip())] if original.string.strip() else ""
    return original.line + blank.count("\n")


def _parse_env_file(file: Path) -> dict[str, str]:
    from dotenv.parser import parse_stream  # only needed here, not by who imports the table

    try:
        with file.open(encoding="utf-8-sig") as stream:  # some editors begin with a mark
            lines = list(parse_stream(stream))
    except OSError as error:
        problem = f"PDS_ENV_FILE: {file} cannot be read ({error.strerror}); check path and rights"
        raise ConfigError([problem]) from error
    except UnicodeDecodeError as error:
        problem = f"PDS_ENV_FILE: {file} is not text in UTF-8; it has one NAME=value per line"
        raise ConfigError([problem]) from error
    problems = [  # without the line itself, which may hold a secret
        f"PDS_ENV_FILE: line {_number(line.original)} of {file} is no NAME=value; mend it"
        for line in lines
        if line.error
    ]
    if problems:
        raise ConfigError(problems)
    return {line.key: line.value or "" for line in lines if line.key}
