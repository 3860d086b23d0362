"""What odd records of other servers may look like, and what nobody can make sense of."""

from __future__ import annotations

import random
import struct
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings

from pds.atproto import dag_cbor, dag_json, lenient_cbor
from pds.atproto.cid import Cid, cid_for_cbor
from pds.atproto.dag_cbor import DagCborError
from pds.atproto.stored_cbor import decode_stored
from tests.atproto.test_stored_cbor import values

# The CID of nothing at all, as the specification of CIDs spells it.
V0 = b"\x12\x20" + sha256().digest()
V0_TEXT = "QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n"


def nested(depth: int) -> bytes:
    """``depth`` containers around nothing, lists and maps in turn."""
    return b"".join(b"\x81" if level % 2 else b"\xa1aa" for level in range(depth - 1)) + b"\x80"


ODD: dict[str, tuple[bytes, Any]] = {
    "keys out of order": (b"\xa2ab\x01aa\x02", {"b": 1, "a": 2}),
    "half": (b"\x81\xf9\x3e\x00", [1.5]),
    "single": (b"\x81\xfa" + struct.pack(">f", -0.25), [-0.25]),
    "double": (b"\x81\xfb" + struct.pack(">d", 1e300), [1e300]),
    "largest": (b"\x1b" + b"\xff" * 8, 2**64 - 1),
    "smallest": (b"\x3b" + b"\xff" * 8, -(2**64)),
    "link of version 0": (b"\xd8\x2a\x58\x23\x00" + V0, Cid(V0)),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_values_are_read_here_and_where_they_are_stored(name: str) -> None:
    data, value = ODD[name]

    with pytest.raises(DagCborError):
        dag_cbor.decode(data)
    assert lenient_cbor.decode(data) == value == decode_stored(data)
    assert dag_json.dumps(value)


@settings(deadline=None, max_examples=200)
@given(values)
def test_reads_what_the_strict_codec_writes(value: Any) -> None:
    data = dag_cbor.encode(value)
    read = lenient_cbor.decode(data)

    assert read == value
    assert dag_json.dumps(read) == dag_json.dumps(dag_cbor.decode(data))


def test_link_of_version_0_has_its_usual_spelling() -> None:
    assert str(Cid(V0)) == V0_TEXT
    link = lenient_cbor.decode(ODD["link of version 0"][0])
    assert type(link) is Cid
    assert dag_json.dumps(link) == f'{{"$link":"{V0_TEXT}"}}'


def test_deepest_nesting_can_be_read_stored_and_shown() -> None:
    data = nested(lenient_cbor.MAX_DEPTH)
    value = lenient_cbor.decode(data)

    assert decode_stored(data) == value
    assert dag_json.dumps(value).count("[") == lenient_cbor.MAX_DEPTH // 2


@pytest.mark.parametrize("depth", [lenient_cbor.MAX_DEPTH + 1, 1_000, 500_000])
def test_deeper_nesting_is_refused_before_it_is_followed(depth: int) -> None:
    with pytest.raises(DagCborError, match="nested deeper than 300"):
        lenient_cbor.decode(nested(depth))


LINK = dag_cbor.encode(cid_for_cbor(b"\xa0"))


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"", "end inside"),
        (b"\xa1aa", "end inside"),
        (b"\x62a", "end inside"),
        (b"\x9b" + b"\xff" * 8, "end inside"),
        (b"\x5b" + b"\xff" * 8, "end inside"),
        (b"\xfb\x00", "end inside"),
        (b"\x80\x80", "go on after"),
        (b"\xa2aa\x01aa\x02", "doubled"),
        (b"\xa1\x01\x02", "not text"),
        (b"\xa1\x80\x02", "not text"),
        (b"\x61\xff", "UTF-8"),
        (b"\x9f\xff", "indefinite"),
        (b"\x18\x01", "shortest"),
        (b"\xf7", "simple value"),
        (b"\xf8\x20", "simple value"),
        (b"\xff", "simple value"),
        (b"\xf9\x7e\x00", "simple value"),
        (b"\xfb" + struct.pack(">d", float("inf")), "simple value"),
        (b"\xc1\x01", "no link"),
        (b"\xd8\x1c\x80", "no link"),
        (b"\xd8\x2a\x01", "no link"),
        (b"\xd8\x2a", "end inside"),
        (LINK.replace(b"\x58\x25\x00", b"\x58\x25\x01"), "zero byte"),
        (LINK[:-1], "not a CID|end inside"),
        (b"\xd8\x2a\x43\x00\x12\x20", "not a CID"),
    ],
)
def test_what_makes_no_sense_is_refused(data: bytes, match: str) -> None:
    with pytest.raises(DagCborError, match=match):
        lenient_cbor.decode(data)


def test_random_damage_ends_in_the_one_error() -> None:
    source = random.Random(7)
    whole = dag_cbor.encode({"a": [1, "two", b"3", None, {"b": cid_for_cbor(b"\xa0")}]})
    for _ in range(3_000):
        damaged = bytearray(whole)
        for _ in range(source.randrange(1, 4)):
            damaged[source.randrange(len(damaged))] = source.randrange(256)
        try:
            value = lenient_cbor.decode(bytes(damaged))
        except DagCborError:
            continue
        assert decode_stored(bytes(damaged)) == value
