"""Content identifiers: make, parse, print.

A CID names a block by its hash. AT Protocol creates one form only, the *blessed* one: version 1,
codec dag-cbor (structured data) or raw (blobs), SHA-256. In binary it is 36 bytes: version, codec,
hash code, hash length, digest. Records may carry links of other forms; they are kept as they are.

Spec: https://atproto.com/specs/data-model#link-and-cid-formats
"""

from __future__ import annotations

import base64
import binascii
from hashlib import sha256
from typing import Final

from libipld import encode_cid as _encode_cid

from pds.atproto.crypto.did_key import base58_encode

DAG_CBOR: Final = 0x71
RAW: Final = 0x55
SHA_256: Final = 0x12
BLESSED_CBOR_PREFIX: Final = b"\x01\x71\x12\x20"
BLESSED_RAW_PREFIX: Final = b"\x01\x55\x12\x20"
BLESSED_PREFIXES: Final = frozenset((BLESSED_CBOR_PREFIX, BLESSED_RAW_PREFIX))
BLESSED_SIZE_BYTES: Final = 36
MAX_CID_BYTES: Final = 100

_BASE32: Final = frozenset("abcdefghijklmnopqrstuvwxyz234567")
_MAX_TEXT: Final = 1 + (MAX_CID_BYTES * 8 + 4) // 5


class InvalidCidError(ValueError):
    """Not a version 1 CID in the one accepted spelling."""


class Cid(bytes):
    """A CID in binary; as ``bytes`` it hashes, compares and sorts at C speed.

    Calling the class directly checks nothing: use it only on bytes known to be a CID.
    """

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Cid:
        """Read the base32 form (``bafy…``): lower case, unpadded, unused bits zero.

        Raises:
            InvalidCidError: another multibase, another spelling, or not a CID at all.
        """
        body = text[1:]
        if text[:1] != "b" or len(text) > _MAX_TEXT or not _BASE32.issuperset(body):
            raise InvalidCidError("a CID must be lower-case base32 and begin with 'b'")
        try:
            raw = base64.b32decode(body.upper() + "=" * (-len(body) % 8))
        except binascii.Error as error:
            raise InvalidCidError("the base32 text of a CID has an impossible length") from error
        cid = cls.from_bytes(raw)
        if str(cid) != text:
            raise InvalidCidError("the unused bits of a CID's last base32 digit must be zero")
        return cid

    @classmethod
    def from_bytes(cls, raw: bytes) -> Cid:
        """Check the structure of a whole binary CID.

        Raises:
            InvalidCidError: version 0, malformed, too long, or with bytes left over.
        """
        if len(raw) == BLESSED_SIZE_BYTES and raw[:4] in BLESSED_PREFIXES:
            return cls(raw)
        cid, end = read_cid(raw, 0)
        if end != len(raw):
            raise InvalidCidError("bytes left over after the CID")
        return cid

    @property
    def codec(self) -> int:
        """The multicodec of the content, ``DAG_CBOR`` or ``RAW`` for blessed CIDs."""
        return _read_varint(self, 1)[0]

    @property
    def is_blessed(self) -> bool:
        return len(self) == BLESSED_SIZE_BYTES and self[:4] in BLESSED_PREFIXES

    @property
    def hash_code(self) -> int:
        """The multihash code, ``SHA_256`` for blessed CIDs."""
        return _read_varint(self, _read_varint(self, 1)[1])[0]

    @property
    def digest(self) -> bytes:
        """The hash alone, without its code and length."""
        offset = 1
        for _ in ("codec", "hash code", "hash length"):
            _, offset = _read_varint(self, offset)
        return self[offset:]

    def __str__(self) -> str:
        # libipld spells the blessed form in 0.2 µs, the standard library in 3; a page of records
        # has a hundred of them. Other forms are rare and may be anything.
        if len(self) == BLESSED_SIZE_BYTES and self.startswith(b"\x01"):
            return _encode_cid(self)
        if not self.startswith(b"\x01"):
            return base58_encode(self)  # version 0, met in old records of others
        return "b" + base64.b32encode(self).decode("ascii").rstrip("=").lower()

    def __repr__(self) -> str:
        return f"Cid({str(self)!r})"


def cid_for_cbor(data: bytes) -> Cid:
    """The CID of a block of DAG-CBOR."""
    return Cid(BLESSED_CBOR_PREFIX + sha256(data).digest())


def cid_for_raw(data: bytes) -> Cid:
    """The CID of a blob."""
    return Cid(BLESSED_RAW_PREFIX + sha256(data).digest())


def cid_from_digest(codec: int, digest: bytes) -> Cid:
    """Build a blessed CID from a SHA-256 that was computed elsewhere, as while an upload streams.

    Raises:
        InvalidCidError: the codec is not a blessed one or the digest is not 32 bytes.
    """
    if codec not in (DAG_CBOR, RAW) or len(digest) != 32:
        raise InvalidCidError("a blessed CID has codec dag-cbor or raw and a digest of 32 bytes")
    return Cid(bytes((1, codec, SHA_256, 32)) + digest)


def read_cid(data: bytes, offset: int) -> tuple[Cid, int]:
    """Read the CID that begins at ``offset``; returns it and the offset after it.

    Raises:
        InvalidCidError: version 0, malformed, truncated, or longer than ``MAX_CID_BYTES``.
    """
    end = offset + BLESSED_SIZE_BYTES
    if data[offset : offset + 4] in BLESSED_PREFIXES and end <= len(data):
        return Cid(data[offset:end]), end
    if data[offset : offset + 1] != b"\x01":
        raise InvalidCidError("only CIDs of version 1 are supported")
    _, position = _read_varint(data, offset + 1)
    _, position = _read_varint(data, position)
    size, position = _read_varint(data, position)
    end = position + size
    if end > len(data):
        raise InvalidCidError("the CID is cut short")
    if end - offset > MAX_CID_BYTES:
        raise InvalidCidError(f"the CID is longer than {MAX_CID_BYTES} bytes")
    return Cid(data[offset:end]), end


def _read_varint(data: bytes, offset: int) -> tuple[int, int]:
    """Read an unsigned LEB128 number of at most nine bytes in its shortest form."""
    value = 0
    for index, byte in enumerate(data[offset : offset + 9]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            if byte == 0 and index > 0:
                raise InvalidCidError("a number in the CID is not in its shortest form")
            return value, offset + index + 1
    raise InvalidCidError("a number in the CID is cut short or too long")
