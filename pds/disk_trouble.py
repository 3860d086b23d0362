"""Which OSErrors are the disk's fault, and not the program's."""

from __future__ import annotations

import errno
from typing import Final, Literal

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
# A dying or unplugged disk, one that the kernel has made read-only, a server of files that is gone.
_BROKEN: Final = frozenset({errno.EIO, errno.EROFS, errno.ESTALE, errno.ENODEV, errno.EUCLEAN})
# These mean the disk only where they name a file: sockets know them as well.
_OF_FILES: Final = frozenset({errno.EACCES, errno.EPERM, errno.ENOTCONN})

DiskTrouble = Literal["full", "broken"]


def disk_trouble(error: BaseException) -> DiskTrouble | None:
    """What is wrong with the disk; None when the error has another cause.

    "broken" includes a disk that is not mounted and folders that this user may not use.
    """
    if not isinstance(error, OSError) or error.errno is None:
        return None
    if error.errno in _FULL:
        return "full"
    if error.errno in _BROKEN or (error.errno in _OF_FILES and error.filename is not None):
        return "broken"
    return None
