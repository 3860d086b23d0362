"""What a handler returned → what goes over the wire."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from io import IOBase
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any, cast

from flask import Response
from werkzeug.wsgi import wrap_file

from pds.atproto import dag_json
from pds.services.upstream_reply import UpstreamReply
from pds.web import stored
from pds.xrpc.method import Body, NoBody, Reply, Stored

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

JSON = "application/json; charset=utf-8"

# Below, headers outweigh the gain; above, one reply would keep a processor busy for too long.
MIN_COMPRESSED_BYTES = 2_048
MAX_COMPRESSED_BYTES = 2_000_000


def build(environ: WSGIEnvironment, result: Reply) -> Response:
    """The response for a handler's result: nothing, JSON, or a body with its own type."""
    if result is None or isinstance(result, NoBody):
        response = Response(b"", 200, None if result is None else result.headers)
        del response.headers["Content-Type"]  # with one, the official client expects a body
        return response
    if isinstance(result, Body):
        return _from_body(environ, result)
    if isinstance(result, Stored):
        return stored.respond(environ, result)
    if isinstance(result, UpstreamReply):
        return _from_upstream(environ, result)
    return json_response(environ, dag_json.dumps(result).encode("utf-8"))


def json_response(environ: WSGIEnvironment, content: bytes) -> Response:
    """JSON, compressed where that is worth it. CAR files go out as they are: speed over size."""
    if len(content) < MIN_COMPRESSED_BYTES:
        return Response(content, 200, content_type=JSON)
    response = Response(b"", 200, content_type=JSON)
    response.headers["Vary"] = "Accept-Encoding"
    if len(content) <= MAX_COMPRESSED_BYTES and _accepts_gzip(environ):
        content = gzip.compress(content, 1, mtime=0)
        response.headers["Content-Encoding"] = "gzip"
    response.set_data(content)
    return response


def _accepts_gzip(environ: WSGIEnvironment) -> bool:
    for item in environ.get("HTTP_ACCEPT_ENCODING", "").split(","):
        name, _, weight = item.partition(";")
        if name.strip().lower() == "gzip":
            return weight.replace(" ", "").lower() not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _from_body(environ: WSGIEnvironment, body: Body) -> Response:
    """Files are handed to the server whole: a slow reader then holds no thread."""
    content = body.content
    if isinstance(content, bytes) and body.content_type == JSON:
        response = json_response(environ, content)
        response.headers.update(body.headers)
        return response
    response = Response(b"", 200, body.headers, content_type=body.content_type)
    if isinstance(content, bytes):
        response.set_data(content)
        return response
    if body.size_bytes is not None:
        response.content_length = body.size_bytes
    else:
        response.headers.pop("Content-Length")
    if environ["REQUEST_METHOD"] == "HEAD":
        _close(content)
    elif isinstance(content, IOBase | SpooledTemporaryFile):
        response.response = wrap_file(environ, cast("IO[bytes]", content), 65_536)
        response.direct_passthrough = True
    else:
        response.response = content
        response.direct_passthrough = True
    return response


def _from_upstream(environ: WSGIEnvironment, reply: UpstreamReply) -> Response:
    """Another service's reply, byte for byte. It must not become a page of this server's."""
    response = Response(status=reply.status, headers=reply.headers)
    if "content-type" not in reply.headers:
        del response.headers["Content-Type"]
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers.pop("Content-Length", None)
    if reply.size_bytes is not None:
        response.content_length = reply.size_bytes
    response.response = iter(()) if environ["REQUEST_METHOD"] == "HEAD" else reply.chunks()
    response.direct_passthrough = True
    response.call_on_close(reply.close)
    return response


def _close(content: Iterable[bytes] | Any) -> None:
    close = getattr(content, "close", None)
    if close is not None:
        close()
