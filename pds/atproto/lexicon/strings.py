"""Checks for strings: length, graphemes, listed values and formats.

Lengths are UTF-8 bytes; graphemes are extended grapheme clusters. Both are costly to count, so the
number of code points decides wherever it can: a code point is one to four bytes, and a cluster is
at least one code point.

Spec: https://atproto.com/specs/lexicon
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from pds.atproto.lexicon.errors import InvalidValueError
from pds.atproto.syntax.at_identifier import is_at_identifier
from pds.atproto.syntax.at_uri import is_at_uri
from pds.atproto.syntax.cid_string import is_cid_string
from pds.atproto.syntax.datetime import is_datetime
from pds.atproto.syntax.did import is_did
from pds.atproto.syntax.handle import is_handle
from pds.atproto.syntax.language import is_language
from pds.atproto.syntax.nsid import is_nsid
from pds.atproto.syntax.record_key import is_record_key
from pds.atproto.syntax.tid import is_tid
from pds.atproto.syntax.uri import is_uri

Check = Callable[[Any], None]


FORMATS: Mapping[str, tuple[Callable[[str], bool], str]] = {
    "at-identifier": (is_at_identifier, "must be a handle or a DID"),
    "at-uri": (is_at_uri, "must be an AT URI"),
    "cid": (is_cid_string, "must be a CID"),
    "datetime": (is_datetime, "must be a date and time such as 2024-01-31T12:00:00.000Z"),
    "did": (is_did, "must be a DID"),
    "handle": (is_handle, "must be a handle"),
    "language": (is_language, "must be a language tag such as en or pt-BR"),
    "nsid": (is_nsid, "must be an NSID"),
    "record-key": (is_record_key, "must be a record key"),
    "tid": (is_tid, "must be a TID"),
    "uri": (is_uri, "must be a URI"),
}


def compile_string(schema: Mapping[str, Any]) -> Check:
    """Return the check for one ``string`` schema; formats nobody knows are ignored."""
    tests: list[Check] = []
    if "minLength" in schema or "maxLength" in schema:
        tests.append(_length(schema.get("minLength", 0), schema.get("maxLength")))
    if "minGraphemes" in schema or "maxGraphemes" in schema:
        tests.append(_graphemes(schema.get("minGraphemes", 0), schema.get("maxGraphemes")))
    if "enum" in schema:
        tests.append(_listed(schema["enum"]))
    if "const" in schema:
        tests.append(_constant(schema["const"]))
    known_format = FORMATS.get(schema.get("format", ""))
    if known_format is not None:
        tests.append(_format(*known_format))
    return _all(tests)


def _all(tests: list[Check]) -> Check:
    if len(tests) == 1:
        only = tests[0]

        def check_one(value: Any) -> None:
            if not isinstance(value, str):
                raise InvalidValueError("must be a string")
            only(value)

        return check_one

    def check_each(value: Any) -> None:
        if not isinstance(value, str):
            raise InvalidValueError("must be a string")
        for test in tests:
            test(value)

    return check_each


def _length(low: int, high: int | None) -> Check:
    def check_length(value: str) -> None:
        characters = len(value)
        if characters < low and size_bytes(value) < low:
            raise InvalidValueError(f"must not be shorter than {low} bytes")
        if high is None or characters * 4 <= high:
            return
        if characters > high or size_bytes(value) > high:
            raise InvalidValueError(f"must not be longer than {high} bytes")

    return check_length


def _graphemes(low: int, high: int | None) -> Check:
    def check_graphemes(value: str) -> None:
        if low and (len(value) < low or count_graphemes(value) < low):
            raise InvalidValueError(f"must not be shorter than {low} graphemes")
        if high is not None and len(value) > high and count_graphemes(value) > high:
            raise InvalidValueError(f"must not be longer than {high} graphemes")

    return check_graphemes


def _listed(values: list[str]) -> Check:
    allowed = frozenset(values)
    reason = f"must be one of {', '.join(values)}"

    def check_listed(value: str) -> None:
        if value not in allowed:
            raise InvalidValueError(reason)

    return check_listed


def _constant(constant: str) -> Check:
    def check_constant(value: str) -> None:
        if value != constant:
            raise InvalidValueError(f"must be {constant}")

    return check_constant


def _format(matches: Callable[[str], bool], reason: str) -> Check:
    def check_format(value: str) -> None:
        if not matches(value):
            raise InvalidValueError(reason)

    return check_format


def size_bytes(text: str) -> int:
    """UTF-8 bytes of ``text``; a lone surrogate counts as the three bytes it would take."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def count_graphemes(text: str) -> int:
    """Extended grapheme clusters (UAX #29) in ``text``."""
    if text.isascii():
        return len(text) - text.count("\r\n")  # the only cluster of two that ASCII has
    return sum(1 for _ in _cluster_finder()(text))


@functools.cache
def _cluster_finder() -> Callable[[str], Any]:
    # Imported late: most strings are decided by their code points, and the import costs 8 ms.
    import regex

    finder: Callable[[str], Any] = regex.compile(r"\X").finditer
    return finder
