"""One server per data directory: a second one would not know of the first one's locks."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class AlreadyRunningError(Exception):
    """Another server has this data directory open."""


class ProcessLock:
    """An advisory lock on a file; the kernel gives it back when the process ends, however."""

    def __init__(self, file: Path) -> None:
        """Take the lock. AlreadyRunningError when another process holds it."""
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._handle)
            message = f"another server is running on {file.parent}"
            raise AlreadyRunningError(message) from error
        os.ftruncate(self._handle, 0)
        os.write(self._handle, str(os.getpid()).encode())

    def release(self) -> None:
        os.close(self._handle)


def holder(file: Path) -> int | None:
    """The number of the process that holds the lock; None when none does, or it is not known."""
    if not file.exists():
        return None
    try:
        ProcessLock(file).release()
    except AlreadyRunningError:
        text = file.read_text(encoding="ascii", errors="replace")
        return int(text) if text.isdecimal() else None
    except OSError:  # not for this user to see
        return None
    return None
