"""The body of a request: is there one, of the right kind, not too large; undo its encodings.

The limit holds for what arrives and for what it unpacks to, so a small bomb stays small.
Spec: https://atproto.com/specs/xrpc#lexicon-http-endpoints
"""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Mapping
from typing import Any, BinaryIO

from pds.errors import InvalidRequestError, PayloadTooLargeError, UnsupportedMediaTypeError

MAX_ENCODINGS = 5
CHUNK_BYTES = 65_536
IN_MEMORY_BYTES = 1_000_000

TOO_LARGE = "request entity too large"

# What zlib must expect: 32 adds "gzip or zlib header, find out".
_WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}


def refuse_body(environ: Mapping[str, Any]) -> None:
    """For methods without input: an empty body is fine, any byte is not."""
    if environ.get("CONTENT_LENGTH", "0") not in ("", "0"):
        message = "A request body was provided when none was expected"
        raise InvalidRequestError(message)


def check_content_type(environ: Mapping[str, Any], expected: str) -> str:
    """The Content-Type as sent, when it fits the Lexicon's ``expected`` type.

    Raises:
        InvalidRequestError: there is no body, no type, or another type than expected.
    """
    if "CONTENT_LENGTH" not in environ:
        message = "A request body is expected but none was provided"
        raise InvalidRequestError(message)
    sent: str = environ.get("CONTENT_TYPE", "").strip()
    if not sent:
        message = "Request encoding (Content-Type) required but not provided"
        raise InvalidRequestError(message)
    essence = sent.partition(";")[0].strip().lower()
    if not _fits(essence, expected):
        message = f"Wrong request encoding (Content-Type): {essence[:100]}"
        raise InvalidRequestError(message)
    return sent


def _fits(essence: str, expected: str) -> bool:
    kind, slash, _ = essence.partition("/")
    if not (kind and slash):
        return False
    return expected in ("*/*", essence, f"{kind}/*")


def open_body(environ: Mapping[str, Any], limit_bytes: int) -> BinaryIO:
    """The decoded body from its start; the caller closes it.

    Raises:
        PayloadTooLargeError: it is larger than ``limit_bytes``, before or after decoding.
        UnsupportedMediaTypeError: an encoding this server does not know.
        InvalidRequestError: the body is not what its encoding says.
    """
    if int(environ["CONTENT_LENGTH"] or 0) > limit_bytes:
        raise PayloadTooLargeError(TOO_LARGE)
    body: BinaryIO = environ["wsgi.input"]
    for encoding in reversed(_encodings(environ.get("HTTP_CONTENT_ENCODING", ""))):
        body = _decompress(body, _WINDOW_BITS[encoding], limit_bytes)
    return body


def _encodings(header: str) -> list[str]:
    names = [name.strip().lower() for name in header.split(",")] if header else []
    names = [name for name in names if name not in ("", "identity")]
    if len(names) > MAX_ENCODINGS or any(name not in _WINDOW_BITS for name in names):
        message = "unsupported content-encoding"
        raise UnsupportedMediaTypeError(message)
    return names


def _decompress(packed: BinaryIO, window_bits: int, limit_bytes: int) -> BinaryIO:
    # The caller closes it; intermediate layers go when nothing refers to them any more.
    unpacked = tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115
    try:
        _unpack(packed, unpacked, window_bits, limit_bytes)
    except BaseException:
        unpacked.close()
        raise
    finally:
        packed.close()
    unpacked.seek(0)
    return unpacked  # type: ignore[return-value] # it has all that BinaryIO promises


def _unpack(packed: BinaryIO, unpacked: Any, window_bits: int, limit_bytes: int) -> None:
    """Copy ``packed`` decoded into ``unpacked``; several members in a row are one stream."""
    pending = packed.read(CHUNK_BYTES)
    if window_bits == 15 and pending and not _has_zlib_header(pending):
        window_bits = -15  # "deflate" without its wrapper, as many send it
    decoder = zlib.decompressobj(window_bits)
    room = limit_bytes
    while pending:
        if decoder.eof:
            decoder = zlib.decompressobj(window_bits)
        room -= unpacked.write(_inflate(decoder, pending))
        if room < 0:
            raise PayloadTooLargeError(TOO_LARGE)
        pending = decoder.unconsumed_tail or decoder.unused_data or packed.read(CHUNK_BYTES)
    room -= unpacked.write(decoder.flush())  # at most one match that did not fit before
    if not decoder.eof:
        message = "The encoded body is cut short"
        raise InvalidRequestError(message)
    if room < 0:
        raise PayloadTooLargeError(TOO_LARGE)


def _inflate(decoder: Any, data: bytes) -> bytes:
    try:
        part: bytes = decoder.decompress(data, CHUNK_BYTES)
    except zlib.error as error:
        message = "The body is not encoded as its content-encoding says"
        raise InvalidRequestError(message) from error
    return part


def _has_zlib_header(start: bytes) -> bool:
    return len(start) >= 2 and start[0] & 0x0F == 8 and (start[0] << 8 | start[1]) % 31 == 0
