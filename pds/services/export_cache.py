"""The newest small exports, ready to be sent again.

A repo that has just changed hands, or a new relay, brings several readers at once who all want the
same file. A file is good as long as its commit is the head, so it is found by that and never wrong.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from pds.atproto.cid import Cid

MAX_FILE_BYTES = 4_000_000
MAX_BYTES = 16_000_000


class ExportCache:
    """Whole-repo CAR files by the commit they are of; the least recently wanted goes first."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._files: OrderedDict[Cid, bytes] = OrderedDict()
        self._size_bytes = 0
        self._lock = threading.Lock()

    def find(self, commit: Cid) -> bytes | None:
        with self._lock:
            content = self._files.get(commit)
            if content is not None:
                self._files.move_to_end(commit)
            return content

    def keep(self, commit: Cid, content: bytes) -> None:
        """Remember a file, unless it is large."""
        if len(content) > MAX_FILE_BYTES:
            return
        with self._lock:
            if commit in self._files:
                return
            self._files[commit] = content
            self._size_bytes += len(content)
            while self._size_bytes > self._max_bytes:
                _, dropped = self._files.popitem(last=False)
                self._size_bytes -= len(dropped)
