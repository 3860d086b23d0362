from __future__ import annotations

import gzip
import zlib

import pytest

from pds.errors import InvalidRequestError, NotAcceptableError
from pds.services.content_encodings import UndecodableError, acceptable, decode

PLAIN = b"a reply " * 100


def packed(content: bytes) -> bytes:
    """Without the time, which would give the tests another name every second."""
    return gzip.compress(content, mtime=0)


def raw_deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(content) + packer.flush()


@pytest.mark.parametrize(
    ("header", "plain", "compressed"),
    [
        (None, "identity", "identity;q=0.1"),
        ("", "identity", "identity;q=0.1"),
        ("gzip", "identity, gzip;q=0.3", "gzip, identity;q=0.1"),
        ("br", "identity", "identity;q=0.1"),
        (
            "gzip, deflate, br, zstd",
            "identity, gzip;q=0.3, deflate;q=0.2",
            "gzip, deflate;q=0.9, identity;q=0.1",
        ),
        ("*", "identity, gzip;q=0.3, deflate;q=0.2", "gzip, deflate;q=0.9, identity;q=0.1"),
        ("GZIP ; q=0.5,identity;Q=0", "gzip;q=0.3", "gzip"),
        ("*;q=0, deflate", "deflate;q=0.2", "deflate;q=0.9"),
    ],
)
def test_both_the_client_and_we_can_read_what_is_asked_for(
    header: str | None, plain: str, compressed: str
) -> None:
    assert acceptable(header, prefer_compressed=False) == plain
    assert acceptable(header, prefer_compressed=True) == compressed


@pytest.mark.parametrize("header", ["br, identity;q=0", "*;q=0", "identity;q=0.000"])
def test_a_client_that_takes_nothing_of_it_is_told(header: str) -> None:
    with pytest.raises(NotAcceptableError):
        acceptable(header, prefer_compressed=False)


@pytest.mark.parametrize(
    "header", ["gzip;q=2", "gzip;q=", "gz ip", "gzip;x=1", "gzip;q=0.1234", "ä", "x," * 60]
)
def test_a_malformed_header_is_refused(header: str) -> None:
    with pytest.raises(InvalidRequestError, match="accept-encoding"):
        acceptable(header, prefer_compressed=False)


@pytest.mark.parametrize(
    ("raw", "header"),
    [
        (PLAIN, ""),
        (PLAIN, "identity"),
        (packed(PLAIN), "gzip"),
        (packed(PLAIN[:300]) + packed(PLAIN[300:]), "X-Gzip"),
        (zlib.compress(PLAIN), "deflate"),
        (raw_deflate(PLAIN), "deflate"),
        (packed(zlib.compress(PLAIN)), "deflate, gzip"),
    ],
)
def test_encodings_are_undone(raw: bytes, header: str) -> None:
    assert decode(raw, header, 800) == PLAIN


@pytest.mark.parametrize(
    ("raw", "header"),
    [
        (b"x", "br"),
        (b"x", "gzip"),
        (packed(PLAIN)[:-9], "gzip"),
        (packed(PLAIN) + b"x", "gzip"),
        (packed(bytes(10_000_000)), "gzip"),
        (PLAIN, "gzip, gzip, gzip, gzip"),
    ],
)
def test_what_cannot_be_undone_is_said(raw: bytes, header: str) -> None:
    with pytest.raises(UndecodableError):
        decode(raw, header, 10_000)
