"""Is a snapshot whole? It is restored into a temporary place and everything in it is recomputed.

Every record is hashed, every tree built anew from its records and compared with the stored one,
every commit's signature checked with the account's key, which is opened with the key in the
settings; every blob is fetched, unsealed and hashed. What is said to be good would work.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pds.atproto.cid import DAG_CBOR, RAW, Cid, cid_from_digest
from pds.atproto.commit import CommitError, decode_commit
from pds.atproto.crypto.did_key import InvalidKeyError
from pds.atproto.crypto.keypair import PrivateKey, PublicKey
from pds.atproto.mst.tree import build_tree
from pds.services.account_listing import each_account
from pds.services.backup.errors import BackupError, DamagedBackupError
from pds.services.backup.layout import SNAPSHOTS, blob_key
from pds.services.backup.making import BLOB_LIST, DATABASE, SETTINGS, Progress
from pds.services.backup.manifest import Manifest, time_of
from pds.services.backup.room import check_data_disk, needed_to_read
from pds.services.backup.vault import Vault, entry_of
from pds.services.keys import SigningKeys
from pds.storage import database, repo_reading, repo_roots
from pds.storage.accounts import AccountRow
from pds.storage.database_copy import DatabaseCopy

ROTATION_KEY: Final = "PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX"
_NAMED: Final = 50
_CLOCK_ERROR_US: Final = 3_600_000_000
_CHUNK: Final = 1024 * 1024


@dataclass(slots=True)
class Verdict:
    """What a check has found. ``problems`` are all counted, the first fifty are named.

    damaged_blobs: the CIDs of all that the place has no whole copy of.
    """

    manifest: Manifest
    repos: int = 0
    records: int = 0
    blobs: int = 0
    count: int = 0
    problems: list[str] = field(default_factory=list)
    damaged_blobs: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return self.count == 0

    def complain(self, problem: str) -> None:
        self.count += 1
        if len(self.problems) < _NAMED:
            self.problems.append(problem)


def verify_snapshot(vault: Vault, name: str, scratch: Path, progress: Progress) -> Verdict:
    """Check the snapshot ``name``; ``scratch`` needs room for its database and its largest blob.

    Opens the restored database as the one of this process, so no other may be open.

    Raises:
        DamagedBackupError: not even the manifest can be read.
        WrongPassphraseError; UpstreamFailureError, OSError: the place does not do its part.
    """
    vault.open()
    vault.unlock()
    verdict = Verdict(vault.manifest(name))
    size_bytes = sum(entry.size_bytes for entry in verdict.manifest.files.values())
    check_data_disk(scratch, needed_to_read(size_bytes), "a check")
    for key in vault.damaged:
        verdict.complain(
            f"{key} is missing or damaged; its copy is whole, and the next backup puts it right"
        )
    files = _fetch_files(vault, name, scratch, verdict, progress)
    try:
        if DATABASE in files:
            _check_database(files[DATABASE], _rotation_key(files, verdict), verdict, progress)
            _check_blobs(vault, files[DATABASE], scratch, verdict, progress)
    except database.DatabaseError as error:
        verdict.complain(f"{DATABASE}: {error}")
    finally:
        for path in files.values():
            path.unlink(missing_ok=True)
    return verdict


def _fetch_files(
    vault: Vault, name: str, scratch: Path, verdict: Verdict, progress: Progress
) -> dict[str, Path]:
    """Those of the snapshot's files that are what the manifest says."""
    good: dict[str, Path] = {}
    for done, file in enumerate((SETTINGS, BLOB_LIST, DATABASE)):
        progress("fetching the database and the settings", done, 3)
        path = scratch / f"verify-{file}"
        path.unlink(missing_ok=True)
        try:
            vault.fetch(f"{SNAPSHOTS}{name}/{file}", path)
        except DamagedBackupError as error:
            verdict.complain(error.message)
            continue
        if entry_of(path) == verdict.manifest.files.get(file):
            good[file] = path
        else:
            verdict.complain(f"{file} is not what it was when the backup was made")
            path.unlink()
    return good


def _rotation_key(files: dict[str, Path], verdict: Verdict) -> PrivateKey | None:
    if SETTINGS not in files:
        return None
    try:
        settings = json.loads(files[SETTINGS].read_bytes())
        return PrivateKey.from_bytes(bytes.fromhex(settings[ROTATION_KEY]))
    except (ValueError, KeyError, TypeError, InvalidKeyError):
        verdict.complain(f"{SETTINGS} lacks {ROTATION_KEY}, without which no key can be opened")
        return None


