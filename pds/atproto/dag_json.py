"""The JSON form of the data model: ``$link``, ``$bytes``, blobs; and a strict JSON parser.

Three layers, from outside in: ``parse`` reads bytes as JSON and nothing more; ``from_json`` turns
plain JSON into data-model values (links become ``Cid``, bytes ``bytes``) and applies the rules that
need no schema; ``to_json`` and ``dumps`` go the other way.

Tricky bits:

* Python's parser takes NaN, doubled keys, ``1e999`` and lone surrogates, none of which is data.
* Base64 is lenient in its tail (padding optional, unused bits ignored, as the interoperability
  vectors want) but strict in its alphabet, which Python's decoder is not by default.
* ``bool`` is an ``int`` to ``isinstance``; dispatch on the exact type.

Spec: https://atproto.com/specs/data-model#json-representation
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable
from typing import Any, Final, NoReturn

from pds.atproto.cid import Cid, InvalidCidError

# Deeper than any record may be, for bodies that hold records; hostile nesting ends here.
MAX_JSON_DEPTH: Final = 100
MAX_DATA_DEPTH: Final = 32
MAX_SAFE_INTEGER: Final = (1 << 53) - 1
MAX_CONTAINER_ITEMS: Final = 131_072
MAX_KEY_BYTES: Final = 8_192

_MAX_INT_TEXT: Final = len("-9223372036854775808")
_INT64_LIMIT: Final = 1 << 63
_SURROGATE_ESCAPE: Final = re.compile(r"\\u[dD][89a-fA-F]")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]*={0,2}", re.ASCII)
_BLOB_KEYS: Final = {"$type", "ref", "mimeType", "size"}


class InvalidJsonError(ValueError):
    """Bytes that are not JSON, or JSON that no two parsers would read alike."""


class InvalidDataError(ValueError):
    """JSON that is no value of the data model; the message begins with the path to the fault."""


# --- bytes to JSON ---


def parse(body: bytes) -> Any:
    """Read UTF-8 JSON into plain Python values.

    Raises:
        InvalidJsonError: not JSON, NaN or infinity, doubled keys, lone surrogates, integers beyond
            64 bits, or nesting deeper than ``MAX_JSON_DEPTH``.
    """
    try:
        text = body.decode("utf-8")
        value = _DECODER.decode(text)
    except UnicodeDecodeError as error:
        raise InvalidJsonError("the text is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise InvalidJsonError(f"not JSON: {error}") from error
    except RecursionError as error:
        raise InvalidJsonError("nested too deeply") from error
    if text.count("[") + text.count("{") > MAX_JSON_DEPTH:
        _check_depth(value)
    if _SURROGATE_ESCAPE.search(text):
        _check_surrogates(value)
    return value


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise InvalidJsonError("an object holds the same key twice")
    return result


def _parse_int(text: str) -> int:
    # The length comes first: converting millions of digits takes quadratic time.
    if len(text) <= _MAX_INT_TEXT:
        number = int(text)
        if -_INT64_LIMIT <= number < _INT64_LIMIT:
            return number
    raise InvalidJsonError("an integer beyond 64 bits")


def _parse_float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise InvalidJsonError("a number too large to hold")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidJsonError(f"{name} is not JSON")


def _check_depth(value: Any) -> None:
    """Walk level by level, so that the check itself cannot run out of stack."""
    level = [value]
    for _ in range(MAX_JSON_DEPTH + 1):
        below: list[Any] = []
        for item in level:
            if type(item) is dict:
                below += item.values()
            elif type(item) is list:
                below += item
        if not below:
            return
        level = below
    raise InvalidJsonError("nested too deeply")


def _check_surrogates(value: Any) -> None:
    """Escapes may pair up into one character or stand alone; only an encoder can tell."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise InvalidJsonError("text with a lone surrogate") from error


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique_keys,
    parse_int=_parse_int,
    parse_float=_parse_float,
    parse_constant=_refuse_constant,
)


# --- JSON to the data model ---


def from_json(value: Any, *, max_depth: int = MAX_DATA_DEPTH) -> Any:
    """Turn plain JSON into a data-model value; blobs stay maps, with a ``Cid`` for ``ref``.

    ``Cid`` and ``bytes`` pass, so applying it to a value of the data model is safe.

    Raises:
        InvalidDataError: fractions, integers beyond ±(2^53-1), malformed ``$link``, ``$bytes``,
            ``$type`` or blobs, empty or overlong keys, too many items, or too deep a nesting.
    """
    return _convert(value, max_depth)


def check_record(value: Any) -> None:
    """Check what every record must be, with or without a Lexicon: an object of valid data.

    Raises:
        InvalidDataError: not an object, or as ``from_json``.
    """
    # {"$link": …} and {"$bytes": …} are objects in JSON only, so look at what comes out.
    if type(from_json(value)) is not dict:
        raise InvalidDataError("a record must be an object")


