"""Proofs of single records: believed when whole and signed, refused when anything was changed."""

from __future__ import annotations

from typing import Any

import pytest

from pds.atproto import dag_cbor
from pds.atproto.car import write_car
from pds.atproto.cid import cid_for_cbor
from pds.atproto.crypto.keypair import PrivateKey, PublicKey
from pds.atproto.mst.proof import path_proof
from pds.atproto.mst.store import NodeStore
from pds.atproto.record_proof import RecordAbsentError, RecordProofError, read_record_proof
from tests.foreign_repo import ForeignRepo, raw_car, simple_records

DID = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"
KEY = PrivateKey.from_bytes(bytes(31) + b"\x09")
OTHER_KEY = PrivateKey.from_bytes(bytes(31) + b"\x0a")
PATH = "com.example.note/key00007"


@pytest.fixture
def repo() -> ForeignRepo:
    return ForeignRepo(DID, KEY, simple_records(50))


def proof_of(repo: ForeignRepo, path: str = PATH) -> list[tuple[bytes, bytes]]:
    """Commit, nodes, record: as another server sends them."""
    root, nodes = repo.nodes()
    blocks: list[tuple[bytes, bytes]] = [repo.commit()]
    blocks += path_proof(NodeStore(nodes.__getitem__), root, path).items()
    if path in repo.records:
        blocks.append((cid_for_cbor(repo.records[path]), repo.records[path]))
    return blocks


def read(proof: bytes, **changes: Any) -> Any:
    public = PublicKey.from_did_key(KEY.did_key)
    return read_record_proof(proof, **{"did": DID, "key": public, "path": PATH, **changes})


def car(blocks: list[tuple[bytes, bytes]]) -> bytes:
    return write_car([blocks[0][0]], blocks)


@pytest.mark.parametrize("size", [8, 50, 1_000])
def test_record_is_read_from_its_proof_or_the_whole_repo(size: int) -> None:
    repo = ForeignRepo(DID, KEY, simple_records(size))

    assert read(car(proof_of(repo))) == {"$type": "com.example.note", "number": 7}
    assert read(repo.car()) == {"$type": "com.example.note", "number": 7}


def test_key_of_the_other_curve_signs_as_well() -> None:
    key = PrivateKey.generate("p256")
    repo = ForeignRepo(DID, key, simple_records(8))

    public = PublicKey.from_did_key(key.did_key)
    assert read(car(proof_of(repo)), key=public)["number"] == 7


def test_absence_is_proven_too(repo: ForeignRepo) -> None:
    for path in ("com.example.note/key00007a", "com.example.a/x", "zz.example.note/x"):
        with pytest.raises(RecordAbsentError):
            read(car(proof_of(repo, path)), path=path)


def test_another_key_proves_nothing(repo: ForeignRepo) -> None:
    public = PublicKey.from_did_key(OTHER_KEY.did_key)

    with pytest.raises(RecordProofError, match="signature"):
        read(car(proof_of(repo)), key=public)


def test_repo_of_another_proves_nothing(repo: ForeignRepo) -> None:
    with pytest.raises(RecordProofError, match="another repo"):
        read(car(proof_of(repo)), did="did:plc:bbbbbbbbbbbbbbbbbbbbbbbb")


def test_changed_record_is_refused(repo: ForeignRepo) -> None:
    blocks = proof_of(repo)
    forged = dag_cbor.encode({"$type": "com.example.note", "number": 8})

    with pytest.raises(RecordProofError, match="does not match its CID"):
        read(raw_car([blocks[0][0]], [*blocks[:-1], (blocks[-1][0], forged)]))
    with pytest.raises(RecordProofError, match="missing"):
        read(car([*blocks[:-1], (cid_for_cbor(forged), forged)]))


def test_other_record_of_the_same_repo_is_refused(repo: ForeignRepo) -> None:
    other = "com.example.note/key00031"

    with pytest.raises(RecordProofError, match="missing"):
        read(car([*proof_of(repo, other), proof_of(repo)[-1]]))


def test_no_block_may_be_missing(repo: ForeignRepo) -> None:
    blocks = proof_of(repo)
    assert len(blocks) >= 3

    for left_out in range(len(blocks)):
        kept = [block for place, block in enumerate(blocks) if place != left_out]
        with pytest.raises(RecordProofError):
            read(write_car([blocks[0][0]], kept))


def test_no_byte_may_differ(repo: ForeignRepo) -> None:
    proof = car(proof_of(repo))

    for place in range(len(proof)):
        changed = bytearray(proof)
        changed[place] ^= 1
        with pytest.raises(RecordProofError):
            read(bytes(changed))


@pytest.mark.parametrize("roots", [0, 2])
def test_there_is_one_root(repo: ForeignRepo, roots: int) -> None:
    blocks = proof_of(repo)

    with pytest.raises(RecordProofError, match="root"):
        read(write_car([blocks[0][0]] * roots, blocks))


@pytest.mark.parametrize("proof", [b"", b"{}", b"\x00", b"<html>" * 100])
def test_nonsense_is_refused(proof: bytes) -> None:
    with pytest.raises(RecordProofError):
        read(proof)


def test_record_that_is_not_canonical_is_refused() -> None:
    repo = ForeignRepo(DID, KEY, {**simple_records(8), PATH: b"\xa1\x61a\x18\x01"})

    with pytest.raises(RecordProofError):
        read(car(proof_of(repo)))


def test_path_that_no_tree_can_hold_is_refused(repo: ForeignRepo) -> None:
    with pytest.raises(RecordProofError, match="not a path"):
        read(car(proof_of(repo)), path="com.example.note/é")
