"""The latest commit of each repo."""

from __future__ import annotations

from typing import Any

import pytest

from pds.atproto.cid import Cid, cid_for_cbor
from pds.atproto.repo import RepoHead
from pds.storage import repo_roots
from pds.storage.database import row, transaction
from tests.blob_stage import ALICE, BOB, add_account

pytestmark = pytest.mark.usefixtures("open_database")

FIRST = RepoHead(cid_for_cbor(b"\x61a"), "3jzfcijpj2z2a", cid_for_cbor(b"\x61b"))
SECOND = RepoHead(cid_for_cbor(b"\x61c"), "3jzfcijpj2z2b", cid_for_cbor(b"\x61d"))


def save(account_id: int, head: RepoHead, block: bytes) -> None:
    with transaction():
        repo_roots.save_root(account_id, head, block)


def test_account_without_repo_has_no_head() -> None:
    assert repo_roots.find_head(1) is None
    assert repo_roots.find_commit(1) is None


def test_head_and_commit_block_are_kept_together() -> None:
    alice = add_account(ALICE)
    save(alice.id, FIRST, b"block")

    assert repo_roots.find_head(alice.id) == FIRST
    assert repo_roots.find_commit(alice.id) == (FIRST.commit, FIRST.rev, b"block")
    head: Any = repo_roots.find_head(alice.id)
    assert (type(head.commit), type(head.data)) == (Cid, Cid)


def test_newer_head_replaces_that_of_its_account_only() -> None:
    alice, bob = add_account(ALICE), add_account(BOB)
    for account in (alice, bob):
        save(account.id, FIRST, b"one")

    save(alice.id, SECOND, b"two")

    assert repo_roots.find_commit(alice.id) == (SECOND.commit, SECOND.rev, b"two")
    assert repo_roots.find_head(bob.id) == FIRST
    assert row("SELECT count(*) FROM repo_root") == (2,)
