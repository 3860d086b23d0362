"""Keeping threads and programs apart that work on the bytes of the same blob.

A row and its bytes cannot change in one step, so whoever changes both holds the blob's lock from
the first to the last. It may be held while a remote store is asked: others wait only for the same
blob (or for the end of the same account). The locks are ranges of a file that the kernel gives back
when a program ends, however it does: the command line works on the same data as the server.

A range is one byte, placed by a hash; nothing is ever written there. Always taken in the order of
places, so that two who want several of the same never wait for each other.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pds.atproto.cid import Cid

_FLOCK: Final = "hhqqi0q"  # struct flock: type, whence, start, length, pid
_BLOBS_FROM: Final = 1 << 40  # accounts have the places below
_PLACE_BYTES: Final = 5


class BlobLocks:
    """Locks on accounts' blobs, of all threads of all programs that use the same ``file``."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @contextmanager
    def blobs(self, folder: str, cids: Sequence[Cid]) -> Iterator[None]:
        """Have blobs of one account to oneself."""
        places = sorted({_BLOBS_FROM + _place(f"{folder}/{cid}") for cid in cids})
        with self._opened() as descriptor:
            _lock(descriptor, fcntl.F_RDLCK, _place(folder))
            for place in places:
                _lock(descriptor, fcntl.F_WRLCK, place)
            yield

    @contextmanager
    def account(self, folder: str) -> Iterator[None]:
        """Have all blobs of an account to oneself."""
        with self._opened() as descriptor:
            _lock(descriptor, fcntl.F_WRLCK, _place(folder))
            yield

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """The file, opened anew: what is locked belongs to this opening, and ends with it."""
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def _place(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:_PLACE_BYTES], "big")


def _lock(descriptor: int, kind: int, place: int) -> None:
    wanted = struct.pack(_FLOCK, kind, os.SEEK_SET, place, 1, 0)
    fcntl.fcntl(descriptor, fcntl.F_OFD_SETLKW, wanted)
