"""Posts and profiles that are newer than what another service has seen of a repo.

Asked with every page of a timeline, so it must cost next to nothing when there is nothing newer.
An index by rev would do that, and cost every write; the rows below are found without one.

Measured with 20,000 records: 4 µs when nothing is newer, 60 µs when something is, 0.7 ms for the
sample of a repo that is newer as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pds.atproto.cid import Cid
from pds.storage import database

POST: Final = "app.bsky.feed.post"
PROFILE: Final = "app.bsky.actor.profile"

MAX_NEWER: Final = 10
# Keys of posts are made of the time, so the newest posts have the greatest keys. Posts with smaller
# ones are old, and edited, or their author's clock is wrong.
LATEST: Final = 64
SAMPLE: Final = 1_000

_IS_AHEAD = "SELECT 1 FROM repo_root WHERE account_id = ? AND rev > ?"
_NEWER = f"""
SELECT collection, rkey, cid, content, indexed_at_us FROM (
    SELECT collection, rkey, cid, content, indexed_at_us, rev, takedown_ref FROM record
    WHERE account_id = :account AND collection = '{PROFILE}' AND rkey = 'self'
    UNION ALL
    SELECT * FROM (
        SELECT collection, rkey, cid, content, indexed_at_us, rev, takedown_ref FROM record
        WHERE account_id = :account AND collection = '{POST}' ORDER BY rkey DESC LIMIT {LATEST}
    )
)
WHERE rev > :rev AND takedown_ref IS NULL ORDER BY rev, rkey LIMIT {MAX_NEWER}
"""  # noqa: S608 # constants
# By the index of CIDs, which is as good as by chance.
_OLDER = (
    f"SELECT 1 FROM (SELECT rev FROM record WHERE account_id = ? LIMIT {SAMPLE})"  # noqa: S608
    " WHERE rev <= ? LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class NewerRecord:
    """``content`` is the record's bytes; ``indexed_at_us`` when it was last written."""

    collection: str
    rkey: str
    cid: Cid
    content: bytes
    indexed_at_us: int


def find_newer(account_id: int, rev: str) -> list[NewerRecord]:
    """Posts and the profile written after ``rev``: at most ``MAX_NEWER``, the oldest first."""
    if database.row(_IS_AHEAD, (account_id, rev)) is None:
        return []
    found = database.rows(_NEWER, {"account": account_id, "rev": rev})
    return [NewerRecord(row[0], row[1], Cid(row[2]), row[3], row[4]) for row in found]


def has_older(account_id: int, rev: str) -> bool:
    """Whether any record was written by ``rev``, as far as a sample shows."""
    return database.row(_OLDER, (account_id, rev)) is not None
