"""One node of the Merkle search tree, and the codec made for it.

A node is kept as three parallel lists: ``keys`` and ``values`` of its own entries, and the
``subtrees`` between them, one more than there are keys: ``subtrees[i]`` holds the keys that sort
before ``keys[i]``, the last one those after every key.

Tricky bits:

- A node with a ``cid`` is *frozen*: it stands for the bytes in ``block``, may be shared between
  trees, and is never changed. Its subtrees are CIDs or None. A node without a ``cid`` belongs to
  one tree and may hold unwritten nodes as subtrees.
- On the wire a key is cut to the part not shared with the entry before it. The cut must be as
  large as possible, so that a set of keys has one encoding only. That rule and the order of keys
  come down to one comparison: the first byte kept is greater than the byte it replaces.
- The generic CBOR codec would take five times as long, and nodes are most of what a write costs.

Spec: https://atproto.com/specs/repository#mst-structure
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from itertools import zip_longest
from typing import Any, Final, final

from pds.atproto import dag_cbor
from pds.atproto.cid import BLESSED_CBOR_PREFIX, Cid, cid_for_cbor
from pds.atproto.dag_cbor import Value
from pds.atproto.mst.layer import common_prefix_length

BlockSource = Callable[[Cid], bytes]
"""Gives the bytes of a block; raises MissingBlockError where it has none."""


class MstError(ValueError):
    """A node or tree that breaks the rules, or a key that no tree can hold."""


class MissingBlockError(MstError):
    """The block ``cid`` is needed and the source does not have it."""

    def __init__(self, cid: Cid) -> None:
        super().__init__(f"block {cid} is missing")
        self.cid = cid


@final
class Node:
    """A decoded node; see the module's text for what its lists mean."""

    __slots__ = ("block", "cid", "keys", "subtrees", "values")

    def __init__(
        self,
        keys: list[bytes],
        values: list[Cid],
        subtrees: list[Cid | Node | None],
        cid: Cid | None = None,
        block: bytes = b"",
    ) -> None:
        self.keys = keys
        self.values = values
        self.subtrees = subtrees
        self.cid = cid
        self.block = block

    @property
    def is_empty(self) -> bool:
        """Whether it holds nothing at all, which only the node of the empty tree may."""
        return not self.keys and self.subtrees[0] is None


def _head(major: int, number: int) -> bytes:
    """The first bytes of a CBOR item: its kind and, in the shortest form, a number below 65536."""
    if number < 24:
        return bytes((major | number,))
    if number < 256:
        return bytes((major | 24, number))
    return bytes((major | 25,)) + number.to_bytes(2, "big")


MAX_KEY_BYTES: Final = 1023
"""More than a path can have (317 for the collection, 512 for the record key, the slash)."""

MAX_ENTRIES: Final = 0xFFFF
"""What the heads here can count; the largest nodes of honest trees have about a hundred."""

_LINK: Final = b"\xd8\x2aX\x25\x00"  # tag 42, a byte string of 37, the multibase prefix
_LINK_SIZE: Final = len(_LINK) + 36
_NODE_LINK: Final = _LINK + BLESSED_CBOR_PREFIX
_KEY_HEADS: Final = [b"\xa4ak" + _head(0x40, size) for size in range(MAX_KEY_BYTES + 1)]
_SHARED_HEADS: Final = [b"ap" + _head(0x00, size) + b"at" for size in range(MAX_KEY_BYTES + 1)]
_KEY_SIZES: Final = {_head(0x40, size): size for size in range(MAX_KEY_BYTES + 1)}
_SHARED_SIZES: Final = {_head(0x00, size): size for size in range(MAX_KEY_BYTES + 1)}

# An entry whose links are blessed. No byte of a path can be mistaken for what follows the path,
# so the greedy match of the key is the only one, and it is found in linear time.
_ENTRY: Final = re.compile(
    rb"\xa4ak([\x41-\x57]|\x58[\x18-\xff]|\x59[\x01-\x03].)([ -~]+)"
    rb"ap([\x00-\x17]|\x18[\x18-\xff]|\x19[\x01-\x03].)"
    rb"at(?:\xf6|\xd8\x2aX\x25\x00(\x01\x71\x12\x20.{32}))"
    rb"av\xd8\x2aX\x25\x00(\x01[\x71\x55]\x12\x20.{32})",
    re.DOTALL,
)
_COLUMNS: Final = 6  # what splitting by _ENTRY gives for each entry: five groups and what follows


