"""Imports that must be refused: each says what is wrong, and changes nothing."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pds.atproto import dag_cbor
from pds.atproto.car import write_car
from pds.atproto.cid import Cid, cid_for_cbor, cid_for_raw
from pds.atproto.crypto.keypair import PrivateKey
from pds.atproto.mst.layer import key_layer
from pds.atproto.mst.node import Node, encode_node
from pds.atproto.syntax.tid import Tid
from pds.errors import InvalidRequestError, NotEnoughResourcesError, UnresolvableDidError
from pds.services import Services
from pds.storage import import_staging
from tests.factories import START_US, dump_tables, make_newcomer
from tests.foreign_repo import NEWER_REV, REV, ForeignRepo, encode, raw_car, simple_records

NOTE = "com.example.note"
OTHER_DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
Spoil = Callable[[ForeignRepo], bytes]
CASES: dict[str, tuple[Spoil, str]] = {}


def case(message: str) -> Callable[[Spoil], Spoil]:
    """Name a way to spoil a repo, and what is to be said about it."""

    def add(spoil: Spoil) -> Spoil:
        CASES[spoil.__name__] = (spoil, message)
        return spoil

    return add


def use_tree(repo: ForeignRepo, *nodes: Node) -> bytes:
    """The repo with these nodes, the first of which is the root."""
    blocks = {cid_for_cbor(block): block for block in map(encode_node, nodes)}
    repo.tree = (next(iter(blocks)), blocks)
    return repo.car()


def node_cid(node: Node) -> Cid:
    return cid_for_cbor(encode_node(node))


def some_record(repo: ForeignRepo) -> Cid:
    return cid_for_cbor(next(iter(repo.records.values())))


@case("Invalid CAR file")
def empty(repo: ForeignRepo) -> bytes:
    return b""


@case("Invalid CAR file")
def not_a_car_file(repo: ForeignRepo) -> bytes:
    return b"<html>not found</html>" * 10


@case("cut short")
def cut_in_a_block(repo: ForeignRepo) -> bytes:
    return repo.car()[:-1]


@case("expected one root, found 2")
def two_roots(repo: ForeignRepo) -> bytes:
    return write_car([repo.commit()[0], some_record(repo)], repo.blocks())


@case("expected one root, found 0")
def no_root(repo: ForeignRepo) -> bytes:
    return write_car([], repo.blocks())


@case("the root .* is not among its blocks")
def root_left_out(repo: ForeignRepo) -> bytes:
    root = repo.commit()[0]
    return repo.car(keep=lambda cid: cid != root)


@case("does not match its CID")
def forged_record(repo: ForeignRepo) -> bytes:
    blocks = repo.blocks()
    blocks[-1] = (blocks[-1][0], dag_cbor.encode({"$type": NOTE, "number": 666}))
    return raw_car([repo.commit()[0]], blocks)


@case("larger than|is the limit")
def giant_block(repo: ForeignRepo) -> bytes:
    block = bytes(3_000_000)
    repo.extra = [(cid_for_raw(block), block)]
    return repo.car()


@case("not a commit")
def root_is_a_record(repo: ForeignRepo) -> bytes:
    return write_car([some_record(repo)], repo.blocks())


@case("not a commit")
def commit_with_a_field_too_many(repo: ForeignRepo) -> bytes:
    _, block = repo.commit()
    fields = dag_cbor.decode(block)
    assert isinstance(fields, dict)
    root = encode({**fields, "more": 1})
    return write_car([root[0]], [root, *repo.blocks()])


@case("belongs to did:plc:ewvi7nxzyoun6zhxrhs64oiz")
def somebody_elses(repo: ForeignRepo) -> bytes:
    repo.did = OTHER_DID
    return repo.car()


@case("not signed by a key of this account")
def signed_by_a_stranger(repo: ForeignRepo) -> bytes:
    repo.key = PrivateKey.generate()
    return repo.car()


@case("not signed by a key of this account")
def commit_changed_after_signing(repo: ForeignRepo) -> bytes:
    fields = dag_cbor.decode(repo.commit()[1])
    assert isinstance(fields, dict)
    root = encode({**fields, "rev": REV})
    return write_car([root[0]], [root, *repo.blocks()])


@case("lies in the future")
def rev_far_ahead(repo: ForeignRepo) -> bytes:
    repo.rev = str(Tid.from_us(START_US + 25 * 3_600_000_000, 0))
    return repo.car()


@case("lacks the block")
def tree_left_out(repo: ForeignRepo) -> bytes:
    root = repo.nodes()[0]
    return repo.car(keep=lambda cid: cid != root)


@case("lacks the block")
def lower_node_left_out(repo: ForeignRepo) -> bytes:
    root, nodes = repo.nodes()
    gone = next(cid for cid in nodes if cid != root)
    return repo.car(keep=lambda cid: cid != gone)


@case("lacks the block")
def record_left_out(repo: ForeignRepo) -> bytes:
    gone = some_record(repo)
    return repo.car(keep=lambda cid: cid != gone)


@case("a node has the fields")
def tree_is_a_record(repo: ForeignRepo) -> bytes:
    root = some_record(repo)
    repo.tree = (root, {})
    return repo.car()


@case("no entries of its own")
def root_that_only_points_down(repo: ForeignRepo) -> bytes:
    root, nodes = repo.nodes()
    top = Node([], [], [root])
    repo.tree = (node_cid(top), {**nodes, node_cid(top): encode_node(top)})
    return repo.car()


@case("not between those around its node")
def same_node_in_two_places(repo: ForeignRepo) -> bytes:
    """As close to a loop as hashes allow."""
    value = some_record(repo)
    low = next(k for k in map(_key, range(1000)) if _layer(k) == 0)
    high = next(k for k in map(_key, range(1000)) if _layer(k) == 1 and k > low)
    leaf = Node([low], [value], [None, None])
    return use_tree(repo, Node([high], [value], [node_cid(leaf), node_cid(leaf)]), leaf)


@case("layer that is not its own")
def keys_on_a_layer_not_their_own(repo: ForeignRepo) -> bytes:
    keys = sorted(map(_key, range(50)))
    value = some_record(repo)
    return use_tree(repo, Node(keys, [value] * 50, [None] * 51))


@case("is empty")
def empty_node_below_the_root(repo: ForeignRepo) -> bytes:
    hollow = Node([], [], [None])
    key = next(k for k in map(_key, range(1000)) if _layer(k) == 1)
    return use_tree(repo, Node([key], [some_record(repo)], [node_cid(hollow), None]), hollow)


@case("not a path of")
def key_that_is_no_path(repo: ForeignRepo) -> bytes:
    key = next(k for k in (b"no-slash-%d" % n for n in range(100)) if _layer(k) == 0)
    return use_tree(repo, Node([key], [some_record(repo)], [None, None]))


@case("canonical|shortest")
def node_that_is_not_canonical(repo: ForeignRepo) -> bytes:
    key = next(k for k in map(_key, range(100)) if _layer(k) == 0)
    block = encode_node(Node([key], [some_record(repo)], [None, None]))
    padded = block.replace(b"ap\x00", b"ap\x18\x00")
    assert padded != block
    repo.tree = (cid_for_cbor(padded), {cid_for_cbor(padded): padded})
    return repo.car()


@case("Could not parse record at com.example.note/bad: a simple value")
def record_with_infinity(repo: ForeignRepo) -> bytes:
    repo.records[f"{NOTE}/bad"] = b"\xa1ax\xfb" + struct.pack(">d", float("inf"))
    return repo.car()


@case("Could not parse record at com.example.note/bad: a map key doubled")
def record_with_a_doubled_key(repo: ForeignRepo) -> bytes:
    repo.records[f"{NOTE}/bad"] = b"\xa2aa\x01aa\x02"
    return repo.car()


@case("Could not parse record at com.example.note/bad: nested deeper than 300 levels")
def record_nested_without_end(repo: ForeignRepo) -> bytes:
    repo.records[f"{NOTE}/bad"] = b"\xa1aa" + b"\x81" * 900_000 + b"\x80"
    return repo.car()


@case("Could not parse record at com.example.note/bad: it is not an object")
def record_that_is_a_list(repo: ForeignRepo) -> bytes:
    repo.records[f"{NOTE}/bad"] = b"\x80"
    return repo.car()


@case("The record at .* is not a CBOR block")
def record_under_a_raw_cid(repo: ForeignRepo) -> bytes:
    block = dag_cbor.encode({"$type": NOTE})
    key = next(k for k in map(_key, range(100)) if _layer(k) == 0)
    repo.extra = [(cid_for_raw(block), block)]
    return use_tree(repo, Node([key], [cid_for_raw(block)], [None, None]))


def _key(number: int) -> bytes:
    return f"{NOTE}/k{number:04}".encode()


def _layer(key: bytes) -> int:
    return key_layer(key)


@pytest.mark.parametrize("name", CASES)
def test_hostile_import_is_refused_and_changes_nothing(
    services: Services, tmp_path: Path, name: str
) -> None:
    spoil, message = CASES[name]
    newcomer = make_newcomer(services)
    services.accounts.create(newcomer.wants())
    account = services.accounts.get_account(newcomer.did)
    services.repo_import.import_repo(
        account, ForeignRepo(newcomer.did, newcomer.key, simple_records(3)).stream()
    )
    before = dump_tables("block", "record", "record_blob", "repo_root", "event")
    repo = ForeignRepo(
        newcomer.did, newcomer.key, simple_records(30, "com.example.other"), rev=NEWER_REV
    )

    with pytest.raises(InvalidRequestError, match=message) as caught:
        services.repo_import.import_repo(account, io.BytesIO(spoil(repo)))

    assert caught.value.status == 400
    assert dump_tables("block", "record", "record_blob", "repo_root", "event") == before
    assert list((tmp_path / "tmp").iterdir()) == []


def test_full_disk_during_an_import_is_told_and_changes_nothing(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newcomer = make_newcomer(services)
    services.accounts.create(newcomer.wants())
    account = services.accounts.get_account(newcomer.did)
    before = dump_tables("block", "record", "record_blob", "repo_root", "event")
    monkeypatch.setattr(
        import_staging, "_TABLES", f"PRAGMA max_page_count = 8; {import_staging._TABLES}"
    )
    repo = ForeignRepo(newcomer.did, newcomer.key, simple_records(300))

    with pytest.raises(NotEnoughResourcesError):
        services.repo_import.import_repo(account, repo.stream())

    assert dump_tables("block", "record", "record_blob", "repo_root", "event") == before
    assert list((tmp_path / "tmp").iterdir()) == []


def test_import_needs_the_key_of_the_did_document(services: Services) -> None:
    newcomer = make_newcomer(services)
    services.accounts.create(newcomer.wants())
    account = services.accounts.get_account(newcomer.did)
    repo = ForeignRepo(newcomer.did, newcomer.key, simple_records(3))
    before = dump_tables("block", "record", "repo_root")

    class Unreachable:
        def signing_key_of(self, did: str, *, force: bool = False) -> str | None:
            raise UnresolvableDidError

        def past_signing_keys(self, did: str) -> list[str]:
            raise UnresolvableDidError

    importer = services.repo_import
    parts = importer._parts
    importer._parts = replace(parts, identity=Unreachable())
    with pytest.raises(UnresolvableDidError):
        importer.import_repo(account, repo.stream())

    assert dump_tables("block", "record", "repo_root") == before
