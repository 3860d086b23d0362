"""Reading a repo in bulk: what exports need, in few and indexed queries.

Call these inside a snapshot, so that all of them see the same commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, Final

from pds.storage import database, records

_BATCH: Final = 500  # CIDs per query

_RECORDS = "SELECT cid, content FROM record WHERE account_id = ? AND collection = ? ORDER BY rkey"
_KEYED_RECORDS = (
    "SELECT rkey, cid, content FROM record WHERE account_id = ? AND collection = ? ORDER BY rkey"
)
_NODES = "SELECT cid, content FROM block WHERE account_id = ? AND cid IN ({})"
_ALL_NODES = "SELECT cid, content FROM block WHERE account_id = ? LIMIT ?"
_NEWER_NODES = (
    "SELECT cid, CASE WHEN rev > ? THEN content END FROM block WHERE account_id = ? AND cid IN ({})"
)
_RECORDS_BY_CID = "SELECT cid, content FROM record WHERE rev > ? AND account_id = ? AND cid IN ({})"


def records_in_path_order(account_id: int) -> Iterator[tuple[bytes, bytes]]:
    """(cid, bytes) of every record, ordered by ``collection/rkey``; a row at a time.

    ``a.b.c/x`` comes before ``a.b/x``, since a dot sorts before the slash: collections are ordered
    with the slash, not by name alone.
    """
    collections = sorted(records.list_collections(account_id), key=_with_slash)
    return chain.from_iterable(
        database.db.execute_sql(_RECORDS, (account_id, collection)) for collection in collections
    )


def paths_and_records(account_id: int) -> Iterator[tuple[str, bytes, bytes]]:
    """(path, cid, bytes) of every record, ordered by path; a row at a time."""
    for collection in sorted(records.list_collections(account_id), key=_with_slash):
        for rkey, cid, content in database.db.execute_sql(_KEYED_RECORDS, (account_id, collection)):
            yield f"{collection}/{rkey}", cid, content


def all_nodes(account_id: int, limit: int) -> dict[bytes, bytes]:
    """Every node of the repo, or none of them when there are more than ``limit``."""
    found = database.rows(_ALL_NODES, (account_id, limit + 1))
    return dict(found) if len(found) <= limit else {}


def find_nodes(account_id: int, cids: Sequence[bytes]) -> dict[bytes, bytes]:
    """Those of the nodes that are there."""
    return _find(_NODES, (account_id,), cids)


def find_newer_nodes(
    account_id: int, cids: Sequence[bytes], since: str
) -> dict[bytes, bytes | None]:
    """Those of the nodes that are there; None in place of one not written after the rev."""
    return _find(_NEWER_NODES, (since, account_id), cids)


def find_records(account_id: int, cids: Sequence[bytes], since: str = "") -> dict[bytes, bytes]:
    """The records with these CIDs that were written after the rev ``since``."""
    return _find(_RECORDS_BY_CID, (since, account_id), cids)


def _find(sql: str, params: tuple[Any, ...], cids: Iterable[bytes]) -> dict[bytes, Any]:
    found: dict[bytes, Any] = {}
    remaining = iter(cids)
    while batch := list(islice(remaining, _BATCH)):
        marks = ",".join("?" * len(batch))
        found.update(database.rows(sql.format(marks), (*params, *batch)))
    return found


def _with_slash(collection: str) -> str:
    return collection + "/"