def encode_node(node: Node) -> bytes:
    """Return the canonical bytes of ``node``, whose subtrees are all None or CIDs."""
    parts: list[bytes] = [b"\xa2ae", _head(0x80, len(node.keys))]
    add = parts.append
    previous = b""
    previous_number = 0
    for key, value, subtree in zip(node.keys, node.values, node.subtrees[1:], strict=True):
        # The same sum as in common_prefix_length, but each key becomes a number only once.
        number = int.from_bytes(key, "big")
        size = len(key)
        if size == len(previous):
            shared = size - (((number ^ previous_number).bit_length() + 7) >> 3)
        else:
            shared = common_prefix_length(previous, key)
        previous = key
        previous_number = number
        add(_KEY_HEADS[size - shared])
        add(key[shared:])
        add(_SHARED_HEADS[shared])
        add(b"\xf6av" if subtree is None else _encode_subtree(subtree) + b"av")
        add(_LINK + value if len(value) == 36 else _encode_odd_link(value))
    left = node.subtrees[0]
    add(b"al\xf6" if left is None else b"al" + _encode_subtree(left))
    return b"".join(parts)


def _encode_subtree(subtree: Cid | Node) -> bytes:
    if isinstance(subtree, Node):
        raise TypeError("a node is encoded after its subtrees")
    return _LINK + subtree


def _encode_odd_link(value: Cid) -> bytes:
    """Encode a link to a record that another implementation named by an unusual CID."""
    return b"\xd8\x2a" + _head(0x40, len(value) + 1) + b"\x00" + value


def decode_node(data: bytes) -> Node:
    """Decode ``data`` strictly: encoding the result gives the same bytes again.

    The node comes back frozen, under the CID of ``data``. That its keys belong to one layer is
    for the caller to check, who knows which.

    Raises:
        MstError: not a node, not canonical, keys out of order, or keys no path can be.
    """
    return load_node(cid_for_cbor(data), data)


def load_node(cid: Cid, data: bytes) -> Node:
    """Decode ``data``, already known to hash to ``cid``; like ``decode_node`` otherwise."""
    columns = _ENTRY.split(data)
    values = list(map(Cid, columns[5::_COLUMNS]))
    head = b"\xa2ae" + _head(0x80, len(values) & MAX_ENTRIES)
    tail = columns[-1]
    if not values:
        tail = data[len(head) :]
        columns[0] = data[: len(head)]
    is_linked = tail[:-32] == b"al" + _NODE_LINK
    if columns[0] != head or any(columns[6:-1:_COLUMNS]) or not (is_linked or tail == b"al\xf6"):
        return _decode_unusual(cid, data)
    left = Cid(tail[-36:]) if is_linked else None
    keys = _expand_keys(columns)
    subtrees: list[Cid | Node | None] = [left]
    subtrees += [None if link is None else Cid(link) for link in columns[4::_COLUMNS]]
    return Node(keys, values, subtrees, cid, data)


def _expand_keys(columns: list[Any]) -> list[bytes]:
    keys: list[bytes] = []
    previous = b""
    previous_size = 0
    for head, rest, shared_head in zip(
        columns[1::_COLUMNS], columns[2::_COLUMNS], columns[3::_COLUMNS], strict=True
    ):
        size = _KEY_SIZES[head]
        shared = _SHARED_SIZES[shared_head]
        if size != len(rest) or shared > previous_size:
            raise MstError("a length in the node is wrong")
        if shared < previous_size and rest[0] <= previous[shared]:
            raise MstError("keys are out of order or share more than the node says")
        previous = previous[:shared] + rest
        previous_size = shared + size
        if previous_size > MAX_KEY_BYTES:
            raise MstError("a key is too long")
        keys.append(previous)
    return keys


