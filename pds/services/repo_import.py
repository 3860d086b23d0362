"""Take over a repo from a CAR file, as when an account moves here.

Nothing is believed: every block must match its CID, the commit must be this account's and signed
by a key that is its own, the tree must be the one its records can have, every record must be one.
Until all of that is shown the account's repo stays as it is; then one transaction replaces it. An
inactive account's empty repo, as of somebody who moves in, is filled in slices, the root last.

Records are held against no schema and no strict encoding: whoever moves cannot mend them any more,
so what can be read is taken, byte for byte.

The imported commit is not kept. It is signed by the old server's key, so a new one is made over
the same tree with our key and a later rev: the chain that the network sees is whole from the first
commit on.

Blocks that the file leaves out are taken from the repo as it is now, so a file that holds only
what is new since a rev works too, and sending one again is harmless.
Spec: https://atproto.com/specs/repository, https://atproto.com/guides/account-migration
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from pds.atproto import dag_cbor, lenient_cbor
from pds.atproto.blob_ref import find_blob_refs, find_legacy_blob_refs
from pds.atproto.car import CarError, CarReader, write_car
from pds.atproto.cid import BLESSED_CBOR_PREFIX, RAW, Cid
from pds.atproto.commit import Commit, CommitError, decode_commit, sign_commit
from pds.atproto.crypto.did_key import InvalidKeyError
from pds.atproto.crypto.keypair import PublicKey
from pds.atproto.firehose_frames import SyncEvent
from pds.atproto.mst.check import verify_tree
from pds.atproto.mst.tree import EMPTY_TREE_CID, BlockSource, MissingBlockError, MstError
from pds.atproto.repo import RepoHead
from pds.atproto.syntax.tid import Tid
from pds.errors import (
    AccountNotFoundError,
    AccountTakedownError,
    InvalidRequestError,
    InvalidSwapError,
    NotEnoughResourcesError,
)
from pds.services import unfinished_imports
from pds.services.blobs import Blobs
from pds.services.clock import Clock
from pds.services.keys import SigningKeys
from pds.services.links import link_target
from pds.services.repos import Repos, split_path
from pds.services.sequencer import Sequencer
from pds.services.slices import Slices
from pds.storage import accounts, blocks, database, repo_reading, repo_roots
from pds.storage.accounts import AccountRow
from pds.storage.import_staging import (
    Filling,
    ImportStaging,
    drop_leftovers,
    fill_some,
    fillings,
    finish_filling,
    replace_repo,
)

MAX_AHEAD_US: Final = 24 * 3_600_000_000
_BATCH: Final = 500


class KnownKeys(Protocol):
    """What this needs of ``identity.Identity``."""

    def signing_key_of(self, did: str, *, force: bool = False) -> str | None: ...

    def past_signing_keys(self, did: str) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """The services an import works with."""

    repos: Repos
    blobs: Blobs
    keys: SigningKeys
    identity: KnownKeys
    sequencer: Sequencer


@dataclass(frozen=True, slots=True)
class _Change:
    """One head in the place of another; ``block`` is the new commit."""

    account: AccountRow
    before: RepoHead
    after: RepoHead
    block: bytes


class RepoImport:
    """Imports repos, one at a time per account."""

    def __init__(
        self,
        directory: Path,
        parts: Parts,
        clock: Clock,
        check_room: Callable[[], None] = lambda: None,
    ) -> None:
        """``directory``: where an import waits on disk while it is checked.

        check_room: refuses imports while the disk is nearly full.
        """
        self._directory = directory
        self._parts = parts
        self._clock = clock
        self._check_room = check_room
        self._guard = threading.Lock()
        self._running: set[int] = set()
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def cleanup_staging(self) -> None:
        """Remove what an import that was killed may have left. Call it before serving."""
        drop_leftovers(self._directory)
        unfinished_imports.discard_all()

    def import_repo(self, account: AccountRow, stream: BinaryIO) -> None:
        """Replace the repo of ``account`` by the one in the CAR file ``stream``.

        An active account's new head is announced. Blobs need not be there yet.

        Raises:
            InvalidRequestError: the file is damaged, incomplete, somebody else's, not signed by
                the account, or holds what no repo may; or an import is running already.
            InvalidSwapError: the repo was changed in the meantime.
            UnresolvableDidError: the DID document, with the key to check against, is not there.
            AccountNotFoundError, AccountTakedownError: it happened in the meantime.
            NotEnoughResourcesError: the disk is full.
        """
        self._check_room()
        with (
            self._claim(account.id),
            database.told_as_lack_of_resources(),
            closing(ImportStaging(self._directory)) as staging,
        ):
            head = self._parts.repos.get_head(account.id)
            commit = self._receive(account, stream, staging)
            if commit.data == head.data and commit.rev < head.rev:
                return  # imported before; the tree is ours already
            _check_contents(account.id, commit.data, staging)
            self._replace(account, head, commit, staging)
        self._parts.blobs.delete_all_unreferenced(account)

    @contextmanager
    def _claim(self, account_id: int) -> Iterator[None]:
        with self._guard:
            if account_id in self._running:
                message = "An import is running for this account already"
                raise InvalidRequestError(message)
            self._running.add(account_id)
        try:
            yield
        finally:
            with self._guard:
                self._running.discard(account_id)

    def _receive(self, account: AccountRow, stream: BinaryIO, staging: ImportStaging) -> Commit:
        """Put all blocks aside; returns the commit, which is the account's beyond doubt."""
        try:
            reader = CarReader(stream)
            if len(reader.roots) != 1:
                message = f"Invalid CAR file: expected one root, found {len(reader.roots)}"
                raise InvalidRequestError(message)
            staging.add_blocks(reader)
        except CarError as error:
            message = f"Invalid CAR file: {error}"
            raise InvalidRequestError(message) from error
        root = reader.roots[0]
        block = staging.find_block(root)
        if block is None:
            message = f"Invalid CAR file: the root {root} is not among its blocks"
            raise InvalidRequestError(message)
        try:
            commit = decode_commit(block)
        except CommitError as error:
            message = f"The root of the CAR file is not a commit: {error}"
            raise InvalidRequestError(message) from error
        self._check_commit(account, commit)
        return commit

    def _check_commit(self, account: AccountRow, commit: Commit) -> None:
        if commit.did != account.did:
            message = f"The repo belongs to {commit.did}, not to this account"
            raise InvalidRequestError(message)
        if commit.rev and Tid.parse(commit.rev).us > self._clock() + MAX_AHEAD_US:
            # Ours would have to be later still, and relays drop commits from the future.
            message = f"The rev of the repo, {commit.rev}, lies in the future"
            raise InvalidRequestError(message)
        if not any(_is_signed_by(commit, key) for key in self._candidate_keys(account)):
            message = "The commit is not signed by a key of this account"
            raise InvalidRequestError(message)

    def _candidate_keys(self, account: AccountRow) -> Iterator[str | None]:
        """Our own key first: it costs nothing, and an export of ours is signed by it.

        Keys of the past last: whose old server is gone or turned hostile gave the DID a new key
        by hand, and what they have is a copy of the repo from before.
        """
        yield self._parts.keys.get(account.id).did_key
        yield self._parts.identity.signing_key_of(account.did)
        yield self._parts.identity.signing_key_of(account.did, force=True)
        yield from self._parts.identity.past_signing_keys(account.did)

    def _replace(
        self, account: AccountRow, head: RepoHead, commit: Commit, staging: ImportStaging
    ) -> None:
        repos, key = self._parts.repos, self._parts.keys.get(account.id)
        with repos.repo_lock(account.id):
            rev = repos.next_rev(max(head.rev, commit.rev))
            cid, block, _ = sign_commit(account.did, rev, commit.data, key)
            change = _Change(account, head, RepoHead(cid, rev, commit.data), block)
            if head.data == EMPTY_TREE_CID != commit.data and not account.is_active:
                self._fill(change, staging)
            else:
                self._switch(change, partial(replace_repo, account.id, staging, rev, self._clock()))

    def _fill(self, change: _Change, staging: ImportStaging) -> None:
        """Fill a repo that is empty slice by slice, so that other writers never wait for long."""
        account_id = change.account.id
        unfinished_imports.discard(account_id)
        slices = Slices(lambda: False)
        try:
            for filling in fillings(account_id, staging, change.after.rev, self._clock()):
                slices.run(partial(_fill_some, change, filling))
            self._switch(change, partial(finish_filling, account_id))
        except BaseException:
            with suppress(NotEnoughResourcesError):  # else the next import, or start, does it
                unfinished_imports.discard(account_id)
            raise

    def _switch(self, change: _Change, write: Callable[[], None]) -> None:
        """Do the last writing and make the imported tree the account's, in one transaction."""
        with database.transaction():
            account = _check_unchanged(change)
            write()
            repo_roots.save_root(account.id, change.after, change.block)
            if account.is_active:
                root = change.after.commit
                car = write_car([root], [(root, change.block)])
                event = SyncEvent(account.did, change.after.rev, car)
                self._parts.sequencer.append(account.did, event)


