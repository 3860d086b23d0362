"""apply_writes: the one way to change a repo.

Under the repo's own lock the head is read, the new tree computed and the commit signed, all without
holding up other writers. Then one short transaction checks that the head and the account are still
what they were and writes nodes, records, blob references, root and event together.
Spec: https://atproto.com/specs/repository
"""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from pds.atproto import repo
from pds.atproto.cid import Cid
from pds.atproto.crypto.keypair import PrivateKey
from pds.atproto.firehose_frames import CommitEvent
from pds.atproto.lexicon.validate import Validator
from pds.atproto.mst.node import MissingBlockError
from pds.atproto.repo import RecordWrite, RepoChange, RepoHead
from pds.atproto.syntax.at_uri import make_at_uri
from pds.atproto.syntax.tid import next_tid
from pds.errors import (
    AccountDeactivatedError,
    AccountNotFoundError,
    AccountTakedownError,
    InvalidRequestError,
    InvalidSwapError,
    NotEnoughResourcesError,
    RecordExistsError,
    RepoNotFoundError,
)
from pds.services.blobs import Blobs
from pds.services.clock import Clock
from pds.services.keys import SigningKeys
from pds.services.node_source import NodeSource
from pds.services.record_writes import (
    Action,
    PreparedRecord,
    ValidationStatus,
    Write,
    check_path,
    prepare_record,
)
from pds.services.repo_locks import RepoLocks
from pds.services.sequencer import Sequencer
from pds.storage import accounts, blocks, database, records, repo_roots
from pds.storage.accounts import AccountRow