def _check_database(
    file: Path, rotation_key: PrivateKey | None, verdict: Verdict, progress: Progress
) -> None:
    with closing(DatabaseCopy(file)) as copy:
        problems = copy.problems()
        for problem in problems:
            verdict.complain(f"{DATABASE}: {problem}")
        if problems:
            return
        total = copy.count_accounts()
    keys = None if rotation_key is None else SigningKeys(rotation_key)
    database.open_database(file)
    try:
        for done, account in enumerate(each_account()):
            progress("checking repos", done, total)
            _check_repo(account, keys, verdict)
    finally:
        database.close_database()
        for suffix in ("-wal", "-shm"):
            file.with_name(file.name + suffix).unlink(missing_ok=True)


def _check_repo(account: AccountRow, keys: SigningKeys | None, verdict: Verdict) -> None:
    head, found = repo_roots.find_head(account.id), repo_roots.find_commit(account.id)
    if head is None or found is None:
        return  # an account that has begun to move in
    who = account.handle or account.did
    cid, _, block = found
    try:
        commit = decode_commit(block)
    except CommitError as error:
        verdict.complain(f"{who}: the commit cannot be read ({error})")
        return
    if _cid_of(block) != cid or commit.data != head.data or commit.did != account.did:
        verdict.complain(f"{who}: the commit is not the one of the repo")
    if keys is not None and not _is_signed(account, keys, block):
        verdict.complain(f"{who}: the commit is not signed with the account's key")
    root, nodes = build_tree(_hashed_records(account, verdict))
    if root != head.data:
        verdict.complain(f"{who}: the records are not those of the commit")
        return
    stored = repo_reading.find_nodes(account.id, [node for node, _ in nodes])
    if any(stored.get(node) != content for node, content in nodes):
        verdict.complain(f"{who}: a node of the tree is missing or damaged")
    verdict.repos += 1


def _is_signed(account: AccountRow, keys: SigningKeys, block: bytes) -> bool:
    try:
        key = keys.get(account.id)
    except RuntimeError:
        return False  # there is none, or it cannot be opened
    return decode_commit(block).verify(PublicKey.from_did_key(key.did_key))


def _hashed_records(account: AccountRow, verdict: Verdict) -> Iterator[tuple[str, Cid]]:
    for path, cid, content in repo_reading.paths_and_records(account.id):
        verdict.records += 1
        if _cid_of(content) != cid:
            verdict.complain(f"{account.handle or account.did}: the record {path} is damaged")
        yield path, Cid(cid)


def _check_blobs(
    vault: Vault, file: Path, scratch: Path, verdict: Verdict, progress: Progress
) -> None:
    lost = frozenset(verdict.manifest.lost_blobs)
    checked: set[bytes] = set()
    with closing(DatabaseCopy(file)) as copy:
        for done, blob in enumerate(copy.blobs()):
            progress("checking pictures and videos", done, verdict.manifest.blobs)
            if bytes(blob.cid) in checked or str(blob.cid) in lost:
                continue
            checked.add(bytes(blob.cid))
            problem = _blob_problem(vault, blob.cid, scratch / "verify-blob")
            if problem:
                verdict.complain(problem)
                verdict.damaged_blobs.append(str(blob.cid))
            else:
                verdict.blobs += 1


def _blob_problem(vault: Vault, cid: Cid, path: Path) -> str | None:
    path.unlink(missing_ok=True)
    try:
        vault.fetch(blob_key(cid), path)
    except DamagedBackupError as error:
        return error.message
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    path.unlink()
    return None if cid_from_digest(RAW, digest.digest()) == cid else f"{blob_key(cid)} is damaged"


def _cid_of(content: bytes) -> Cid:
    return cid_from_digest(DAG_CBOR, hashlib.sha256(content).digest())


def newest(vault: Vault, now_us: int) -> str:
    """The name of the newest complete snapshot.

    Names are times, and a clock may have been wrong, ahead most of all: such a snapshot would pass
    for the newest for years. So where one seems to be of the future, numbers of events decide.

    Raises:
        BackupError: there is none.
    """
    names = vault.snapshot_names()
    if not names:
        message = f"there is no complete backup at {vault.place.name}"
        raise BackupError(message)
    if time_of(names[-1]) <= now_us + _CLOCK_ERROR_US:
        return names[-1]
    return max(names, key=lambda name: (_last_seq(vault, name), name))


def _last_seq(vault: Vault, name: str) -> int:
    try:
        return vault.manifest(name).last_seq
    except DamagedBackupError:
        return -1