def _fill_some(change: _Change, filling: Filling, limit: int) -> int:
    _check_unchanged(change)
    return fill_some(filling, limit)


def _check_unchanged(change: _Change) -> AccountRow:
    """The account as it is now. The caller holds the transaction."""
    current = accounts.find_by_id(change.account.id)
    if current is None:
        raise AccountNotFoundError
    if current.is_taken_down:
        raise AccountTakedownError
    if repo_roots.find_head(current.id) != change.before:
        message = "The repo was changed while the import was running, try again"
        raise InvalidSwapError(message)
    return current


def _is_signed_by(commit: Commit, key: str | None) -> bool:
    if key is None:
        return False
    try:
        return commit.verify(PublicKey.from_did_key(key))
    except InvalidKeyError:
        return False


def _check_contents(account_id: int, root: Cid, staging: ImportStaging) -> None:
    """Check the tree and all records, and mark what belongs to the repo; the rest is dropped."""
    tree = verify_tree(_node_source(account_id, staging), root)
    try:
        while batch := list(islice(tree, _BATCH)):
            _check_records(account_id, batch, staging)
    except MissingBlockError as error:
        message = f"The CAR file lacks the block {error.cid}"
        raise InvalidRequestError(message) from error
    except MstError as error:
        message = f"The tree of the repo is not valid: {error}"
        raise InvalidRequestError(message) from error


