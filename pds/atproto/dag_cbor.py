"""Strict canonical CBOR with CIDs (DAG-CBOR, the DRISL subset).

Every value has exactly one encoding, so a block that decodes here encodes back to the same bytes
and keeps its CID. Accepted: null, booleans, signed 64-bit integers, text, bytes, lists, maps with
text keys, and links (tag 42). Refused: floats, other tags and simple values, indefinite lengths.

Tricky bits:

* Heads take the shortest form. Map keys are ordered by their *encoded* bytes, head included,
  which puts shorter keys first and makes one comparison the check for order and duplicates.
* Slicing past the end of ``bytes`` gives fewer bytes, not an error. Positions only ever grow, so a
  string cut short leaves the position past the end, where the next read fails or the last check.
* A count may claim 2^64 items; each turn of the loop needs a byte, so the data end it.
* Depth is limited in both directions before anything recurses, so hostile nesting cannot exhaust
  the stack.
* A post costs about 5 µs each way: dispatch on the exact type or first byte, keys cached both ways,
  short text inlined in maps.

Spec: https://atproto.com/specs/data-model
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NoReturn, TypeAlias

from pds.atproto.cid import BLESSED_PREFIXES, Cid, InvalidCidError

MAX_DEPTH: Final = 64
Value: TypeAlias = "bool | int | str | bytes | Cid | list[Any] | dict[str, Any] | None"

_INT64_LIMIT: Final = 1 << 63
_CACHED_KEYS: Final = 4096
_CACHED_KEY_BYTES: Final = 64
_SIMPLE_VALUES: Final[dict[object, int]] = {False: 0xF4, True: 0xF5, None: 0xF6}
_BLESSED_LINK_HEAD: Final = b"\xd8\x2a\x58\x25\x00"


class DagCborError(ValueError):
    """A value that has no DAG-CBOR form, or bytes that are not canonical DAG-CBOR."""


def encode(value: Value, *, max_depth: int = MAX_DEPTH) -> bytes:
    """Encode one value canonically. ``max_depth``: at most ``MAX_DEPTH``.

    Raises:
        DagCborError: floats, integers beyond 64 bits, other types, keys that are not text, lone
            surrogates, or containers nested deeper than ``max_depth``.
    """
    out = bytearray()
    try:
        _write(value, out, MAX_DEPTH - max_depth)
    except UnicodeEncodeError as error:
        raise DagCborError("text with a lone surrogate has no UTF-8 form") from error
    return bytes(out)


def decode(data: bytes) -> Value:
    """Decode exactly one canonical item.

    Raises:
        DagCborError: anything that ``encode`` would not have written, byte for byte.
    """
    value, end = decode_prefix(data)
    if end != len(data):
        raise DagCborError(f"bytes left over after the item, from byte {end}")
    return value


def decode_prefix(data: bytes, offset: int = 0) -> tuple[Value, int]:
    """Decode the item at ``offset``; returns it and the offset after it.

    Raises:
        DagCborError: the item is not canonical, not allowed, or cut short.
    """
    try:
        value, end = _READERS[data[offset]](data, offset, 0)
    except IndexError as error:
        raise DagCborError("the data end inside an item") from error
    except UnicodeDecodeError as error:
        raise DagCborError("text is not valid UTF-8") from error
    if end > len(data):
        raise DagCborError("the data end inside an item")
    return value, end


# --- writing ---


def _head(major: int, number: int) -> bytes:
    """The shortest head of an item: its major type and a number below 2^64."""
    if number < 24:
        return bytes((major | number,))
    if number < 0x100:
        return bytes((major | 24, number))
    if number < 0x10000:
        return bytes((major | 25,)) + number.to_bytes(2, "big")
    if number < 0x100000000:
        return bytes((major | 26,)) + number.to_bytes(4, "big")
    return bytes((major | 27,)) + number.to_bytes(8, "big")


class _EncodedKeys(dict[str, bytes]):
    """Map keys in encoded form; remembers the short ones, up to a bound."""

    def __missing__(self, key: str) -> bytes:
        if not isinstance(key, str):
            raise DagCborError(f"a map key must be text, not {type(key).__name__}")
        raw = key.encode()
        encoded = _head(0x60, len(raw)) + raw
        if len(encoded) <= _CACHED_KEY_BYTES and len(self) < _CACHED_KEYS:
            self[str(key)] = encoded
        return encoded


def _write(value: Any, out: bytearray, depth: int) -> None:
    writer = _WRITERS.get(type(value))
    if writer is None:
        if not isinstance(value, str):
            raise DagCborError(f"{type(value).__name__} has no DAG-CBOR form")
        # The identifier types (Did, Nsid, …) are text with a checked syntax.
        writer = _write_text
    writer(value, out, depth)


def _write_simple(value: object, out: bytearray, _depth: int) -> None:
    out.append(_SIMPLE_VALUES[value])


def _write_int(value: int, out: bytearray, _depth: int) -> None:
    if not -_INT64_LIMIT <= value < _INT64_LIMIT:
        raise DagCborError("an integer must fit into 64 bits")
    out += _head(0x00, value) if value >= 0 else _head(0x20, -1 - value)


def _write_text(value: str, out: bytearray, _depth: int) -> None:
    raw = value.encode()
    out += _head(0x60, len(raw))
    out += raw


def _write_bytes(value: bytes, out: bytearray, _depth: int) -> None:
    out += _head(0x40, len(value))
    out += value


def _write_link(value: Cid, out: bytearray, _depth: int) -> None:
    if len(value) == 36:
        out += _BLESSED_LINK_HEAD
    else:
        out += b"\xd8\x2a" + _head(0x40, len(value) + 1) + b"\x00"
    out += value


def _write_list(value: list[Any], out: bytearray, depth: int) -> None:
    if depth >= MAX_DEPTH:
        raise DagCborError("nested too deeply")
    out += _head(0x80, len(value))
    for item in value:
        _write(item, out, depth + 1)


def _write_map(value: dict[str, Any], out: bytearray, depth: int) -> None:
    if depth >= MAX_DEPTH:
        raise DagCborError("nested too deeply")
    size = len(value)
    if size < 24:
        out.append(0xA0 | size)
    else:
        out += _head(0xA0, size)
    writers = _WRITERS
    encoded = _ENCODED_KEYS
    for key in sorted(value, key=encoded.__getitem__):
        out += encoded[key]
        item = value[key]
        kind = type(item)
        if kind is str:
            raw = item.encode()
            length = len(raw)
            out += _SHORT_TEXT_HEADS[length] if length < 256 else _head(0x60, length)
            out += raw
        else:
            writers.get(kind, _write)(item, out, depth + 1)


_Writer: TypeAlias = Callable[[Any, bytearray, int], None]
_ENCODED_KEYS: Final = _EncodedKeys()
_SHORT_TEXT_HEADS: Final = tuple(_head(0x60, length) for length in range(256))
_WRITERS: Final[dict[type, _Writer]] = {
    type(None): _write_simple,
    bool: _write_simple,
    int: _write_int,
    str: _write_text,
    bytes: _write_bytes,
    Cid: _write_link,
    list: _write_list,
    dict: _write_map,
}


# --- reading ---


def read_head(data: bytes, offset: int) -> tuple[int, int]:
    """The number in an item's head and the offset after the head; only the shortest form passes."""
    info = data[offset] & 0x1F
    if info < 24:
        return info, offset + 1
    if info == 24:
        number = data[offset + 1]
        if number < 24:
            _refuse_head(offset)
        return number, offset + 2
    if info > 27:
        raise DagCborError(f"an indefinite length or reserved head at byte {offset}")
    size = 1 << (info - 24)
    end = offset + 1 + size
    number = int.from_bytes(data[offset + 1 : end], "big")
    if end > len(data) or number >> (size << 2) == 0:
        _refuse_head(offset)
    return number, end


