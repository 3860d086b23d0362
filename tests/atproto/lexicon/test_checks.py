"""Each type of schema against values that fit it and values that do not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pds.atproto.lexicon.errors import UnknownLexiconError
from pds.atproto.lexicon.strings import count_graphemes, size_bytes
from pds.atproto.lexicon.validate import Validator
from tests.atproto.lexicon.builders import (
    CID,
    THING,
    blob,
    field_problem,
    problem,
    record_def,
    validator_for,
)


@pytest.mark.parametrize(
    ("schema", "value", "message"),
    [
        ({"type": "boolean"}, 1, "must be true or false"),
        ({"type": "boolean", "const": True}, False, "must be true"),
        ({"type": "boolean", "const": False}, True, "must be false"),
        ({"type": "integer"}, True, "must be an integer"),
        ({"type": "integer", "enum": [1, 2]}, 3, "must be one of 1, 2"),
        ({"type": "integer", "const": 1}, True, "must be an integer"),
        ({"type": "integer", "const": 0}, 1, "must be 0"),
        ({"type": "integer", "minimum": 0}, -1, "must not be less than 0"),
        ({"type": "integer", "maximum": 0}, 1, "must not be greater than 0"),
        ({"type": "string", "const": "a"}, "b", "must be a"),
        ({"type": "string", "enum": ["a", "b"]}, "c", "must be one of a, b"),
        ({"type": "string", "minLength": 3}, "é", "must not be shorter than 3 bytes"),
        ({"type": "string", "maxLength": 3}, "éé", "must not be longer than 3 bytes"),
        ({"type": "string", "minGraphemes": 2}, "🏳️‍🌈", "must not be shorter than 2 graphemes"),
        ({"type": "string", "maxGraphemes": 2}, "abc", "must not be longer than 2 graphemes"),
        ({"type": "string", "format": "did"}, "did:", "must be a DID"),
        ({"type": "bytes"}, CID, "must be bytes"),
        ({"type": "bytes", "minLength": 2}, b"a", "must not be shorter than 2 bytes"),
        ({"type": "bytes", "maxLength": 2}, b"abc", "must not be longer than 2 bytes"),
        ({"type": "cid-link"}, bytes(CID), "must be a CID link"),
        ({"type": "cid-link"}, str(CID), "must be a CID link"),
        ({"type": "blob"}, {"cid": str(CID), "mimeType": "image/png"}, "must be a blob"),
        ({"type": "blob"}, blob(size=-1), "must be a blob"),
        ({"type": "blob"}, blob(mime_type=""), "must be a blob"),
        ({"type": "blob"}, blob() | {"ref": str(CID)}, "must be a blob"),
        ({"type": "blob"}, blob() | {"alt": "extra"}, "must be a blob"),
        ({"type": "array", "items": {"type": "integer"}}, (1,), "must be an array"),
        ({"type": "array", "items": {"type": "integer"}, "minLength": 1}, [], "fewer than 1 items"),
        (
            {"type": "array", "items": {"type": "integer"}, "maxLength": 1},
            [1, 2],
            "more than 1 items",
        ),
        ({"type": "object"}, [], "must be an object"),
        ({"type": "unknown"}, None, "must be an object"),
        ({"type": "unknown"}, CID, "must be an object"),
        ({"type": "unknown"}, b"", "must be an object"),
        ({"type": "unknown"}, blob(), "must be an object"),
        ({"type": "union", "refs": []}, [], "must be an object"),
    ],
)
def test_value_that_does_not_fit_is_named(schema: dict[str, Any], value: Any, message: str) -> None:
    found = field_problem(schema, value)

    assert found is not None
    assert found.startswith("record/x: ")
    assert message in found


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "boolean"}, False),
        ({"type": "integer", "enum": [1, 2], "minimum": 1, "maximum": 2}, 2),
        ({"type": "string", "maxLength": 4, "minLength": 4}, "éé"),
        ({"type": "string", "maxGraphemes": 2, "minGraphemes": 2}, "🏳️‍🌈🇩🇪"),
        ({"type": "string", "format": "x-future"}, "whatever"),
        ({"type": "string", "knownValues": ["a"]}, "b"),
        ({"type": "bytes", "minLength": 1, "maxLength": 1}, b"a"),
        ({"type": "cid-link"}, CID),
        ({"type": "blob"}, blob(size=0)),
        ({"type": "array", "items": {"type": "integer"}, "minLength": 1, "maxLength": 1}, [1]),
        ({"type": "unknown"}, {"$type": "com.example.other", "x": None}),
        ({"type": "union", "refs": []}, {"$type": "com.example.other"}),
    ],
)
def test_value_that_fits_passes(schema: dict[str, Any], value: Any) -> None:
    assert field_problem(schema, value) is None


@pytest.mark.parametrize(
    ("accept", "mime_type", "fits"),
    [
        (["image/png", "image/jpeg"], "image/jpeg", True),
        (["image/png", "image/jpeg"], "image/webp", False),
        (["image/*"], "image/webp", True),
        (["image/*"], "imagexwebp", False),
        (["video/*", "text/plain"], "text/html", False),
        (["*/*"], "font/woff", True),
        ([], "image/png", False),
    ],
)
def test_blob_type_is_held_against_accept(accept: list[str], mime_type: str, fits: bool) -> None:
    found = field_problem({"type": "blob", "accept": accept}, blob(mime_type))

    assert (found is None) == fits
    assert fits or (found or "").startswith("record/x/mimeType: must be of type")


def test_blob_size_is_held_against_max_size() -> None:
    schema = {"type": "blob", "maxSize": 10}

    assert field_problem(schema, blob(size=10)) is None
    assert field_problem(schema, blob(size=11)) == "record/x/size: must not be larger than 10 bytes"


def test_required_nullable_and_extra_properties() -> None:
    text = {"type": "string"}
    validator = validator_for(
        main=record_def({"a": text, "b": text}, required=["a"], nullable=["b"])
    )

    assert problem(validator, a="", b=None, extra=[1]) is None
    assert problem(validator, b="x") == "record/a: is required"
    assert problem(validator, a=None) == "record/a: must be a string"


def test_path_leads_through_arrays_and_references() -> None:
    validator = validator_for(
        main=record_def({"list": {"type": "array", "items": {"type": "ref", "ref": "#point"}}}),
        point={"type": "object", "properties": {"y": {"type": "integer"}}},
    )

    assert problem(validator, list=[{"y": 1}, {"y": "1"}]) == "record/list/1/y: must be an integer"


def test_schema_may_contain_itself() -> None:
    tree = {"type": "object", "properties": {"branch": {"type": "ref", "ref": "#tree"}}}
    validator = validator_for(
        main=record_def({"root": {"type": "ref", "ref": f"{THING}#tree"}}), tree=tree
    )

    assert problem(validator, root={"branch": {"branch": {}}}) is None
    assert (
        problem(validator, root={"branch": {"branch": 1}})
        == "record/root/branch/branch: must be an object"
    )


def test_reference_to_a_record_needs_its_type() -> None:
    validator = validator_for(
        main=record_def({"copy": {"type": "ref", "ref": THING}, "n": {"type": "integer"}})
    )

    assert problem(validator, copy={"$type": THING, "n": 1}) is None
    assert problem(validator, copy={"n": 1}) == f"record/copy/$type: must be {THING}"
    assert problem(validator, copy=3) == "record/copy: must be an object"


def test_reference_to_a_token_wants_its_name() -> None:
    validator = validator_for(
        main=record_def({"kind": {"type": "ref", "ref": "#red"}}), red={"type": "token"}
    )

    assert problem(validator, kind=f"{THING}#red") is None
    assert problem(validator, kind="#red") == f"record/kind: must be {THING}#red"


def test_reference_to_nothing_is_an_unknown_lexicon() -> None:
    validator = validator_for(main=record_def({"x": {"type": "ref", "ref": "com.example.gone#y"}}))

    with pytest.raises(UnknownLexiconError, match=r"com\.example\.gone#y"):
        validator.check_record(THING, {"$type": THING, "x": {}})


def union(**rest: Any) -> Validator:
    return validator_for(
        main=record_def({"x": {"type": "union", "refs": ["#a", "com.example.gone"], **rest}}),
        a={"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
    )


@pytest.mark.parametrize("closed", [True, False])
def test_union_member_is_checked(closed: bool) -> None:
    validator = union(closed=closed)

    assert problem(validator, x={"$type": f"{THING}#a", "n": 1}) is None
    assert problem(validator, x={"$type": f"{THING}#a"}) == "record/x/n: is required"
    assert problem(validator, x={"n": 1}) == "record/x/$type: is required"
    assert problem(validator, x={"$type": 7}) == "record/x/$type: is required"
    assert problem(validator, x={"$type": ""}) == "record/x/$type: is required"


def test_open_union_takes_what_it_does_not_know() -> None:
    assert problem(union(), x={"$type": "com.example.other"}) is None
    assert problem(union(), x={"$type": "com.example.gone", "n": "any"}) is None


def test_closed_union_refuses_what_it_does_not_know() -> None:
    found = problem(union(closed=True), x={"$type": "com.example.other"})

    assert found == f"record/x/$type: must be one of com.example.gone, {THING}#a"
    with pytest.raises(UnknownLexiconError):
        problem(union(closed=True), x={"$type": "com.example.gone"})


def test_type_never_carries_main() -> None:
    found = problem(union(), x={"$type": "com.example.other#main"})

    assert found == "record/x/$type: must not end in #main"


@given(st.text(max_size=40))
@settings(deadline=None, max_examples=60)
def test_string_measures_agree_with_the_plain_way(text: str) -> None:
    assert size_bytes(text) == len(text.encode())
    assert count_graphemes(text) <= len(text)
    assert count_graphemes(text + "\u2029") == count_graphemes(text) + 1
