"""The directories that settings name: made before anything is opened in them, or refused."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pds.settings import ConfigError


def make_directories(by_setting: Mapping[str, Path]) -> None:
    """Make each directory, private, unless it is there.

    by_setting: setting that names it → directory.

    Raises:
        ConfigError: with a line for each that cannot be made, is none, or cannot be written.
    """
    problems = [
        f"{name}: {directory} cannot be used: {problem}; name a folder that this user may write"
        for name, directory in by_setting.items()
        if (problem := _problem(directory))
    ]
    if problems:
        raise ConfigError(problems)


def _problem(directory: Path) -> str | None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError:
        return "it is no folder"
    except OSError as error:
        return str(error.strerror)
    return None if os.access(directory, os.W_OK | os.X_OK) else "it is not writable"
