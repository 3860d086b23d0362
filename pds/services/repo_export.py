"""Repos, or parts of them, as CAR files.

A file is written whole (to disk, unless it is small), from one snapshot of the database, and only
then sent: a slow reader holds neither a thread nor the snapshot, and an error on the way is an
error to the client rather than half a file. Memory does not grow with the repo.

Order: the commit, then the tree from the left, each node before what is below it, and each record
where the tree has it, so that a reader can check and index in one pass.
Spec: https://atproto.com/specs/repository#car-file-serialization
"""

from __future__ import annotations

import io
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, Final, cast

from pds.atproto.car import stream_car, write_car
from pds.atproto.cid import Cid
from pds.atproto.mst.proof import path_proof
from pds.atproto.mst.tree import Tree
from pds.errors import BlockNotFoundError, RepoNotFoundError
from pds.services.export_cache import MAX_FILE_BYTES, ExportCache
from pds.services.node_source import NodeSource
from pds.services.tree_reading import Block, damaged, read_newer, read_whole
from pds.storage import database, records, repo_reading, repo_roots
from pds.storage.accounts import AccountRow

_BATCH: Final = 32  # blocks of at most 1 MB each


@dataclass(frozen=True, slots=True)
class CarFile:
    """A file without a name, positioned at its start; whoever sends it closes it."""

    file: BinaryIO
    size_bytes: int


class RepoExport:
    """Writes CAR files below ``directory``, where they have no name and vanish when closed."""

    def __init__(self, directory: Path, nodes: NodeSource) -> None:
        self._directory = directory
        self._nodes = nodes
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        # One at a time: side by side they only fight over the interpreter, and four together
        # took three times the processor time of four in turn.
        self._turn = threading.Lock()
        self._cache = ExportCache()

    def export(self, account: AccountRow, since: str | None = None) -> CarFile:
        """The whole repo, or the commit and what was written after the rev ``since``.

        Raises:
            RepoNotFoundError: the account has no repo.
        """
        if not since:
            return self._export_whole(account)
        with self._turn, database.snapshot():
            root, commit = _get_root(account), _get_commit(account)
            newer = chain([commit], read_newer(account, root, since))
            return self._write(stream_car([commit[0]], newer))

    def _export_whole(self, account: AccountRow) -> CarFile:
        known = self._cache.find(self.latest_commit(account)[0])
        if known is not None:
            return _in_memory(known)
        with self._turn, database.snapshot():
            root, commit = _get_root(account), _get_commit(account)
            known = self._cache.find(commit[0])  # made by whoever had the turn before
            if known is not None:
                return _in_memory(known)
            start = write_car([commit[0]], [commit])
            car = self._write(chain([start], read_whole(account, root)))
        if car.size_bytes <= MAX_FILE_BYTES:
            self._cache.keep(commit[0], car.file.read())
            car.file.seek(0)
        return car

    def blocks(self, account: AccountRow, cids: Sequence[Cid]) -> CarFile:
        """The blocks with these CIDs, in a file without roots.

        Raises:
            BlockNotFoundError: names those that are not part of the repo.
            RepoNotFoundError: the account has no repo.
        """
        with database.snapshot():
            return self._write(stream_car([], _blocks(account, list(dict.fromkeys(cids)))))

    def record_proof(self, account: AccountRow, collection: str, rkey: str) -> bytes:
        """A CAR of the commit, the nodes on the path to a record, and the record.

        Where there is no such record, the nodes show just that.

        Raises:
            RepoNotFoundError: the account has no repo.
        """
        path = f"{collection}/{rkey}"
        with database.snapshot():
            root, commit = _get_root(account), _get_commit(account)
            tree = Tree(self._nodes.reader(account.id), root)
            cid = tree.get(path)
            blocks: list[Block] = [commit, *path_proof(tree.store, root, path).items()]
            if cid is not None:
                record = records.find_record(account.id, collection, rkey)
                if record is None or record[0] != cid:
                    raise damaged(account, f"the tree and the record differ at {path}")
                blocks.append((cid, record[1]))
        return write_car([commit[0]], blocks)

    def latest_commit(self, account: AccountRow) -> tuple[Cid, str]:
        """CID and rev of the head. RepoNotFoundError when the account has no repo."""
        head = repo_roots.find_head(account.id)
        if head is None:
            raise _no_repo(account)
        return head.commit, head.rev

    def _write(self, chunks: Iterable[bytes]) -> CarFile:
        file = cast(
            "BinaryIO",
            tempfile.SpooledTemporaryFile(MAX_FILE_BYTES, dir=str(self._directory)),  # noqa: SIM115 - the sender closes it
        )
        try:
            for chunk in chunks:
                file.write(chunk)
            size_bytes = file.tell()
            file.seek(0)
        except BaseException:
            file.close()
            raise
        return CarFile(file, size_bytes)


def _in_memory(content: bytes) -> CarFile:
    return CarFile(io.BytesIO(content), len(content))


def _get_root(account: AccountRow) -> Cid:
    head = repo_roots.find_head(account.id)
    if head is None:
        raise _no_repo(account)
    return head.data


def _get_commit(account: AccountRow) -> tuple[Cid, bytes]:
    found = repo_roots.find_commit(account.id)
    if found is None:
        raise _no_repo(account)
    return found[0], found[2]


def _no_repo(account: AccountRow) -> RepoNotFoundError:
    return RepoNotFoundError(f"Could not find repo: {account.did}")


def _blocks(account: AccountRow, cids: Sequence[Cid]) -> Iterator[Block]:
    """The blocks in the order asked for; BlockNotFoundError at the end if some are not there."""
    commit, commit_block = _get_commit(account)
    missing: list[str] = []
    remaining = iter(cids)
    while batch := list(islice(remaining, _BATCH)):
        found = repo_reading.find_nodes(account.id, batch)
        found.update(repo_reading.find_records(account.id, batch))
        found[commit] = commit_block
        missing += [str(cid) for cid in batch if cid not in found]
        yield from ((cid, found[cid]) for cid in batch if cid in found)
    if missing:
        message = f"Could not find cids: {', '.join(missing)}"
        raise BlockNotFoundError(message)
