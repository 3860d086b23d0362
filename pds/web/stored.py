"""Stored bytes over HTTP: whole, a part of them, or the news that they are unchanged.

The server is handed a file that stands at the first byte wanted and the number of bytes to send, so
that a slow reader holds no thread, whatever part it asks for. Several ranges at once are answered
with the whole, as RFC 9110 §14.2 allows; video players and downloads that go on ask for one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response
from werkzeug.http import parse_etags, parse_range_header
from werkzeug.wsgi import wrap_file

from pds.errors import NAMES
from pds.web.errors import error_body
from pds.xrpc.method import Stored

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

BLOCK_BYTES = 65_536


def respond(environ: WSGIEnvironment, stored: Stored) -> Response:
    """The response to GET or HEAD for stored bytes. Opens them only when some have to be sent."""
    tag = f'"{stored.tag}"'
    response = Response(b"", 200, stored.headers, content_type=stored.content_type)
    response.headers["ETag"] = tag
    response.headers["Accept-Ranges"] = "bytes"
    if _is_unchanged(environ, stored.tag):
        del response.headers["Content-Type"]
        response.status_code = 304
        return response
    start, end = 0, stored.size_bytes
    if _wants_part(environ, tag):
        part = _part(environ["HTTP_RANGE"], stored.size_bytes)
        if part is not None:
            start, end = part
            if start >= stored.size_bytes:
                return _no_such_part(stored.size_bytes)
            response.status_code = 206
            response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{stored.size_bytes}"
    response.content_length = end - start
    if environ["REQUEST_METHOD"] == "GET" and end > start:
        file = stored.open(start, end - start)
        response.response = wrap_file(environ, file, BLOCK_BYTES)
        response.direct_passthrough = True
    return response


def _is_unchanged(environ: WSGIEnvironment, tag: str) -> bool:
    """Whether the client has these bytes already (RFC 9110 §13.1.2, weak comparison)."""
    return bool(parse_etags(environ.get("HTTP_IF_NONE_MATCH")).contains_weak(tag))


def _wants_part(environ: WSGIEnvironment, tag: str) -> bool:
    """Whether Range counts: with GET, and unless If-Range names other bytes (or a time)."""
    if environ["REQUEST_METHOD"] != "GET" or "HTTP_RANGE" not in environ:
        return False
    condition: str = environ.get("HTTP_IF_RANGE", tag)
    return condition.strip() == tag


def _part(header: str, size_bytes: int) -> tuple[int, int] | None:
    """(first byte, the one after the last); None when the whole is the answer."""
    wanted = parse_range_header(header)
    if wanted is None or wanted.units != "bytes" or len(wanted.ranges) != 1:
        return None
    start, end = wanted.ranges[0]
    if start < 0:
        start = max(0, size_bytes + start)
    return start, size_bytes if end is None else min(end, size_bytes)


def _no_such_part(size_bytes: int) -> Response:
    return Response(
        error_body(NAMES[416], f"There are only {size_bytes} bytes"),
        416,
        {"Content-Range": f"bytes */{size_bytes}"},
        content_type="application/json; charset=utf-8",
    )