class _FaultError(Exception):
    """A fault on its way up; each container adds its part of the path in front."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path: list[str] = []


def _convert(value: Any, max_depth: int) -> Any:
    try:
        return _convert_any(value, max_depth)
    except _FaultError as fault:
        path = ".".join(reversed(fault.path))
        raise InvalidDataError(f"{path}: {fault.reason}" if path else fault.reason) from fault


def _convert_any(value: Any, depth_left: int) -> Any:
    converter = _CONVERTERS.get(type(value))
    if converter is None:
        raise _FaultError(f"{type(value).__name__} is not a type of the data model")
    return converter(value, depth_left)


def _keep(value: Any, _depth_left: int) -> Any:
    return value


def _convert_int(value: int, _depth_left: int) -> int:
    if not -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
        raise _FaultError("an integer beyond ±(2^53-1)")
    return value


def _convert_float(value: float, depth_left: int) -> int:
    if not value.is_integer():
        raise _FaultError("only whole numbers are allowed")
    return _convert_int(int(value), depth_left)


def _convert_list(value: list[Any], depth_left: int) -> list[Any]:
    _check_container(value, depth_left)
    index = 0
    result: list[Any] = []
    try:
        for index, item in enumerate(value):  # noqa: B007 - the handler below names the index
            result.append(item if type(item) is str else _convert_any(item, depth_left - 1))
    except _FaultError as fault:
        fault.path.append(str(index))
        raise
    return result


def _convert_object(value: dict[str, Any], depth_left: int) -> Any:
    if "$link" in value:
        return _convert_link(value)
    if "$bytes" in value:
        return _convert_bytes(value)
    _check_container(value, depth_left)
    result: dict[str, Any] = {}
    key = ""
    try:
        for key, item in value.items():
            _check_key(key)
            result[key] = item if type(item) is str else _convert_any(item, depth_left - 1)
    except _FaultError as fault:
        fault.path.append(key)
        raise
    if "$type" in result:
        _check_type(result)
    return result


def _check_container(value: list[Any] | dict[str, Any], depth_left: int) -> None:
    if depth_left <= 0:
        raise _FaultError("nested too deeply")
    if len(value) > MAX_CONTAINER_ITEMS:
        raise _FaultError(f"more than {MAX_CONTAINER_ITEMS} items")


def _check_key(key: str) -> None:
    if not key:
        raise _FaultError("an empty key")
    # A character takes at most four bytes, so short keys need no encoding to be measured.
    if len(key) > MAX_KEY_BYTES // 4 and len(key.encode(errors="replace")) > MAX_KEY_BYTES:
        raise _FaultError(f"a key longer than {MAX_KEY_BYTES} bytes")


def _convert_link(value: dict[str, Any]) -> Cid:
    text = value["$link"]
    if len(value) != 1 or type(text) is not str:
        raise _FaultError("$link must hold a string and stand alone")
    try:
        return Cid.parse(text)
    except InvalidCidError as error:
        raise _FaultError(f"$link is not a CID: {error}") from error


def _convert_bytes(value: dict[str, Any]) -> bytes:
    text = value["$bytes"]
    if len(value) != 1 or type(text) is not str:
        raise _FaultError("$bytes must hold a string and stand alone")
    if not _BASE64.fullmatch(text):
        raise _FaultError("$bytes is not base64")
    digits = text.rstrip("=")
    if len(digits) % 4 == 1:
        raise _FaultError("$bytes is base64 of an impossible length")
    return base64.b64decode(digits + "=" * (-len(digits) % 4))


def _check_type(value: dict[str, Any]) -> None:
    kind = value["$type"]
    if type(kind) is not str or not kind:
        raise _FaultError("$type must be a string that is not empty")
    if kind == "blob":
        _check_blob(value)


def _check_blob(value: dict[str, Any]) -> None:
    if value.keys() != _BLOB_KEYS:
        raise _FaultError("a blob must hold $type, ref, mimeType and size alone")
    if type(value["ref"]) is not Cid:
        raise _FaultError("the ref of a blob must be a link")
    if type(value["mimeType"]) is not str or not value["mimeType"]:
        raise _FaultError("the mimeType of a blob must be a string that is not empty")
    if type(value["size"]) is not int or value["size"] < 0:
        raise _FaultError("the size of a blob must be an integer of at least 0")


_CONVERTERS: Final[dict[type, Callable[[Any, int], Any]]] = {
    str: _keep,
    bool: _keep,
    type(None): _keep,
    Cid: _keep,
    bytes: _keep,
    int: _convert_int,
    float: _convert_float,
    list: _convert_list,
    dict: _convert_object,
}


# --- the data model to JSON ---


def to_json(value: Any) -> Any:
    """Copy a data-model value into plain JSON values."""
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    return _plain(value) if isinstance(value, bytes) else value


def dumps(value: Any) -> str:
    """JSON text of a data-model value, without copying the tree first.

    Raises:
        TypeError: a type that JSON has no form for.
        ValueError: NaN or infinity.
    """
    return _ENCODER.encode(value)


def _plain(value: object) -> dict[str, str]:
    if isinstance(value, Cid):
        return {"$link": str(value)}
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode("ascii").rstrip("=")}
    raise TypeError(f"{type(value).__name__} has no JSON form")


_ENCODER: Final = json.JSONEncoder(
    ensure_ascii=False,
    check_circular=False,
    allow_nan=False,
    separators=(",", ":"),
    default=_plain,
)
