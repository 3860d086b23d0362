"""JSON in: strict, bounded, with data-model rules. JSON out: the canonical spelling of links."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pds.atproto import dag_cbor
from pds.atproto.cid import cid_for_cbor, cid_for_raw
from pds.atproto.dag_json import (
    MAX_CONTAINER_ITEMS,
    MAX_JSON_DEPTH,
    MAX_KEY_BYTES,
    InvalidDataError,
    InvalidJsonError,
    check_record,
    dumps,
    from_json,
    parse,
    to_json,
)
from tests.vectors import INTEROP, load_json

LINK = cid_for_raw(b"linked")
BLOB = {"$type": "blob", "ref": {"$link": str(LINK)}, "mimeType": "image/png", "size": 1}

keys = st.text(min_size=1).filter(lambda key: not key.startswith("$"))
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text()
    | st.binary(max_size=20)
    | st.just(LINK),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=20,
)


# --- fixtures ---


def test_fixtures_agree_in_json_cbor_and_cid() -> None:
    for case in load_json(INTEROP / "data-model" / "data-model-fixtures.json"):
        data = base64.b64decode(case["cbor_base64"] + "==")
        value = from_json(case["json"])

        assert dag_cbor.encode(value) == data
        assert str(cid_for_cbor(data)) == case["cid"]
        assert to_json(dag_cbor.decode(data)) == case["json"]
        assert dag_cbor.encode(from_json(to_json(dag_cbor.decode(data)))) == data


def test_valid_data_pass_without_a_schema() -> None:
    for case in load_json(INTEROP / "data-model" / "data-model-valid.json"):
        check_record(case["json"])


def test_invalid_data_are_refused_without_a_schema() -> None:
    for case in load_json(INTEROP / "data-model" / "data-model-invalid.json"):
        with pytest.raises(InvalidDataError):
            check_record(case["json"])


# --- bytes to JSON ---


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"{}", {}),
        (b' {"a": [1, 2.5, true, null, "x"]} \n', {"a": [1, 2.5, True, None, "x"]}),
        (b"9223372036854775807", 2**63 - 1),
        (b"-9223372036854775808", -(2**63)),
        (b"-0", 0),
        (b"1e3", 1000.0),
        (b'"\\ud83d\\ude00"', "😀"),
        (b'"\\uD83D\\uDE00 \\\\ud800"', "😀 \\ud800"),
        ('"\u2028ü"'.encode(), "\u2028ü"),
    ],
)
def test_json_is_parsed(body: bytes, value: Any) -> None:
    parsed = parse(body)

    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"[1,]",
        b'{"a":1,}',
        b"{'a':1}",
        b"{} {}",
        b"nul",
        b"01",
        b"+1",
        b".5",
        b"1.",
        b"// c\n1",
        b"NaN",
        b'{"a": NaN}',
        b"Infinity",
        b"[-Infinity]",
        b"1e999",
        b"-1e999",
        b"9223372036854775808",
        b"-9223372036854775809",
        b"1" + b"0" * 100_000,
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"c":2,"b":3}}',
        b'{"a":1,"\\u0061":2}',
        b'"\\ud800"',
        b'{"\\uDFFF":1}',
        b'["\\ude00\\ud83d"]',
        b'"\xed\xa0\x80"',
        b'"\xff"',
        b'"a\nb"',
        b"\xef\xbb\xbf{}",
        '{"a":1}'.encode("utf-16"),
        '{"a":1}'.encode("utf-32-le"),
    ],
)
def test_anything_but_plain_json_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidJsonError):
        parse(body)


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_nesting_is_limited(opening: bytes, closing: bytes) -> None:
    def nested(depth: int) -> bytes:
        return opening * depth + b"1" + closing * depth

    assert parse(nested(MAX_JSON_DEPTH)) == json.loads(nested(MAX_JSON_DEPTH))
    for depth in (MAX_JSON_DEPTH + 1, 900, 100_000):
        with pytest.raises(InvalidJsonError):
            parse(nested(depth))
    with pytest.raises(InvalidJsonError):
        parse(opening * 100_000)


def test_many_containers_side_by_side_are_not_deep() -> None:
    body = b"[" + b"[{}]," * 5000 + b'"["]'

    assert len(parse(body)) == 5001


# --- JSON to the data model ---


@settings(deadline=None, max_examples=100)
@given(values)
def test_data_survive_the_way_out_and_back(value: Any) -> None:
    text = dumps(value)

    assert json.loads(text) == to_json(value)
    assert from_json(parse(text.encode())) == value
    assert from_json(value) == value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (123.0, 123),
        (-0.0, 0),
        (2**53 - 1, 2**53 - 1),
        (-9007199254740991.0, -(2**53) + 1),
        (True, True),
        ({"$link": str(LINK)}, LINK),
        ({"$bytes": ""}, b""),
        ({"$bytes": "AQID"}, b"\x01\x02\x03"),
        ({"$bytes": "+/8"}, b"\xfb\xff"),
        ({"$bytes": "+/8="}, b"\xfb\xff"),
        ({"$bytes": "AQ=="}, b"\x01"),
        ({"$bytes": "AQ="}, b"\x01"),
        ({"$bytes": "123"}, b"\xd7\x6d"),
        ({"$unknown": 1}, {"$unknown": 1}),
        ({"a": [{"$type": "x", "b": BLOB}]}, {"a": [{"$type": "x", "b": BLOB | {"ref": LINK}}]}),
        ({"cid": "x", "mimeType": "y"}, {"cid": "x", "mimeType": "y"}),
        ({"size": 5.0, **BLOB}, BLOB | {"ref": LINK}),
    ],
)
def test_json_forms_become_values(value: Any, expected: Any) -> None:
    result = from_json(value)

    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (1.5, "only whole numbers"),
        (float("nan"), "only whole numbers"),
        (float("inf"), "only whole numbers"),
        (2**53, "an integer beyond"),
        ({"a": -(2**53)}, "a: an integer beyond"),
        ([1e300], "0: an integer beyond"),
        ({"a": {"b": [0, {"c": 0.5}]}}, "a.b.1.c: only whole numbers"),
        ({"a": {1, 2}}, "a: set is not"),
        ({"": 1}, "an empty key"),
        ({"a": {"": 1}}, "a.: an empty key"),
        ({"l": {"$link": 5}}, "l: $link must"),
        ({"l": {"$link": str(LINK), "x": 1}}, "l: $link must"),
        ({"l": {"$link": str(LINK).upper()}}, "l: $link is not a CID"),
        ({"b": {"$bytes": [1]}}, "b: $bytes must"),
        ({"b": {"$bytes": "AQID", "x": 1}}, "b: $bytes must"),
        ({"b": {"$bytes": "AQ-_"}}, "b: $bytes is not base64"),
        ({"b": {"$bytes": "AQ ID"}}, "b: $bytes is not base64"),
        ({"b": {"$bytes": "AQID\n"}}, "b: $bytes is not base64"),
        ({"b": {"$bytes": "AQ==AQ=="}}, "b: $bytes is not base64"),
        ({"b": {"$bytes": "===="}}, "b: $bytes is not base64"),
        ({"b": {"$bytes": "A"}}, "b: $bytes is base64 of an impossible length"),
        ({"t": {"$type": None}}, "t: $type must"),
        ({"t": {"$type": ""}}, "t: $type must"),
        ({"t": {"$type": 1}}, "t: $type must"),
        ({"b": BLOB | {"x": 1}}, "b: a blob must hold"),
        ({"b": {"$type": "blob"}}, "b: a blob must hold"),
        ({"b": BLOB | {"ref": str(LINK)}}, "b: the ref"),
        ({"b": BLOB | {"ref": {"$bytes": "AQID"}}}, "b: the ref"),
        ({"b": BLOB | {"mimeType": ""}}, "b: the mimeType"),
        ({"b": BLOB | {"mimeType": 1}}, "b: the mimeType"),
        ({"b": BLOB | {"size": "1"}}, "b: the size"),
        ({"b": BLOB | {"size": True}}, "b: the size"),
        ({"b": BLOB | {"size": -1}}, "b: the size"),
    ],
)
def test_a_fault_is_named_with_its_path(value: Any, message: str) -> None:
    with pytest.raises(InvalidDataError) as caught:
        from_json(value)
    assert str(caught.value).startswith(message)


def nested(depth: int) -> Any:
    value: Any = {}
    for _ in range(depth - 1):
        value = [value]
    return value


def test_data_nest_to_a_limit_that_may_be_set() -> None:
    assert from_json(nested(32)) == nested(32)
    assert from_json(nested(40), max_depth=40) == nested(40)
    for value, limit in ((nested(33), 32), (nested(41), 40), (nested(50_000), 32)):
        with pytest.raises(InvalidDataError, match="nested too deeply"):
            from_json(value, max_depth=limit)


def test_a_link_may_stand_below_the_deepest_container() -> None:
    assert from_json([{"$link": str(LINK)}], max_depth=1) == [LINK]


def test_containers_and_keys_are_limited() -> None:
    assert len(from_json([0] * MAX_CONTAINER_ITEMS)) == MAX_CONTAINER_ITEMS
    assert from_json({"ü" * (MAX_KEY_BYTES // 2): 1})
    for value in (
        [0] * (MAX_CONTAINER_ITEMS + 1),
        dict.fromkeys(map(str, range(MAX_CONTAINER_ITEMS + 1))),
        {"k" * (MAX_KEY_BYTES + 1): 1},
        {"ü" * (MAX_KEY_BYTES // 2 + 1): 1},
    ):
        with pytest.raises(InvalidDataError):
            from_json(value)


def test_converting_leaves_the_argument_alone() -> None:
    value = {"a": [{"b": BLOB, "n": 1.0}]}
    before = json.dumps(value)

    from_json(value)

    assert json.dumps(value) == before


@pytest.mark.parametrize(
    "value", [None, "x", 1, [], [{}], LINK, b"", {"$link": str(LINK)}, {"$bytes": "AQID"}]
)
def test_a_record_is_an_object(value: Any) -> None:
    with pytest.raises(InvalidDataError):
        check_record(value)


def test_a_record_may_be_in_either_form() -> None:
    check_record({"$type": "a.b.c", "link": {"$link": str(LINK)}, "blob": BLOB})
    check_record(from_json({"$type": "a.b.c", "link": {"$link": str(LINK)}, "blob": BLOB}))


# --- the data model to JSON ---


def test_links_and_bytes_are_written_in_their_json_forms() -> None:
    value = {"link": LINK, "bytes": [b"\x01", b"\xfb\xff\xfe"], "t": ("ü", 1)}
    expected = {
        "link": {"$link": str(LINK)},
        "bytes": [{"$bytes": "AQ"}, {"$bytes": "+//+"}],
        "t": ["ü", 1],
    }

    assert to_json(value) == expected
    assert dumps(value) == json.dumps(expected, ensure_ascii=False, separators=(",", ":"))


def test_other_types_and_nan_have_no_json_form() -> None:
    with pytest.raises(TypeError):
        dumps({"a": object()})
    with pytest.raises(ValueError, match="not JSON compliant"):
        dumps([float("nan")])
