"""MST nodes by account and CID. Record bytes are in ``records``, commits in ``repo_roots``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from peewee import BlobField, CompositeKey, IntegerField, TextField

from pds.atproto.cid import Cid
from pds.storage import database
from pds.storage.database import Table


class Block(Table):
    account_id = IntegerField()
    cid = BlobField()
    rev = TextField()
    content = BlobField()

    class Meta:
        primary_key = CompositeKey("account_id", "cid")


_SELECT = "SELECT content FROM block WHERE account_id = ? AND cid = ?"
_INSERT = "INSERT OR REPLACE INTO block (account_id, cid, rev, content) VALUES (?, ?, ?, ?)"
_DELETE = "DELETE FROM block WHERE account_id = ? AND cid = ?"


def find_block(account_id: int, cid: bytes) -> bytes | None:
    found = database.row(_SELECT, (account_id, cid))
    return found[0] if found else None


def save_blocks(account_id: int, rev: str, blocks: Mapping[Cid, bytes]) -> None:
    """Add nodes; one that is there already gets the new rev. The caller holds the transaction."""
    database.execute_many(
        _INSERT, [(account_id, cid, rev, content) for cid, content in blocks.items()]
    )


def delete_blocks(account_id: int, cids: Iterable[bytes]) -> None:
    """Remove nodes that the tree no longer holds. The caller holds the transaction."""
    database.execute_many(_DELETE, [(account_id, cid) for cid in cids])


def count_blocks(account_id: int) -> int:
    found = database.row("SELECT count(*) FROM block WHERE account_id = ?", (account_id,))
    return int(found[0]) if found else 0
