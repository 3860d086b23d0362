"""Commits: the known bytes, signatures, and strict reading."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from pds.atproto import dag_cbor
from pds.atproto.cid import Cid, cid_for_cbor, cid_for_raw
from pds.atproto.commit import Commit, CommitError, decode_commit, sign_commit
from pds.atproto.crypto.keypair import PrivateKey
from pds.atproto.mst.tree import EMPTY_TREE_CID

DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
REV = "3jzfcijpj2z2a"
KEY = PrivateKey.from_bytes(b"\x01" * 32)


def fields(**changes: Any) -> bytes:
    """The block of a good commit, with fields changed, or left out where they are ``...``."""
    whole = {
        "did": DID,
        "rev": REV,
        "data": EMPTY_TREE_CID,
        "prev": None,
        "sig": bytes(64),
        "version": 3,
        **changes,
    }
    return dag_cbor.encode({name: value for name, value in whole.items() if value is not ...})


def test_unsigned_bytes_are_the_known_ones():
    unsigned = Commit(DID, REV, EMPTY_TREE_CID, b"").unsigned_bytes()

    assert len(unsigned) == 118
    assert (
        sha256(unsigned).hexdigest()
        == "a96af8b7e753b89b1a7fb1c48a47c669f507a4b24257fc74c5287163775550f0"
    )


@pytest.mark.parametrize("curve", ["k256", "p256"])
def test_signed_commit_verifies_and_reads_back(curve):
    key = PrivateKey.from_bytes(b"\x02" * 32, curve)

    cid, block, commit = sign_commit(DID, REV, EMPTY_TREE_CID, key)

    assert cid == cid_for_cbor(block)
    assert decode_commit(block) == commit
    assert (commit.did, commit.rev, commit.data) == (DID, REV, EMPTY_TREE_CID)
    assert (commit.prev, commit.version) == (None, 3)
    assert commit.verify(key.public)
    assert not commit.verify(KEY.public)


def test_signature_covers_every_field():
    _, _, commit = sign_commit(DID, REV, EMPTY_TREE_CID, KEY)

    for changes in (
        {"did": "did:web:example.com"},
        {"rev": "3jzfcijpj2z2b"},
        {"data": cid_for_cbor(b"")},
        {"prev": cid_for_cbor(b"")},
        {"version": 2},
    ):
        changed: dict[str, Any] = {
            "did": commit.did,
            "rev": commit.rev,
            "data": commit.data,
            "sig": commit.sig,
            **changes,
        }
        assert not Commit(**changed).verify(KEY.public), changes


def test_fields_stand_in_canonical_order():
    _, block, _ = sign_commit(DID, REV, EMPTY_TREE_CID, KEY)
    value = dag_cbor.decode(block)

    assert isinstance(value, dict)
    assert list(value) == ["did", "rev", "sig", "data", "prev", "version"]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"prev": cid_for_cbor(b"before")},
        {"version": 2},
        {"version": 2, "prev": cid_for_cbor(b"before")},
        {"version": 2, "rev": ...},
    ],
)
def test_foreign_commits_encode_to_the_same_bytes(changes):
    block = fields(**changes)

    commit = decode_commit(block)

    assert commit.encode() == block
    assert commit.version == changes.get("version", 3)
    assert commit.rev == ("" if "rev" in changes else REV)


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(fields() + b"\x00", id="bytes left over"),
        pytest.param(dag_cbor.encode([]), id="a list"),
        pytest.param(fields(extra=1), id="unknown field"),
        pytest.param(fields(did=...), id="no did"),
        pytest.param(fields(rev=...), id="no rev"),
        pytest.param(fields(data=...), id="no data"),
        pytest.param(fields(prev=...), id="no prev"),
        pytest.param(fields(sig=...), id="no sig"),
        pytest.param(fields(version=...), id="no version"),
        pytest.param(fields(version=1), id="version 1"),
        pytest.param(fields(version=4), id="version 4"),
        pytest.param(fields(version="3"), id="version as text"),
        pytest.param(fields(did="example.com"), id="did not a DID"),
        pytest.param(fields(did=1), id="did a number"),
        pytest.param(fields(rev="now"), id="rev not a TID"),
        pytest.param(fields(rev=""), id="rev empty"),
        pytest.param(fields(rev=None), id="rev null"),
        pytest.param(fields(version=2, rev=""), id="rev empty in version 2"),
        pytest.param(fields(version=2, prev=...), id="no prev in version 2"),
        pytest.param(fields(data=None), id="data null"),
        pytest.param(fields(data=cid_for_raw(b"")), id="data a blob"),
        pytest.param(fields(data=Cid(b"\x01\x71\x13\x40" + bytes(64))), id="data with odd hash"),
        pytest.param(fields(prev=1), id="prev a number"),
        pytest.param(fields(prev=cid_for_raw(b"")), id="prev a blob"),
        pytest.param(fields(sig=bytes(63)), id="sig short"),
        pytest.param(fields(sig="x" * 64), id="sig text"),
        pytest.param(fields(sig=cid_for_cbor(b"")), id="sig a link"),
    ],
)
def test_malformed_commits_are_refused(block):
    with pytest.raises(CommitError):
        decode_commit(block)
