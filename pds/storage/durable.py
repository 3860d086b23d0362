"""What must be told to the disk, so that a power cut does not undo it.

A file's bytes are durable when the file was synced; its name only when the directory was, too.
"""

from __future__ import annotations

import os
from pathlib import Path


def sync_directory(directory: Path) -> None:
    """Make renames and new entries in ``directory`` survive a power cut."""
    _sync(directory, os.O_RDONLY | os.O_DIRECTORY)


def sync_file(file: Path) -> None:
    """Make the bytes of ``file`` survive one, whoever has written them."""
    _sync(file, os.O_RDONLY)


def _sync(path: Path, how: int) -> None:
    handle = os.open(path, how)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
