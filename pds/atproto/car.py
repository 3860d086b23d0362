"""CAR v1 files: a header with root CIDs, then blocks, each behind its length and its CID.

    varint(size) header   { varint(size of CID and data) CID data }*

Writing streams in batches; reading holds one block at a time and checks each against its CID.
Any order, repeated and unrelated blocks are allowed by the format and left to the caller.

Spec: https://atproto.com/specs/repository#car-file-serialization
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import BinaryIO, Final

from pds.atproto import dag_cbor
from pds.atproto.cid import (
    BLESSED_PREFIXES,
    BLESSED_SIZE_BYTES,
    MAX_CID_BYTES,
    SHA_256,
    Cid,
    InvalidCidError,
    read_cid,
)

DEFAULT_MAX_BLOCK_BYTES: Final = 2_000_000
DEFAULT_MAX_HEADER_BYTES: Final = 65_536

_READ_BYTES: Final = 65_536
# Seven bits each: up to 2^56, far above any limit on sizes.
_MAX_VARINT_BYTES: Final = 8


class CarError(ValueError):
    """Not a CAR file, cut short, above a limit, or with a block that is not what its CID says."""


def encode_header(roots: Sequence[bytes]) -> bytes:
    """The header with its length; ``roots`` are binary CIDs, none for a bag of blocks."""
    header = dag_cbor.encode({"roots": [Cid(root) for root in roots], "version": 1})
    return section_length(len(header)) + header


def encode_section(cid: bytes, data: bytes) -> bytes:
    """One block with its length and CID."""
    return section_length(len(cid) + len(data)) + cid + data


def write_car(roots: Sequence[bytes], blocks: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A whole file in memory; for small ones, such as the blocks of one commit."""
    parts = [encode_header(roots)]
    parts += [encode_section(cid, data) for cid, data in blocks]
    return b"".join(parts)


def stream_car(
    roots: Sequence[bytes],
    blocks: Iterable[tuple[bytes, bytes]],
    *,
    chunk_bytes: int = 65_536,
) -> Iterator[bytes]:
    """Yield a file in chunks of at least ``chunk_bytes``, but for the last."""
    buffer = bytearray(encode_header(roots))
    for cid, data in blocks:
        buffer += section_length(len(cid) + len(data))
        buffer += cid
        buffer += data
        if len(buffer) >= chunk_bytes:
            yield bytes(buffer)
            buffer.clear()
    if buffer:
        yield bytes(buffer)


class CarReader:
    """Reads a CAR stream: ``roots`` at once, then iterate once over ``(cid, data)``."""

    def __init__(
        self,
        stream: BinaryIO,
        *,
        max_block_bytes: int = DEFAULT_MAX_BLOCK_BYTES,
        max_header_bytes: int = DEFAULT_MAX_HEADER_BYTES,
    ) -> None:
        """Read the header; takes at most a buffer and a block of ``stream`` into memory.

        Raises:
            CarError: the header is malformed, cut short, or longer than ``max_header_bytes``.
        """
        self._stream = stream
        self._buffer = b""
        self._position = 0
        self._max_block_bytes = max_block_bytes
        self.roots: list[Cid] = self._read_roots(max_header_bytes)

    def __iter__(self) -> Iterator[tuple[Cid, bytes]]:
        """Yield each block once it matches its CID.

        Raises:
            CarError: cut short, oversize, a malformed length or CID, a hash other than SHA-256,
                or data that do not have the hash that the CID names.
        """
        max_section_bytes = self._max_block_bytes + MAX_CID_BYTES
        while self._fill(1):
            yield self._read_block(self._read_size(max_section_bytes))

    def _read_roots(self, max_header_bytes: int) -> list[Cid]:
        size = self._read_size(max_header_bytes)
        if not self._fill(size):
            raise CarError("the file is cut short")
        start = self._position
        self._position = start + size
        try:
            header = dag_cbor.decode(self._buffer[start : self._position])
        except dag_cbor.DagCborError as error:
            raise CarError(f"the header is not canonical CBOR: {error}") from error
        if not isinstance(header, dict) or header.keys() != {"roots", "version"}:
            raise CarError("the header must hold roots and version alone")
        roots = header["roots"]
        if header["version"] is True or header["version"] != 1:
            raise CarError("only CAR version 1 is supported")
        if not isinstance(roots, list) or not all(isinstance(root, Cid) for root in roots):
            raise CarError("the roots must be a list of links")
        return roots

    def _read_block(self, size: int) -> tuple[Cid, bytes]:
        if not self._fill(size):
            raise CarError("the file is cut short")
        start = self._position
        self._position = end = start + size
        buffer = self._buffer
        if size >= BLESSED_SIZE_BYTES and buffer[start : start + 4] in BLESSED_PREFIXES:
            data = buffer[start + BLESSED_SIZE_BYTES : end]
            cid = Cid(buffer[start : start + BLESSED_SIZE_BYTES])
            digest = cid[4:]
        else:
            cid, data = _split_section(buffer[start:end])
            digest = cid.digest
        if sha256(data).digest() != digest:
            raise CarError(f"a block does not match its CID {cid}")
        if len(data) > self._max_block_bytes:
            raise CarError(f"a block is larger than {self._max_block_bytes} bytes")
        return cid, data

    def _read_size(self, limit: int) -> int:
        """Read a varint; a size above ``limit`` is refused before anything of it is read."""
        start = self._position
        if len(self._buffer) - start < _MAX_VARINT_BYTES:
            self._fill(_MAX_VARINT_BYTES)
            start = self._position
        size = 0
        shift = 0
        for byte in self._buffer[start : start + _MAX_VARINT_BYTES]:
            start += 1
            if byte < 0x80:
                size |= byte << shift
                if byte == 0:
                    raise CarError("an empty section, or a length not in its shortest form")
                if size > limit:
                    raise CarError(f"a section of {size} bytes where {limit} is the limit")
                self._position = start
                return size
            size |= (byte & 0x7F) << shift
            shift += 7
        raise CarError("a length is cut short or too long")

    def _fill(self, size: int) -> bool:
        """Have ``size`` bytes in the buffer if the stream has them; says whether it has."""
        available = len(self._buffer) - self._position
        if available >= size:
            return True
        parts = [self._buffer[self._position :]]
        while available < size:
            part = self._stream.read(max(_READ_BYTES, size - available))
            if not part:
                break
            parts.append(part)
            available += len(part)
        self._buffer = b"".join(parts)
        self._position = 0
        return available >= size


def read_car(data: bytes) -> tuple[list[Cid], dict[Cid, bytes]]:
    """Read a whole file from memory into its roots and blocks.

    Raises:
        CarError: as ``CarReader``.
    """
    reader = CarReader(io.BytesIO(data))
    return reader.roots, dict(reader)


def _split_section(section: bytes) -> tuple[Cid, bytes]:
    """The CID, of any form that can be checked, and the data after it."""
    try:
        cid, start = read_cid(section, 0)
    except InvalidCidError as error:
        raise CarError(f"a block with a bad CID: {error}") from error
    if cid.hash_code != SHA_256:
        raise CarError("only blocks hashed with SHA-256 can be checked")
    return cid, section[start:]


@lru_cache(maxsize=4_096)
def section_length(size_bytes: int) -> bytes:
    """What comes before a section of ``size_bytes`` (CID and data): LEB128, the shortest form."""
    number = size_bytes
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
