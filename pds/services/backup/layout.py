"""What lies where in a place; see the package for what it is."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pds.atproto.cid import Cid

HEADER: Final = "hearth-backup.json"
IDENTITY: Final = "identity.age"
COPIES: Final = "copies/"
SNAPSHOTS: Final = "snapshots/"
BLOBS: Final = "blobs/"
MANIFEST: Final = "manifest.json"


def blob_key(cid: Cid) -> str:
    text = str(cid)
    return f"{BLOBS}{text[-2:]}/{text}"


@contextmanager
def temporary(scratch: Path) -> Iterator[Path]:
    """The name of a file in ``scratch`` that is gone afterwards."""
    path = scratch / secrets.token_hex(12)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
