"""The table of MST nodes."""

from __future__ import annotations

import pytest

from pds.atproto.cid import cid_for_cbor
from pds.storage import blocks
from pds.storage.database import row, transaction

pytestmark = pytest.mark.usefixtures("open_database")

CONTENTS = [bytes([0x61, letter]) for letter in b"abc"]
CIDS = [cid_for_cbor(content) for content in CONTENTS]
NODES = dict(zip(CIDS, CONTENTS, strict=True))


def save(account: int = 1, rev: str = "3jzfcijpj2z2a") -> None:
    with transaction():
        blocks.save_blocks(account, rev, NODES)


def test_block_is_found_by_account_and_cid() -> None:
    save()

    assert [blocks.find_block(1, cid) for cid in CIDS] == CONTENTS
    assert blocks.find_block(1, bytes(CIDS[0])) == CONTENTS[0]
    assert blocks.find_block(2, CIDS[0]) is None
    assert blocks.find_block(1, cid_for_cbor(b"\xa0")) is None


def test_block_saved_again_gets_the_new_rev() -> None:
    save()
    save(rev="3jzfcijpj2z2b")

    assert blocks.count_blocks(1) == 3
    assert row("SELECT min(rev), max(rev) FROM block") == ("3jzfcijpj2z2b", "3jzfcijpj2z2b")


def test_deletion_touches_the_named_blocks_of_one_account() -> None:
    save()
    save(account=2)

    with transaction():
        blocks.delete_blocks(1, [CIDS[0], CIDS[2], cid_for_cbor(b"\xa0")])

    assert [blocks.find_block(1, cid) for cid in CIDS] == [None, CONTENTS[1], None]
    assert (blocks.count_blocks(1), blocks.count_blocks(2), blocks.count_blocks(3)) == (1, 3, 0)


def test_nothing_to_save_or_delete_is_fine() -> None:
    with transaction():
        blocks.save_blocks(1, "3jzfcijpj2z2a", {})
        blocks.delete_blocks(1, [])

    assert blocks.count_blocks(1) == 0
