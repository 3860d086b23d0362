"""CAR files: round trips, and no block that is not what its CID says."""

from __future__ import annotations

import io
from hashlib import sha512

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pds.atproto import dag_cbor
from pds.atproto.car import (
    CarError,
    CarReader,
    encode_header,
    encode_section,
    read_car,
    stream_car,
    write_car,
)
from pds.atproto.cid import Cid, cid_for_cbor, cid_for_raw

DATA = b"\xa1\x61a\x01"
CID = cid_for_cbor(DATA)
HEADER = encode_header([CID])
# Valid SHA-256 CID of a codec that repositories do not create.
FOREIGN_CID = Cid(b"\x01\x70\x12\x20" + CID.digest)

block_lists = st.lists(st.binary(max_size=300).map(lambda data: (cid_for_raw(data), data)))


class TrickleStream(io.RawIOBase):
    """Gives a few bytes at a time, as sockets do."""

    def __init__(self, data: bytes) -> None:
        self._rest = data
        self.largest_request = 0

    def read(self, size: int = -1) -> bytes:
        self.largest_request = max(self.largest_request, size)
        part, self._rest = self._rest[:7], self._rest[7:]
        return part


def section_of(size: int) -> bytes:
    """The length of a section of ``size`` bytes, without the section."""
    return encode_section(b"", bytes(size))[:-size]


def test_a_file_with_one_root_begins_with_the_known_bytes() -> None:
    expected = "3aa265726f6f747381d82a58250001711220" + CID.digest.hex() + "6776657273696f6e01"

    assert HEADER.hex() == expected


@settings(deadline=None, max_examples=60)
@given(block_lists, st.lists(st.just(CID), max_size=3), st.integers(1, 600))
def test_files_round_trip_in_order(
    blocks: list[tuple[bytes, bytes]], roots: list[bytes], chunk_bytes: int
) -> None:
    data = write_car(roots, blocks)
    reader = CarReader(io.BytesIO(data))

    assert reader.roots == roots
    assert list(reader) == blocks
    assert read_car(data) == (roots, dict(blocks))
    chunks = list(stream_car(roots, blocks, chunk_bytes=chunk_bytes))
    assert b"".join(chunks) == data
    assert all(len(chunk) >= chunk_bytes for chunk in chunks[:-1])


def test_a_stream_that_ends_on_a_full_chunk_has_no_empty_one() -> None:
    assert list(stream_car([CID], [(CID, DATA)], chunk_bytes=1)) == [
        write_car([CID], [(CID, DATA)])
    ]


@pytest.mark.parametrize("size", [0, 1, 91, 92, 127, 16_000, 16_347, 16_348, 70_000, 2_000_000])
def test_blocks_of_every_size_class_round_trip(size: int) -> None:
    data = bytes(size)

    assert read_car(write_car([], [(cid_for_raw(data), data)])) == ([], {cid_for_raw(data): data})


def test_blocks_arrive_however_the_stream_is_cut() -> None:
    blocks = [(cid_for_raw(bytes([n]) * n), bytes([n]) * n) for n in range(200)]
    stream = TrickleStream(write_car([CID], blocks))

    assert list(CarReader(stream)) == blocks  # type: ignore[arg-type] # only read() is needed
    assert stream.largest_request == 65_536


def test_repeated_blocks_and_foreign_codecs_are_passed_on() -> None:
    blocks = [(CID, DATA), (FOREIGN_CID, DATA), (CID, DATA)]

    assert list(CarReader(io.BytesIO(write_car([CID], blocks)))) == blocks


