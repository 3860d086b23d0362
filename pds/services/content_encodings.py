"""``Content-Encoding`` of other servers' answers: which to ask for, and how to undo them.

Only for answers that this server reads itself; what is passed on keeps its encoding.
Spec: https://datatracker.ietf.org/doc/html/rfc9110#section-12.5.3
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from typing import Final

from pds.errors import InvalidRequestError, NotAcceptableError

IDENTITY: Final = "identity"
_PLAIN: Final[Mapping[str, float]] = {IDENTITY: 1.0, "gzip": 0.3, "deflate": 0.2}
_COMPRESSED: Final[Mapping[str, float]] = {"gzip": 1.0, "deflate": 0.9, IDENTITY: 0.1}
_MAX_STACKED: Final = 3
_MAX_ITEMS: Final = 50
_WINDOW_BITS: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_ITEM: Final = re.compile(
    r"([A-Za-z0-9!#$%&'*+.^_`|~-]+)(?:[ \t]*;[ \t]*[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?"
)


class UndecodableError(ValueError):
    """Not encoded as it says, in a way this server does not know, or too large."""


def acceptable(header: str | None, *, prefer_compressed: bool) -> str:
    """What to ask another server for, so that both the client and this server can read it.

    header: the client's Accept-Encoding.

    Raises:
        InvalidRequestError: it is malformed.
        NotAcceptableError: the client takes nothing that this server can read.
    """
    ours = _COMPRESSED if prefer_compressed else _PLAIN
    wanted = _parse(header)
    both = [
        (name, weight)
        for name, weight in ours.items()
        if wanted.get(name, wanted.get("*", 1.0 if name == IDENTITY else 0.0)) > 0
    ]
    if not both:
        raise NotAcceptableError
    return ", ".join(name if weight == 1.0 else f"{name};q={weight:g}" for name, weight in both)


def _parse(header: str | None) -> dict[str, float]:
    """Weights by coding in lower case; without a header only the identity is sure to be read."""
    wanted: dict[str, float] = {}
    items = [item.strip(" \t") for item in (header or "").split(",", _MAX_ITEMS)]
    for item in items:
        if not item:
            continue
        match = _ITEM.fullmatch(item)
        if match is None:
            message = "Malformed accept-encoding header"
            raise InvalidRequestError(message)
        wanted[match[1].lower()] = float(match[2] or 1)
    return wanted


def decode(raw: bytes, header: str, max_bytes: int) -> bytes:
    """``raw`` without the encodings that ``header`` (a Content-Encoding) names.

    Raises:
        UndecodableError
    """
    names = [name.strip().lower() for name in header.split(",")]
    names = [name for name in names if name not in ("", IDENTITY)]
    if len(names) > _MAX_STACKED:
        raise UndecodableError("encoded too often")
    for name in reversed(names):
        if name not in _WINDOW_BITS:
            raise UndecodableError("an unknown content-encoding")
        raw = _inflate(raw, _WINDOW_BITS[name], max_bytes)
    return raw


def _inflate(raw: bytes, window_bits: int, max_bytes: int) -> bytes:
    if window_bits == 15 and not _has_zlib_header(raw):
        window_bits = -15  # "deflate" without its wrapper, as many send it
    plain = bytearray()
    while raw:
        decoder = zlib.decompressobj(window_bits)
        try:
            plain += decoder.decompress(raw, max_bytes + 1 - len(plain))
        except zlib.error as error:
            raise UndecodableError("not encoded as it says") from error
        if len(plain) > max_bytes:
            raise UndecodableError("too large")
        if not decoder.eof:
            raise UndecodableError("cut short")
        raw = decoder.unused_data  # several members in a row are one body
    return bytes(plain)


def _has_zlib_header(start: bytes) -> bool:
    return len(start) >= 2 and start[0] & 0x0F == 8 and (start[0] << 8 | start[1]) % 31 == 0