MAX_WRITES = 200
_TRIES = 3


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What became of one write. ``cid`` is None for a delete."""

    uri: str
    cid: Cid | None
    validation_status: ValidationStatus | None


@dataclass(frozen=True, slots=True)
class CommitResult:
    """``cid`` and ``rev`` are None when nothing had to change."""

    cid: Cid | None
    rev: str | None
    results: list[WriteResult]


class HeadMovedError(Exception):
    """Another process changed the repo between reading and writing: compute again."""


class Repos:
    """Changes repos and announces the changes."""

    def __init__(  # noqa: PLR0913 - each is needed by the one transaction of a commit
        self,
        *,
        keys: SigningKeys,
        sequencer: Sequencer,
        blobs: Blobs,
        validator: Validator,
        nodes: NodeSource,
        clock: Clock,
        locks: RepoLocks,
    ) -> None:
        self._keys = keys
        self._sequencer = sequencer
        self._blobs = blobs
        self._validator = validator
        self._nodes = nodes
        self._clock = clock
        self._locks = locks
        self._clock_id = random.SystemRandom().randrange(32)
        self._rkey_lock = threading.Lock()
        self._last_rkey: str | None = None

    def repo_lock(self, account_id: int) -> AbstractContextManager[None]:
        """Held by everything that changes the repo. Not re-entrant."""
        return self._locks.hold(account_id)

    def next_rkey(self) -> str:
        """A fresh TID for a record; later calls give greater ones, in whichever thread."""
        with self._rkey_lock:
            self._last_rkey = str(next_tid(self._clock(), self._clock_id, self._last_rkey))
            return self._last_rkey

    def next_rev(self, after: str | None) -> str:
        """A rev greater than ``after``, also when the clock went back."""
        return str(next_tid(self._clock(), self._clock_id, after))

    def apply_writes(
        self, account: AccountRow, writes: Sequence[Write], *, swap_commit: Cid | None = None
    ) -> CommitResult:
        """Apply ``writes`` to the repo of ``account`` as one commit.

        A single put of identical bytes, or a single delete of a missing record, changes nothing
        and makes no commit; its swap conditions are checked all the same.

        Raises:
            InvalidSwapError: the head, or a record, is not the version the client named.
            InvalidRequestError: too many writes, a bad record, an update or delete in a batch of
                a record that does not exist, a commit over 2 MB.
            RecordExistsError: a create names a key that is taken.
            BlobNotFoundError, InvalidMimeTypeError, InvalidSizeError: a blob reference is wrong.
            AccountTakedownError, AccountDeactivatedError, AccountNotFoundError,
            RepoNotFoundError: it happened in the meantime.
            NotEnoughResourcesError: others keep changing the repo.
        """
        if len(writes) > MAX_WRITES:
            message = f"Too many writes. Max: {MAX_WRITES}"
            raise InvalidRequestError(message)
        prepared = [self._prepare(write) for write in writes]
        with self.repo_lock(account.id):
            for _ in range(_TRIES):
                try:
                    return self._try_apply(account, writes, prepared, swap_commit)
                except HeadMovedError:
                    continue
        message = "The repo is being changed by another program, try again"
        raise NotEnoughResourcesError(message)

    def _prepare(self, write: Write) -> PreparedRecord | None:
        """The record of a write, checked; None for a delete, of which only the path is."""
        if write.value is not None:
            return prepare_record(write, self._validator)
        check_path(write.collection, write.rkey)
        return None

    def _try_apply(
        self,
        account: AccountRow,
        writes: Sequence[Write],
        prepared: Sequence[PreparedRecord | None],
        swap_commit: Cid | None,
    ) -> CommitResult:
        head = self.get_head(account.id)
        if swap_commit is not None and swap_commit != head.commit:
            message = f"Commit was at {head.commit}"
            raise InvalidSwapError(message)
        record_writes = self._record_writes(account.id, writes, prepared)
        results = [
            WriteResult(
                make_at_uri(account.did, write.collection, write.rkey),
                record.row.cid if record else None,
                record.validation_status if record else None,
            )
            for write, record in zip(writes, prepared, strict=True)
        ]
        if writes and not record_writes:
            return CommitResult(None, None, results)
        change = self._change(account, head, record_writes, self._keys.get(account.id))
        by_path = {w.path: p for w, p in zip(writes, prepared, strict=True) if p is not None}
        dropped = self._commit(account, head, change, by_path)
        if dropped:
            self._blobs.delete_unreferenced(account, dropped)
        return CommitResult(change.commit, change.rev, results)

    def get_head(self, account_id: int) -> RepoHead:
        """The latest commit. RepoNotFoundError when the account has no repo."""
        head = repo_roots.find_head(account_id)
        if head is None:
            raise RepoNotFoundError
        return head

    def counts(self, account_id: int) -> tuple[int, int]:
        """(blocks, records) of the repo, for checkAccountStatus."""
        record_count = records.count_records(account_id)
        return blocks.count_blocks(account_id) + record_count + 1, record_count

    def _record_writes(
        self, account_id: int, writes: Sequence[Write], prepared: Sequence[PreparedRecord | None]
    ) -> list[RecordWrite]:
        """Check the swap conditions and decide what each write is; a lone no-op is left out."""
        if len(writes) == 1:
            return self._lone_write(account_id, writes[0], prepared[0])
        return [_record_write(w, w.action, p) for w, p in zip(writes, prepared, strict=True)]

    def _lone_write(
        self, account_id: int, write: Write, record: PreparedRecord | None
    ) -> list[RecordWrite]:
        current = records.find_record_cid(account_id, write.collection, write.rkey)
        if write.swap is not None and write.swap.cid != current:
            message = f"Record was at {current or 'null'}"
            raise InvalidSwapError(message)
        if record is None and current is None and write.skips_no_op:
            return []
        if write.action != "put":
            replaced = self._linked(account_id, write, record)
            return [*replaced, _record_write(write, write.action, record)]
        if record is not None and current == record.row.cid:
            return []
        return [_record_write(write, "update" if current else "create", record)]

    def _linked(
        self, account_id: int, write: Write, record: PreparedRecord | None
    ) -> list[RecordWrite]:
        """Deletes of the older records that point at the same thing."""
        if record is None or not write.replaces_linked or record.row.link_target is None:
            return []
        older = records.find_by_link(account_id, write.collection, record.row.link_target)
        return [
            RecordWrite("delete", f"{write.collection}/{rkey}", None, None)
            for rkey in older
            if rkey != write.rkey
        ]

    def _change(
        self, account: AccountRow, head: RepoHead, writes: list[RecordWrite], key: PrivateKey
    ) -> RepoChange:
        try:
            return repo.apply_writes(
                self._nodes.reader(account.id),
                head,
                account.did,
                writes,
                rev=self.next_rev(head.rev),
                key=key,
            )
        except repo.RecordExistsError as error:
            message = f"A record already exists at {error.path}"
            raise RecordExistsError(message) from error
        except repo.RecordNotFoundError as error:
            message = f"There is no record at {error.path}"
            raise InvalidRequestError(message) from error
        except repo.CommitTooLargeError as error:
            message = "Too many writes. Max event size: 2MB"
            raise InvalidRequestError(message) from error
        except MissingBlockError as error:
            if repo_roots.find_head(account.id) == head:
                raise  # the stored tree is damaged
            raise HeadMovedError from error  # its nodes went with the head

    def _commit(
        self,
        account: AccountRow,
        head: RepoHead,
        change: RepoChange,
        by_path: dict[str, PreparedRecord],
    ) -> list[Cid]:
        """Write everything in one transaction; return blobs that may be without a record now.

        What is stored follows the net operations of the commit, not the list of writes, in which
        a path may occur more than once.
        """
        dropped: list[Cid] = []
        with database.transaction():
            self._check_unchanged(account, head)
            for op in change.ops:
                if op.action != "create":
                    dropped += self._blobs.unreference(account.id, *split_path(op.path))
            records.delete_records(
                account.id, [split_path(op.path) for op in change.ops if op.action == "delete"]
            )
            kept = [by_path[op.path] for op in change.ops if op.action != "delete"]
            records.save_records(
                account.id, change.rev, self._clock(), [record.row for record in kept]
            )
            for record in kept:
                if record.blobs:
                    row = record.row
                    self._blobs.check_and_reference(
                        account.id, row.collection, row.rkey, record.blobs
                    )
            self._save(account.id, change)
            self._sequencer.append(account.did, CommitEvent(change))
        return dropped

    def _check_unchanged(self, account: AccountRow, head: RepoHead) -> None:
        current = accounts.find_by_id(account.id)
        if current is None:
            raise AccountNotFoundError
        if current.takedown_ref is not None:
            raise AccountTakedownError
        if current.deactivated_at is not None:
            raise AccountDeactivatedError
        if repo_roots.find_head(account.id) != head:
            raise HeadMovedError

    def _save(self, account_id: int, change: RepoChange) -> None:
        blocks.delete_blocks(account_id, change.removed_nodes)
        blocks.save_blocks(account_id, change.rev, change.new_nodes)
        repo_roots.save_root(
            account_id, RepoHead(change.commit, change.rev, change.data), change.commit_block
        )

    def initial(self, did: str, key: PrivateKey) -> RepoChange:
        """The first commit of a repo without records."""
        return repo.initial_commit(did, self.next_rev(None), key)

    def store_initial(self, account_id: int, change: RepoChange) -> None:
        """Store a first commit. The caller holds the transaction and announces it."""
        self._save(account_id, change)

    def recommit_in_transaction(self, account: AccountRow, key: PrivateKey) -> RepoChange:
        """Make a commit without changes, signed by ``key``; not announced.

        After a change of key the head must be signed by the new one. The caller holds the repo
        lock and the transaction.
        """
        head = self.get_head(account.id)
        change = self._change(account, head, [], key)
        self._save(account.id, change)
        return change


def split_path(path: str) -> tuple[str, str]:
    """(collection, rkey) of a repo path that has been checked."""
    collection, _, rkey = path.partition("/")
    return collection, rkey


def _record_write(write: Write, action: Action, record: PreparedRecord | None) -> RecordWrite:
    if action == "put":
        message = "a put must be the only write of its commit"
        raise InvalidRequestError(message)
    if record is None:
        return RecordWrite("delete", write.path, None, None)
    return RecordWrite(action, write.path, record.row.cid, record.row.content)
