"""The latest commit of each repo, its block included."""

from __future__ import annotations

from peewee import BlobField, IntegerField, TextField

from pds.atproto.cid import Cid
from pds.atproto.repo import RepoHead
from pds.storage import database
from pds.storage.database import Table


class RepoRoot(Table):
    account_id = IntegerField(primary_key=True)
    cid = BlobField()
    rev = TextField()
    data = BlobField()
    commit_block = BlobField()

    class Meta:
        table_name = "repo_root"


_SELECT = "SELECT cid, rev, data FROM repo_root WHERE account_id = ?"
_BLOCK = "SELECT cid, rev, commit_block FROM repo_root WHERE account_id = ?"
_UPSERT = (
    "INSERT INTO repo_root (account_id, cid, rev, data, commit_block) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (account_id) DO UPDATE SET"
    " cid = excluded.cid, rev = excluded.rev, data = excluded.data,"
    " commit_block = excluded.commit_block"
)


def find_head(account_id: int) -> RepoHead | None:
    found = database.row(_SELECT, (account_id,))
    return RepoHead(Cid(found[0]), found[1], Cid(found[2])) if found else None


def find_commit(account_id: int) -> tuple[Cid, str, bytes] | None:
    """The head's CID, its rev, and the bytes of the commit block."""
    found = database.row(_BLOCK, (account_id,))
    return (Cid(found[0]), found[1], found[2]) if found else None


def save_root(account_id: int, head: RepoHead, commit_block: bytes) -> None:
    """Make ``head`` the repo's latest commit. The caller holds the transaction."""
    database.execute(_UPSERT, (account_id, head.commit, head.rev, head.data, commit_block))
