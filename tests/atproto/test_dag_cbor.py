"""The codec accepts exactly what it writes: canonical DAG-CBOR without floats."""

from __future__ import annotations

import base64
from typing import Any

import cbor2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pds.atproto import dag_cbor
from pds.atproto.cid import Cid, cid_for_cbor, cid_for_raw
from pds.atproto.dag_cbor import MAX_DEPTH, DagCborError, decode, decode_prefix, encode
from pds.atproto.syntax.did import Did
from tests.vectors import INTEROP, load_json

LINK = cid_for_raw(b"linked")
ODD_LINK = Cid(b"\x01\x71\x13\x40" + bytes(64))
LONG_KEY = "k" * 70

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text()
    | st.binary(max_size=40)
    | st.sampled_from([LINK, ODD_LINK])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=30) | st.dictionaries(st.text(), inner, max_size=30),
    max_leaves=30,
)


def same_types(left: Any, right: Any) -> bool:
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same_types(left[k], right[k]) for k in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same_types, left, right))
    return bool(left == right)


@pytest.mark.parametrize("index", range(3))
def test_interoperability_fixtures_agree_in_bytes_and_cid(index: int) -> None:
    case = load_json(INTEROP / "data-model" / "data-model-fixtures.json")[index]
    data = base64.b64decode(case["cbor_base64"] + "==")

    assert encode(decode(data)) == data
    assert str(cid_for_cbor(data)) == case["cid"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "00"),
        (23, "17"),
        (24, "1818"),
        (255, "18ff"),
        (256, "190100"),
        (65535, "19ffff"),
        (65536, "1a00010000"),
        (2**32 - 1, "1affffffff"),
        (2**32, "1b0000000100000000"),
        (2**53 - 1, "1b001fffffffffffff"),
        (2**63 - 1, "1b7fffffffffffffff"),
        (-1, "20"),
        (-24, "37"),
        (-25, "3818"),
        (-(2**63), "3b7fffffffffffffff"),
        (None, "f6"),
        (False, "f4"),
        (True, "f5"),
        ("", "60"),
        ("ü", "62c3bc"),
        (b"", "40"),
        (b"\x01", "4101"),
        ([], "80"),
        ({}, "a0"),
        ({"b": 1, "a": 2, "aa": 3, "": 0}, "a4600061610261620162616103"),
        ({"a": "x" * 24}, "a161617818" + "78" * 24),
        (LINK, "d82a582500" + LINK.hex()),
        (ODD_LINK, "d82a584500" + ODD_LINK.hex()),
    ],
)
def test_known_values_have_their_known_bytes(value: Any, expected: str) -> None:
    data = encode(value)

    assert data.hex() == expected
    assert same_types(decode(data), value)


@settings(deadline=None, max_examples=150)
@given(values)
def test_values_survive_the_round_trip_with_their_types(value: Any) -> None:
    assert same_types(decode(encode(value)), value)


def reference_decode(data: bytes) -> Any:
    """What the widely used decoder reads; links come back as tagged byte strings."""

    def unwrap(value: Any) -> Any:
        if isinstance(value, cbor2.CBORTag):
            return Cid(value.value[1:])
        if isinstance(value, dict):
            return {key: unwrap(item) for key, item in value.items()}
        return [unwrap(item) for item in value] if isinstance(value, list) else value

    return unwrap(cbor2.loads(data))


@settings(deadline=None, max_examples=100)
@given(values)
def test_what_is_written_reads_the_same_elsewhere(value: Any) -> None:
    assert same_types(reference_decode(encode(value)), value)


@settings(deadline=None, max_examples=100)
@given(values.filter(lambda value: not isinstance(value, Cid)))
def test_bytes_equal_those_of_another_canonical_encoder(value: Any) -> None:
    def wrap(item: Any) -> Any:
        if isinstance(item, Cid):
            return cbor2.CBORTag(42, b"\x00" + item)
        if isinstance(item, dict):
            return {key: wrap(inner) for key, inner in item.items()}
        return [wrap(inner) for inner in item] if isinstance(item, list) else item

    assert encode(value) == cbor2.dumps(wrap(value), canonical=True)


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=60))
@example(b"\xd8\x2a\x58\x25\x00\x01\x71\x12\x20" + bytes(32))
def test_whatever_decodes_encodes_to_the_same_bytes(data: bytes) -> None:
    try:
        value = decode(data)
    except DagCborError:
        return
    assert encode(value) == data
    assert same_types(reference_decode(data), value)


@settings(deadline=None, max_examples=200)
@given(values, st.data())
def test_a_changed_byte_is_refused_or_is_another_value(value: Any, draw: st.DataObject) -> None:
    data = bytearray(encode(value))
    index = draw.draw(st.integers(0, len(data) - 1))
    data[index] ^= draw.draw(st.integers(1, 255))

    try:
        changed = decode(bytes(data))
    except DagCborError:
        return
    assert encode(changed) == data
    assert not same_types(changed, value)


@settings(deadline=None, max_examples=50)
@given(values)
def test_every_truncation_and_extension_is_refused(value: Any) -> None:
    data = encode(value)

    for size in range(len(data)):
        with pytest.raises(DagCborError):
            decode(data[:size])
    with pytest.raises(DagCborError):
        decode(data + b"\x00")