def _refuse_head(offset: int) -> NoReturn:
    raise DagCborError(f"a head that is cut short or not in its shortest form at byte {offset}")


class _DecodedKeys(dict[bytes, str]):
    """Encoded map keys as text; remembers the short ones, up to a bound."""

    def __missing__(self, encoded: bytes) -> str:
        _, start = read_head(encoded, 0)
        key = encoded[start:].decode()
        if len(encoded) <= _CACHED_KEY_BYTES and len(self) < _CACHED_KEYS:
            self[encoded] = key
        return key


def _read_unsigned(data: bytes, offset: int, _depth: int) -> tuple[int, int]:
    number, end = read_head(data, offset)
    if number >= _INT64_LIMIT:
        raise DagCborError(f"an integer beyond 64 bits at byte {offset}")
    return number, end


def _read_negative(data: bytes, offset: int, _depth: int) -> tuple[int, int]:
    number, end = _read_unsigned(data, offset, 0)
    return -1 - number, end


def _read_bytes(data: bytes, offset: int, _depth: int) -> tuple[bytes, int]:
    length, start = read_head(data, offset)
    end = start + length
    return data[start:end], end


def _read_text(data: bytes, offset: int, _depth: int) -> tuple[str, int]:
    length, start = read_head(data, offset)
    end = start + length
    return data[start:end].decode(), end


