"""Read records of other servers that ``dag_cbor`` refuses, as far as other servers read them.

Strictness protects what is signed here. A record that somebody brings along was signed elsewhere,
and its bytes are kept and passed on as they are; for it, being a little odd is no reason to leave
its owner outside. Accepted beyond the canonical form: map keys in any order, finite floats,
integers up to 64 bits without sign, links of version 0, and a nesting that every reader here still
manages.

Still refused: doubled keys, keys that are not text, other tags, other simple values,
indefinite lengths, heads longer than needed, NaN and infinity, links that are no CIDs, bytes left
over.
"""

from __future__ import annotations

import math
import struct
from typing import Any, Final, NoReturn

from pds.atproto.cid import Cid, InvalidCidError
from pds.atproto.dag_cbor import DagCborError, Value, read_head

# Below what cbor2 (400) and Python's JSON encoder (somewhat under 1,000) manage.
MAX_DEPTH: Final = 300

_LINK_TAG: Final = 42
_FLOATS: Final = {0xF9: (">e", 2), 0xFA: (">f", 4), 0xFB: (">d", 8)}
_SIMPLE: Final[dict[int, bool | None]] = {0xF4: False, 0xF5: True, 0xF6: None}
_CID_V0_HEAD: Final = b"\x12\x20"
_CID_V0_BYTES: Final = 34


def decode(data: bytes) -> Value:
    """Decode exactly one item.

    Raises:
        DagCborError: the bytes are not CBOR, or among what is refused here too.
    """
    value: Value
    try:
        value, end = _read(data, 0, 0)
    except IndexError as error:
        raise DagCborError("the data end inside an item") from error
    except UnicodeDecodeError as error:
        raise DagCborError("text is not valid UTF-8") from error
    if end != len(data):
        raise DagCborError("the data end inside an item, or go on after it")
    return value


def _read(data: bytes, offset: int, depth: int) -> tuple[Any, int]:
    first = data[offset]
    major = first >> 5
    if major == 7:
        return _read_simple(data, offset, first)
    number, position = read_head(data, offset)
    if major == 0:
        return number, position
    if major == 1:
        return -1 - number, position
    if major in (2, 3):
        end = position + number
        content = data[position:end]
        return (content if major == 2 else content.decode()), end
    if major == 6:
        return _read_link(data, number, position)
    if depth >= MAX_DEPTH:
        raise DagCborError(f"nested deeper than {MAX_DEPTH} levels at byte {offset}")
    read_items = _read_items if major == 4 else _read_fields
    return read_items(data, number, position, depth + 1)


def _read_items(data: bytes, count: int, position: int, depth: int) -> tuple[list[Any], int]:
    items = []
    for _ in range(count):
        item, position = _read(data, position, depth)
        items.append(item)
    return items, position


def _read_fields(data: bytes, count: int, position: int, depth: int) -> tuple[dict[str, Any], int]:
    fields: dict[str, Any] = {}
    for _ in range(count):
        if data[position] >> 5 != 3:
            raise DagCborError(f"a map key that is not text at byte {position}")
        key, end = _read(data, position, depth)
        if key in fields:
            raise DagCborError(f"a map key doubled at byte {position}")
        fields[key], position = _read(data, end, depth)
    return fields, position


def _read_link(data: bytes, tag: int, position: int) -> tuple[Cid, int]:
    if tag != _LINK_TAG or data[position] >> 5 != 2:
        raise DagCborError(f"a tag that is no link before byte {position}")
    content, end = _read(data, position, 0)
    if content[:1] != b"\x00":
        raise DagCborError(f"a link without its leading zero byte at byte {position}")
    raw = content[1:]
    if len(raw) == _CID_V0_BYTES and raw.startswith(_CID_V0_HEAD):
        return Cid(raw), end
    try:
        return Cid.from_bytes(raw), end
    except InvalidCidError as error:
        raise DagCborError(f"a link that is not a CID at byte {position}: {error}") from error


def _read_simple(data: bytes, offset: int, first: int) -> tuple[Any, int]:
    if first in _SIMPLE:
        return _SIMPLE[first], offset + 1
    if first not in _FLOATS:
        _refuse(offset)
    form, size = _FLOATS[first]
    end = offset + 1 + size
    content = data[offset + 1 : end]
    if len(content) < size:
        raise DagCborError("the data end inside an item")
    number: float = struct.unpack(form, content)[0]
    if not math.isfinite(number):
        _refuse(offset)
    return number, end


def _refuse(offset: int) -> NoReturn:
    raise DagCborError(f"a simple value that is not allowed at byte {offset}")