@pytest.mark.parametrize(
    "hex_data",
    [
        "",
        # numbers and lengths that are not in their shortest form
        "1817",
        "1900ff",
        "1a0000ffff",
        "1b00000000ffffffff",
        "3817",
        "5800",
        "580161",
        "780161",
        "790001" + "61",
        "9800",
        "b800",
        "a1780161" + "00",
        "d9002a582500" + LINK.hex(),
        "d82a59002500" + LINK.hex(),
        # beyond signed 64 bits
        "1b8000000000000000",
        "3b8000000000000000",
        # indefinite and reserved heads
        "1c",
        "1f",
        "3c",
        "5f4161ff",
        "7f6161ff",
        "9fff",
        "bfff",
        "ff",
        "5c",
        # floats, other simple values
        "f90000",
        "fa00000000",
        "fb0000000000000000",
        "f7",
        "e0",
        "f0",
        "f814",
        "f820",
        "fc",
        # other tags
        "c000",
        "c11a00000000",
        "c249010000000000000000",
        "d81841f6",
        "d9d9f700",
        "d82b582500" + LINK.hex(),
        # links: not bytes, no leading zero, not a CID, version 0, one byte too many
        "d82a6100",
        "d82a00",
        "d82a40",
        "d82a4100",
        "d82a582501" + LINK.hex(),
        "d82a5824" + LINK.hex(),
        "d82a5823001220" + "00" * 32,
        "d82a582600" + LINK.hex() + "00",
        "d82a58250001711221" + "00" * 32,
        "d82a58250002711220" + "00" * 32,
        # map keys: not text, out of order, doubled
        "a10000",
        "a1410000",
        "a1f600",
        "a1a000",
        "a2616200616100",
        "a262616100616200",
        "a2616100616100",
        # text that is not UTF-8
        "61ff",
        "62c328",
        "63eda080",
        "6180",
        "a161ff00",
        "a16161" + "61ff",
        "a178" + "18" + "ff" * 24 + "00",
        # counts beyond the data
        "9bffffffffffffffff",
        "bbffffffffffffffff",
        "5bffffffffffffffff",
        "7bffffffffffffffff",
        "5b7fffffffffffffff00",
        "a17bffffffffffffffff00",
    ],
)
def test_bytes_that_would_not_be_written_are_refused(hex_data: str) -> None:
    with pytest.raises(DagCborError):
        decode(bytes.fromhex(hex_data))


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        float("nan"),
        [0.5],
        {"a": 1.5},
        2**63,
        -(2**63) - 1,
        {"a": 2**64},
        (1, 2),
        {1, 2},
        bytearray(b"x"),
        object(),
        {1: "x"},
        {b"a": "x"},
        {None: 1},
        "\ud800",
        {"a": "\udfff"},
        {"\ud800": 1},
        Ellipsis,
    ],
)
def test_values_without_a_canonical_form_are_refused(value: Any) -> None:
    with pytest.raises(DagCborError):
        encode(value)


def nested_lists(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


def nested_maps(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth - 1):
        value = {"a": value}
    return value


@pytest.mark.parametrize("build", [nested_lists, nested_maps])
def test_nesting_is_limited_in_both_directions(build: Any) -> None:
    deepest = encode(build(MAX_DEPTH))

    assert decode(deepest) == build(MAX_DEPTH)
    with pytest.raises(DagCborError):
        encode(build(MAX_DEPTH + 1))
    with pytest.raises(DagCborError):
        decode((b"\x81" if build is nested_lists else b"\xa1\x61a") + deepest)


def test_nesting_can_be_limited_further() -> None:
    assert encode(nested_lists(3), max_depth=3) == b"\x81\x81\x80"
    with pytest.raises(DagCborError, match="nested too deeply"):
        encode(nested_maps(4), max_depth=3)


@pytest.mark.parametrize("head", [b"\x81", b"\xa1\x61a", b"\xd8\x2a", b"\x9b" + b"\xff" * 8])
def test_hostile_nesting_is_refused_not_fatal(head: bytes) -> None:
    with pytest.raises(DagCborError):
        decode(head * 200_000)


def test_hostile_nesting_of_values_is_refused_not_fatal() -> None:
    with pytest.raises(DagCborError):
        encode(nested_lists(50_000))


def test_checked_text_types_are_written_as_text() -> None:
    did = Did("did:plc:abc")

    assert encode(did) == encode("did:plc:abc")
    assert encode({"did": did}) == encode({"did": "did:plc:abc"})
    assert encode([did]) == encode(["did:plc:abc"])
    assert encode({did: 1}) == encode({"did:plc:abc": 1})


def test_key_order_of_the_input_does_not_matter() -> None:
    keys = ["b", "a", "aa", "", LONG_KEY, "ü" * 40]

    assert encode(dict.fromkeys(keys)) == encode(dict.fromkeys(reversed(keys)))
    assert list(decode(encode(dict.fromkeys(keys)))) == ["", "a", "b", "aa", LONG_KEY, "ü" * 40]  # type: ignore[arg-type] # a map comes back


def test_maps_with_many_keys_round_trip() -> None:
    value = {f"key{number}": number for number in range(5000)}

    assert decode(encode(value)) == value


def test_items_in_a_row_are_read_one_after_the_other() -> None:
    data = b"??" + encode({"op": 1}) + encode(["x"])

    first, middle = decode_prefix(data, 2)
    second, end = decode_prefix(data, middle)

    assert (first, second, end) == ({"op": 1}, ["x"], len(data))
    with pytest.raises(DagCborError):
        decode_prefix(data, end)


def test_remembered_keys_are_bounded() -> None:
    for number in range(10_000):
        assert decode(encode({f"bounded-{number}": 0})) == {f"bounded-{number}": 0}

    assert len(dag_cbor._ENCODED_KEYS) <= dag_cbor._CACHED_KEYS
    assert len(dag_cbor._DECODED_KEYS) <= dag_cbor._CACHED_KEYS