def _read_list(data: bytes, offset: int, depth: int) -> tuple[list[Any], int]:
    if depth >= MAX_DEPTH:
        raise DagCborError(f"nested deeper than {MAX_DEPTH} levels at byte {offset}")
    count, position = read_head(data, offset)
    readers = _READERS
    items = []
    depth += 1
    for _ in range(count):
        item, position = readers[data[position]](data, position, depth)
        items.append(item)
    return items, position


def _read_map(data: bytes, offset: int, depth: int) -> tuple[dict[str, Any], int]:
    if depth >= MAX_DEPTH:
        raise DagCborError(f"nested deeper than {MAX_DEPTH} levels at byte {offset}")
    count, position = read_head(data, offset)
    readers = _READERS
    decoded_keys = _DECODED_KEYS
    result: dict[str, Any] = {}
    depth += 1
    previous = b""
    for _ in range(count):
        first = data[position]
        short = 0x60 <= first < 0x78
        end = position + first - 0x5F if short else _long_key_end(data, position)
        encoded = data[position:end]
        if encoded <= previous:
            raise DagCborError(f"a map key out of order or doubled at byte {position}")
        previous = encoded
        # A key that is cut short fails here, before it is looked up and remembered.
        first = data[end]
        if 0x60 <= first < 0x78:
            position = end + first - 0x5F
            result[decoded_keys[encoded]] = data[end + 1 : position].decode()
        elif first == 0x78 and data[end + 1] > 23:
            position = end + 2 + data[end + 1]
            result[decoded_keys[encoded]] = data[end + 2 : position].decode()
        else:
            result[decoded_keys[encoded]], position = readers[first](data, end, depth)
    return result, position


def _long_key_end(data: bytes, offset: int) -> int:
    if data[offset] & 0xE0 != 0x60:
        raise DagCborError(f"a map key that is not text at byte {offset}")
    length, start = read_head(data, offset)
    return start + length


def _read_link(data: bytes, offset: int, _depth: int) -> tuple[Cid, int]:
    if data[offset : offset + 5] == _BLESSED_LINK_HEAD:
        end = offset + 41
        raw = data[offset + 5 : end]
        if raw[:4] in BLESSED_PREFIXES:
            return Cid(raw), end
    if data[offset + 1] != 42:
        raise DagCborError(f"a tag other than 42 at byte {offset}")
    if data[offset + 2] & 0xE0 != 0x40:
        raise DagCborError(f"a link that is not a byte string at byte {offset}")
    content, end = _read_bytes(data, offset + 2, 0)
    if content[:1] != b"\x00":
        raise DagCborError(f"a link without its leading zero byte at byte {offset}")
    try:
        return Cid.from_bytes(content[1:]), end
    except InvalidCidError as error:
        raise DagCborError(f"a link that is not a CID at byte {offset}: {error}") from error


def _read_false(_data: bytes, offset: int, _depth: int) -> tuple[bool, int]:
    return False, offset + 1


def _read_true(_data: bytes, offset: int, _depth: int) -> tuple[bool, int]:
    return True, offset + 1


def _read_null(_data: bytes, offset: int, _depth: int) -> tuple[None, int]:
    return None, offset + 1


def _refuse(data: bytes, offset: int, _depth: int) -> NoReturn:
    first = data[offset]
    if 0xF9 <= first <= 0xFB:
        raise DagCborError(f"a float at byte {offset}")
    raise DagCborError(f"a tag or simple value that is not allowed at byte {offset}")


_Reader: TypeAlias = Callable[[bytes, int, int], tuple[Any, int]]
_DECODED_KEYS: Final = _DecodedKeys()
_MAJORS: Final[tuple[_Reader, ...]] = (
    _read_unsigned,
    _read_negative,
    _read_bytes,
    _read_text,
    _read_list,
    _read_map,
    _refuse,
    _refuse,
)
_SPECIAL: Final[dict[int, _Reader]] = {
    0xD8: _read_link,
    0xF4: _read_false,
    0xF5: _read_true,
    0xF6: _read_null,
}
_READERS: Final[tuple[_Reader, ...]] = tuple(
    _SPECIAL.get(first, _MAJORS[first >> 5]) for first in range(256)
)
