"""Repos as another server would export them, well-formed or not."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pds.atproto import dag_cbor
from pds.atproto.car import encode_header, encode_section, write_car
from pds.atproto.cid import Cid, cid_for_cbor
from pds.atproto.commit import sign_commit
from pds.atproto.crypto.keypair import PrivateKey
from pds.atproto.mst.tree import build_tree
from pds.atproto.syntax.tid import Tid
from tests.factories import START_US

REV = str(Tid.from_us(START_US - 7_200_000_000, 0))
NEWER_REV = str(Tid.from_us(START_US - 3_600_000_000, 0))


def simple_records(count: int, collection: str = "com.example.note") -> dict[str, bytes]:
    """Paths and record blocks."""
    return {
        f"{collection}/key{number:05}": dag_cbor.encode({"$type": collection, "number": number})
        for number in range(count)
    }


@dataclass
class ForeignRepo:
    """A repo of ``did`` signed by ``key``. Change its parts before asking for ``car``."""

    did: str
    key: PrivateKey
    records: dict[str, bytes]
    rev: str = REV
    extra: list[tuple[bytes, bytes]] = field(default_factory=list)
    tree: tuple[Cid, dict[Cid, bytes]] | None = None
    """Root and nodes, where they are not to be those of ``records``."""
    _signed: dict[tuple[str, str, Cid, str], tuple[Cid, bytes]] = field(default_factory=dict)

    def nodes(self) -> tuple[Cid, dict[Cid, bytes]]:
        if self.tree is not None:
            return self.tree
        items = sorted((path, cid_for_cbor(block)) for path, block in self.records.items())
        root, nodes = build_tree(items)
        return root, dict(nodes)

    def commit(self) -> tuple[Cid, bytes]:
        """CID and block; the same again while nothing has changed, though signing is random."""
        content = (self.did, self.rev, self.nodes()[0], self.key.did_key)
        if content not in self._signed:
            self._signed[content] = sign_commit(*content[:3], self.key)[:2]
        return self._signed[content]

    def blocks(self) -> list[tuple[bytes, bytes]]:
        records = [(cid_for_cbor(block), block) for block in self.records.values()]
        return [self.commit(), *self.nodes()[1].items(), *records, *self.extra]

    def car(self, keep: Callable[[bytes], bool] = lambda cid: True) -> bytes:
        """The whole repo, or the blocks whose CID is to be kept."""
        return write_car([self.commit()[0]], [b for b in self.blocks() if keep(b[0])])

    def stream(self) -> io.BytesIO:
        return io.BytesIO(self.car())


def raw_car(roots: list[bytes], blocks: list[tuple[bytes, bytes]]) -> bytes:
    """A file whose blocks need not match their CIDs."""
    return encode_header(roots) + b"".join(encode_section(cid, data) for cid, data in blocks)


def encode(value: Any) -> tuple[Cid, bytes]:
    block = dag_cbor.encode(value)
    return cid_for_cbor(block), block