def _decode_unusual(cid: Cid, data: bytes) -> Node:
    """Decode a node with a record link that is not blessed, or find out what is wrong with it."""
    try:
        value = dag_cbor.decode(data)
    except dag_cbor.DagCborError as error:
        raise MstError(f"the node is not canonical CBOR: {error}") from error
    if not isinstance(value, dict) or value.keys() != {"e", "l"}:
        raise MstError("a node has the fields e and l")
    entries = value["e"]
    if not isinstance(entries, list) or len(entries) > MAX_ENTRIES:
        raise MstError(f"the entries of a node are a list of at most {MAX_ENTRIES}")
    keys: list[bytes] = []
    values: list[Cid] = []
    subtrees: list[Cid | Node | None] = [_check_subtree(value["l"])]
    for entry in entries:
        if not isinstance(entry, dict) or entry.keys() != {"k", "p", "t", "v"}:
            raise MstError("an entry of a node has the fields k, p, t and v")
        keys.append(_expand_key(keys[-1] if keys else b"", entry["p"], entry["k"]))
        if not isinstance(entry["v"], Cid):
            raise MstError("the value of an entry is a link")
        values.append(entry["v"])
        subtrees.append(_check_subtree(entry["t"]))
    return Node(keys, values, subtrees, cid, data)


def _expand_key(previous: bytes, shared: Value, rest: Value) -> bytes:
    if type(shared) is not int or not isinstance(rest, bytes) or isinstance(rest, Cid):
        raise MstError("a key is a length and a byte string")
    if not 0 <= shared <= len(previous):
        raise MstError("a length in the node is wrong")
    key = previous[:shared] + rest
    if key <= previous or common_prefix_length(previous, key) != shared:
        raise MstError("keys are out of order or share more than the node says")
    if len(key) > MAX_KEY_BYTES or not _PATH.fullmatch(key):
        raise MstError("a key is not a path")
    return key


def _check_subtree(link: Value) -> Cid | None:
    if link is None:
        return None
    if not isinstance(link, Cid) or link[:4] != BLESSED_CBOR_PREFIX or len(link) != 36:
        raise MstError("a subtree is null or a link to a node")
    return link


_PATH: Final = re.compile(rb"[ -~]+")
_LEAF_LINKS: Final = re.compile(rb"at\xf6av\xd8\x2aX\x25\x00(.{36})", re.DOTALL)
_LINKS: Final = re.compile(
    rb"at(?:\xf6|\xd8\x2aX\x25\x00(.{36}))av\xd8\x2aX\x25\x00(.{36})", re.DOTALL
)


def leaf_values(data: bytes) -> list[bytes] | None:
    """The records of a node of our own that has no subtrees, in key order; None when it has some.

    Three nodes of four are such leaves; for them this is half the work of ``node_runs``.
    """
    values = _LEAF_LINKS.findall(data)
    return values if data.startswith(_start(len(values))) and data.endswith(b"al\xf6") else None


@lru_cache(maxsize=256)
def _start(count: int) -> bytes:
    return b"\xa2ae" + _head(0x80, count & MAX_ENTRIES)


def node_runs(data: bytes) -> list[bytes | list[bytes]]:
    """Scan a node of our own for its links in key order, without decoding keys, for an export.

    A subtree is its binary CID, a run of records between two subtrees the list of theirs. Plain
    bytes on purpose: an export meets every link of a repo once and makes nothing else of them.

    Raises:
        MstError: ``data`` is no node at all; finer checks are not made here.
    """
    entries = _LINKS.findall(data)
    if not data.startswith(_start(len(entries))):
        return _runs_of(load_node(cid_for_cbor(data), data))
    runs: list[bytes | list[bytes]] = []
    if data[-_LINK_SIZE - 2 : -36] == b"al" + _LINK:
        runs.append(data[-36:])
    values: list[bytes] = []
    for tree, value in entries:
        values.append(value)
        if tree:
            runs += (values, tree)
            values = []
    if values:
        runs.append(values)
    return runs


def _runs_of(node: Node) -> list[bytes | list[bytes]]:
    runs: list[bytes | list[bytes]] = []
    for branch, value in zip_longest(node.subtrees, node.values):
        if isinstance(branch, Cid):
            runs.append(branch)
        if value is not None:
            last = runs[-1] if runs else None
            if isinstance(last, list):
                last.append(value)
            else:
                runs.append([value])
    return runs
