"""Trees, keys and commits for the tests of this folder and of repositories."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hypothesis import strategies as st

from pds.atproto.cid import Cid, cid_for_cbor
from pds.atproto.mst.layer import key_layer
from pds.atproto.mst.node import BlockSource, MissingBlockError, decode_node
from pds.atproto.mst.tree import build_tree

V = Cid.parse("bafyreie5cvv4h45feadgeuwhbcutmh6t2ceseocckahdoe6uat64zmz454")
W = cid_for_cbor(b"another record")


def key(suffix: str) -> str:
    """The keys of the known roots, of which only three characters differ."""
    return f"com.example.record/3jqfcqzm{suffix}2j"


def _pool() -> list[str]:
    """Valid paths, rich in high layers: of many candidates, a few of each layer are kept."""
    kept: dict[int, list[str]] = {}
    for number in range(6000):
        path = f"com.example.{'abc'[number % 3]}/{number:04x}"
        kept.setdefault(key_layer(path.encode()), []).append(path)
    sizes = {0: 14, 1: 10, 2: 8, 3: 5, 4: 4, 5: 2}
    return sorted(path for layer, size in sizes.items() for path in kept.get(layer, [])[:size])


POOL = _pool()

contents = st.dictionaries(st.sampled_from(POOL), st.sampled_from([V, W]), max_size=24)
"""What a tree holds; values repeat on purpose."""


def source_of(blocks: Mapping[Cid, bytes]) -> BlockSource:
    def get_block(cid: Cid) -> bytes:
        if cid not in blocks:
            raise MissingBlockError(cid)
        return blocks[cid]

    return get_block


def built(items: Mapping[str, Cid]) -> tuple[Cid, dict[Cid, bytes]]:
    root, blocks = build_tree(sorted(items.items()))
    return root, dict(blocks)


def same_value(paths: Iterable[str]) -> dict[str, Cid]:
    return dict.fromkeys(paths, V)


def reachable(blocks: Mapping[Cid, bytes], root: Cid) -> set[Cid]:
    """All nodes below ``root``, found by plain recursion."""
    found = {root}
    for subtree in decode_node(blocks[root]).subtrees:
        if isinstance(subtree, Cid):
            found |= reachable(blocks, subtree)
    return found
