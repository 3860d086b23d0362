"""Content identifiers: the one accepted spelling, and everything near it refused."""

from __future__ import annotations

import base64
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pds.atproto.cid import (
    DAG_CBOR,
    RAW,
    Cid,
    InvalidCidError,
    cid_for_cbor,
    cid_for_raw,
    cid_from_digest,
    read_cid,
)

EMPTY_RAW = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
EMPTY_MAP = "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua"
SHA_512_CID = b"\x01\x71\x13\x40" + bytes(64)
LARGE_CODEC_CID = b"\x01\x80\x02\x12\x20" + bytes(32)


def as_text(raw: bytes) -> str:
    return "b" + base64.b32encode(raw).decode().rstrip("=").lower()


def test_known_contents_get_their_known_cids() -> None:
    assert str(cid_for_raw(b"")) == EMPTY_RAW
    assert str(cid_for_cbor(b"\xa0")) == EMPTY_MAP


def test_a_parsed_cid_shows_its_parts() -> None:
    cid = Cid.parse(EMPTY_RAW)

    assert cid == cid_for_raw(b"")
    assert (cid.codec, cid.hash_code, cid.digest) == (RAW, 0x12, sha256(b"").digest())
    assert cid.is_blessed
    assert repr(cid) == f"Cid('{EMPTY_RAW}')"


@pytest.mark.parametrize("raw", [SHA_512_CID, LARGE_CODEC_CID, b"\x01\x55\x00\x00"])
def test_other_forms_of_version_1_are_kept_as_they_are(raw: bytes) -> None:
    cid = Cid.from_bytes(raw)

    assert cid == raw
    assert not cid.is_blessed
    assert Cid.parse(str(cid)) == raw


def test_parts_of_a_cid_with_numbers_of_several_bytes_are_found() -> None:
    cid = Cid.from_bytes(LARGE_CODEC_CID)

    assert (cid.codec, cid.hash_code, cid.digest) == (256, 0x12, bytes(32))


@settings(deadline=None, max_examples=50)
@given(st.binary(min_size=32, max_size=32), st.sampled_from([DAG_CBOR, RAW]))
def test_text_and_binary_forms_round_trip(digest: bytes, codec: int) -> None:
    cid = cid_from_digest(codec, digest)

    assert Cid.parse(str(cid)) == Cid.from_bytes(bytes(cid)) == cid
    assert len(str(cid)) == 59
    assert str(cid) == as_text(cid)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "b",
        "z" + EMPTY_RAW[1:],
        EMPTY_RAW.upper(),
        "B" + EMPTY_RAW[1:],
        EMPTY_RAW[:-1] + "U",
        EMPTY_RAW + "=",
        EMPTY_RAW + "\n",
        " " + EMPTY_RAW,
        EMPTY_RAW[1:],
        EMPTY_RAW[:-1],
        EMPTY_RAW + "a",
        EMPTY_RAW[:-1] + "v",
        EMPTY_RAW[:20] + "1" + EMPTY_RAW[21:],
        EMPTY_RAW[:20] + "ä" + EMPTY_RAW[21:],
        "ba",
        "b" + "a" * 200,
        "QmY7Yh4UquoXHLPFo2XbhXkhBvFoPwmQUSa92pxnxjQuPU",
    ],
)
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidCidError):
        Cid.parse(text)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x01",
        b"\x01\x71\x12\x20",
        b"\x00\x71\x12\x20" + bytes(32),
        b"\x02\x71\x12\x20" + bytes(32),
        b"\x12\x20" + bytes(32),
        b"\x01\x71\x12\x20" + bytes(31),
        b"\x01\x71\x12\x20" + bytes(33),
        b"\x01\x71\x13\x40" + bytes(63),
        b"\x01\x71\x13\x40" + bytes(65),
        b"\x01\xf1\x00\x12\x20" + bytes(32),
        b"\x01\x71\x92\x00\x20" + bytes(32),
        b"\x01" + b"\xff" * 35,
        b"\x01\x71\x12" + b"\xff" * 9 + b"\x01",
    ],
)
def test_malformed_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(InvalidCidError):
        Cid.from_bytes(raw)


def test_the_longest_allowed_cid_is_100_bytes() -> None:
    longest = b"\x01\x71\x12\x60" + bytes(96)

    assert Cid.parse(as_text(longest)) == longest
    with pytest.raises(InvalidCidError):
        Cid.from_bytes(b"\x01\x71\x12\x61" + bytes(97))


@pytest.mark.parametrize("raw", [cid_for_raw(b"x"), SHA_512_CID])
def test_a_cid_is_read_out_of_the_middle_of_data(raw: bytes) -> None:
    assert read_cid(b"ab" + raw + b"cd", 2) == (raw, 2 + len(raw))


@pytest.mark.parametrize("raw", [cid_for_raw(b"x"), SHA_512_CID])
def test_a_cid_cut_short_is_refused_at_every_length(raw: bytes) -> None:
    for size in range(len(raw)):
        with pytest.raises(InvalidCidError):
            read_cid(raw[:size], 0)


@pytest.mark.parametrize(("codec", "digest"), [(0x70, bytes(32)), (RAW, bytes(31))])
def test_only_blessed_cids_are_built_from_a_digest(codec: int, digest: bytes) -> None:
    with pytest.raises(InvalidCidError):
        cid_from_digest(codec, digest)


def test_cids_are_equal_and_sort_as_bytes() -> None:
    first, second = sorted([cid_for_cbor(b"\xa0"), cid_for_raw(b"")])

    assert bytes(first) < bytes(second)
    assert {first: 1}[Cid(bytes(first))] == 1


@given(st.binary(min_size=36, max_size=36))
def test_fast_spelling_of_the_blessed_size_is_the_standard_one(raw: bytes) -> None:
    for prefix in (b"\x01\x71\x12\x20", b"\x01\x55\x12\x20"):
        cid = Cid(prefix + raw[4:])
        assert str(cid) == as_text(cid)