def _node_source(account_id: int, staging: ImportStaging) -> BlockSource:
    """The nodes of the tree, each marked as one when it is asked for."""

    def read(cid: Cid) -> bytes:
        block = staging.find_block(cid)
        if block is None:
            block = blocks.find_block(account_id, cid)
            if block is None:
                raise MissingBlockError(cid)
            staging.add_blocks([(cid, block)])
        staging.add_node(cid)
        return block

    return read


def _check_records(account_id: int, batch: list[tuple[str, Cid]], staging: ImportStaging) -> None:
    cids = [cid for _, cid in batch]
    found = staging.find_blocks(cids)
    missing = [cid for cid in cids if cid not in found]
    if missing:
        ours = repo_reading.find_records(account_id, missing)
        staging.add_blocks(ours.items())
        found.update(ours)
    rows: list[tuple[str, str, bytes, str | None]] = []
    references: list[tuple[bytes, str, str]] = []
    for path, cid in batch:
        if cid not in found:
            raise MissingBlockError(cid)
        content = found[cid]
        value = _parse_record(path, cid, content)
        collection, rkey = split_path(path)
        rows.append((collection, rkey, cid, link_target(collection, value)))
        if b"mimeType" in content:
            references += [(blob, collection, rkey) for blob in _blob_cids(value)]
    staging.add_records(rows)
    staging.add_references(references)


def _parse_record(path: str, cid: Cid, content: bytes) -> dict[str, dag_cbor.Value]:
    if cid[:4] != BLESSED_CBOR_PREFIX:
        message = f"The record at {path} is not a CBOR block with a SHA-256 hash"
        raise InvalidRequestError(message)
    value = _decode_record(path, content)
    if not isinstance(value, dict):
        message = f"Could not parse record at {path}: it is not an object"
        raise InvalidRequestError(message)
    return value


def _decode_record(path: str, content: bytes) -> dag_cbor.Value:
    try:
        return dag_cbor.decode(content)
    except dag_cbor.DagCborError:
        pass  # odd, which is no reason to keep its owner out
    try:
        return lenient_cbor.decode(content)
    except dag_cbor.DagCborError as error:
        message = f"Could not parse record at {path}: {error}"
        raise InvalidRequestError(message) from error


def _blob_cids(value: dict[str, dag_cbor.Value]) -> set[Cid]:
    """Blobs of the typed and of the old form; links that can never be uploaded are left out."""
    refs = [*find_blob_refs(value), *find_legacy_blob_refs(value)]
    return {ref.cid for ref in refs if ref.cid.is_blessed and ref.cid.codec == RAW}