def test_every_truncation_is_refused_but_at_the_end_of_a_block() -> None:
    data = write_car([CID], [(CID, DATA), (FOREIGN_CID, DATA), (cid_for_raw(b""), b"")])
    ends = {len(HEADER)}
    for cid, block in ((CID, DATA), (FOREIGN_CID, DATA), (cid_for_raw(b""), b"")):
        ends.add(max(ends) + len(encode_section(cid, block)))

    for size in range(len(data)):
        if size in ends:
            read_car(data[:size])
        else:
            with pytest.raises(CarError):
                read_car(data[:size])


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_a_changed_byte_is_refused_or_changes_a_root(draw: st.DataObject) -> None:
    original = write_car([CID], [(CID, DATA), (cid_for_raw(b"x" * 200), b"x" * 200)])
    data = bytearray(original)
    index = draw.draw(st.integers(0, len(data) - 1))
    data[index] ^= draw.draw(st.integers(1, 255))

    try:
        roots, blocks = read_car(bytes(data))
    except CarError:
        return
    # The root is a claim that only the reader of the repository can check; a codec is not hashed.
    assert (roots, blocks) != read_car(original)
    for cid, block in blocks.items():
        assert cid.digest == cid_for_raw(block).digest


def header_of(value: object) -> bytes:
    data = dag_cbor.encode(value)  # type: ignore[arg-type] # wrong on purpose
    return encode_section(b"", data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"\x80",
        b"\x01\xff",
        b"\xba\x00" + HEADER[1:],
        b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
        header_of([]),
        header_of({}),
        header_of({"roots": []}),
        header_of({"version": 1}),
        header_of({"version": 2, "roots": []}),
        header_of({"version": True, "roots": []}),
        header_of({"version": "1", "roots": []}),
        header_of({"version": 1, "roots": None}),
        header_of({"version": 1, "roots": ["bafy"]}),
        header_of({"version": 1, "roots": [bytes(CID)]}),
        header_of({"version": 1, "roots": [], "more": 1}),
        encode_section(b"", b"\xa2\x67version\x01\x65roots\x80"),
    ],
)
def test_malformed_headers_are_refused(data: bytes) -> None:
    with pytest.raises(CarError):
        CarReader(io.BytesIO(data))


@pytest.mark.parametrize(
    "section",
    [
        b"\x00",
        b"\x80\x00",
        b"\xa8\x00" + encode_section(CID, DATA)[1:],
        b"\xff" * 12,
        b"\x80",
        section_of(len(CID)),
        encode_section(CID, DATA + b"\x00"),
        encode_section(CID, b""),
        encode_section(FOREIGN_CID, b""),
        encode_section(CID[:-1], b""),
        encode_section(CID[:10], b""),
        encode_section(b"", b"\x01"),
        encode_section(CID[2:], DATA),
        encode_section(b"\x01\x71\x13\x40" + sha512(DATA).digest(), DATA),
        encode_section(b"\x01\x71\x00\x04", DATA),
        encode_section(b"\x01\x71\x12\x14" + CID.digest[:20], DATA),
    ],
)
def test_blocks_that_are_not_what_they_say_are_refused(section: bytes) -> None:
    reader = CarReader(io.BytesIO(HEADER + encode_section(CID, DATA) + section))
    blocks = iter(reader)

    assert next(blocks) == (CID, DATA)
    with pytest.raises(CarError):
        next(blocks)


@pytest.mark.parametrize("prefix", [CID[:4], FOREIGN_CID[:4]])
def test_blocks_above_the_limit_are_refused(prefix: bytes) -> None:
    def cid_of(data: bytes) -> bytes:
        return prefix + cid_for_raw(data).digest

    at_limit, above = bytes(100), bytes(101)

    fits = CarReader(io.BytesIO(write_car([], [(cid_of(at_limit), at_limit)])), max_block_bytes=100)
    assert [data for _, data in fits] == [at_limit]
    too_large = CarReader(io.BytesIO(write_car([], [(cid_of(above), above)])), max_block_bytes=100)
    with pytest.raises(CarError):
        list(too_large)


def test_a_huge_length_is_refused_before_its_block_is_read() -> None:
    stream = TrickleStream(HEADER + b"\xff\xff\xff\xff\x7f" + bytes(1000))
    reader = CarReader(stream)  # type: ignore[arg-type] # only read() is needed

    with pytest.raises(CarError):
        list(reader)
    assert stream.largest_request == 65_536


def test_headers_above_the_limit_are_refused() -> None:
    data = write_car([CID] * 10, [])

    assert len(CarReader(io.BytesIO(data)).roots) == 10
    with pytest.raises(CarError):
        CarReader(io.BytesIO(data), max_header_bytes=100)
