from __future__ import annotations

import gzip
import io
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pds.errors import InvalidRequestError, PayloadTooLargeError, PdsError
from pds.web import bodies
from tests.web.conftest import UPLOAD_LIMIT
from tests.web.harness import Running

UPLOAD = "/xrpc/test.web.uploadFile"


def raw_deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(content) + packer.flush()


def unpack(content: bytes, encoding: str, limit: int = 1_000_000) -> bytes:
    environ = {
        "CONTENT_LENGTH": str(len(content)),
        "HTTP_CONTENT_ENCODING": encoding,
        "wsgi.input": io.BytesIO(content),
    }
    with bodies.open_body(environ, limit) as body:
        return body.read()


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=2_000), st.integers(1, 400))
def test_every_encoding_is_undone(part: bytes, times: int) -> None:
    content = part * times

    assert unpack(gzip.compress(content), "gzip") == content
    assert unpack(gzip.compress(content), "x-gzip") == content
    assert unpack(zlib.compress(content), "deflate") == content
    assert unpack(raw_deflate(content), "Deflate") == content
    assert unpack(content, "identity") == content
    assert unpack(gzip.compress(zlib.compress(content)), "deflate, identity,gzip") == content
    assert unpack(gzip.compress(content) + gzip.compress(b"more"), "gzip") == content + b"more"


@pytest.mark.parametrize("encoding", ["br", "compress", "gzip, zstd", ",".join(["gzip"] * 6)])
def test_unknown_encoding_is_415(web: Running, encoding: str) -> None:
    answer = web.post(UPLOAD, b"x", Content_Type="a/b", Content_Encoding=encoding)

    assert answer.error == (415, "UnsupportedMediaType", "unsupported content-encoding")


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (b"plain text", "gzip"),
        (b"", "gzip"),
        (gzip.compress(b"x" * 1_000, mtime=0)[:-9], "gzip"),
        (gzip.compress(b"x" * 1_000, mtime=0) + b"junk", "gzip"),
        (b"plain text", "deflate"),
    ],
)
def test_wrongly_encoded_body_is_400(content: bytes, encoding: str) -> None:
    with pytest.raises(InvalidRequestError):
        unpack(content, encoding)


def test_limit_holds_for_the_decoded_body() -> None:
    assert len(unpack(gzip.compress(bytes(1_000)), "gzip", limit=1_000)) == 1_000
    with pytest.raises(PayloadTooLargeError):
        unpack(gzip.compress(bytes(1_001)), "gzip", limit=1_000)


def test_stacked_bomb_stops_at_the_limit() -> None:
    bomb = gzip.compress(gzip.compress(gzip.compress(bytes(50_000_000))))

    with pytest.raises(PdsError, match="too large"):
        unpack(bomb, "gzip, gzip, gzip", limit=100_000)


def test_declared_size_beyond_the_limit_is_413(web: Running) -> None:
    answer = web.post(UPLOAD, bytes(UPLOAD_LIMIT + 1), Content_Type="a/b")

    assert answer.error == (413, "PayloadTooLarge", "request entity too large")
    assert web.post(UPLOAD, bytes(UPLOAD_LIMIT), Content_Type="a/b").json["size"] == UPLOAD_LIMIT


def test_chunked_body_beyond_the_limit_is_413(web: Running) -> None:
    chunks = (bytes(50_000) for _ in range(20))

    answer = web.post(UPLOAD, chunks, Content_Type="a/b")

    assert answer.error == (413, "PayloadTooLarge", "request entity too large")


def test_large_refused_upload_can_still_be_sent_to_its_end(web: Running) -> None:
    answer = web.post(UPLOAD, bytes(5_000_000), Content_Type="a/b")

    assert answer.status == 413


def test_packed_body_beyond_the_limit_is_413_and_the_server_goes_on(web: Running) -> None:
    packed = gzip.compress(bytes(UPLOAD_LIMIT * 50))

    answer = web.post(UPLOAD, packed, Content_Type="a/b", Content_Encoding="gzip")

    assert answer.error[:2] == (413, "PayloadTooLarge")
    assert web.post(UPLOAD, b"ok", Content_Type="a/b").json["size"] == 2


def test_client_that_asks_before_sending_is_refused_before_sending(web: Running) -> None:
    head = (
        f"POST {UPLOAD} HTTP/1.1\r\nHost: a\r\nContent-Type: a/b\r\n"
        f"Content-Length: {UPLOAD_LIMIT + 1}\r\nExpect: 100-continue\r\n\r\n"
    )

    raw = web.exchange(head.encode())

    assert raw.startswith(b"HTTP/1.1 413 ")
    assert raw.endswith(b'{"error":"PayloadTooLarge","message":"request entity too large"}')


def test_json_limit_is_150_kib(web: Running) -> None:
    head, tail = b'{"text":"', b'"}'
    fill = 153_600 - len(head) - len(tail)

    fits = web.post(
        "/xrpc/test.web.putNote", head + b"a" * fill + tail, Content_Type="application/json"
    )
    too_large = web.post(
        "/xrpc/test.web.putNote", head + b"a" * (fill + 1) + tail, Content_Type="application/json"
    )

    assert (fits.status, too_large.status) == (200, 413)
