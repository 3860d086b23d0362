"""Records, parameters and bodies against small Lexicons and against the installed ones."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pds.atproto.lexicon.catalog import Catalog
from pds.atproto.lexicon.errors import InvalidValueError, UnknownLexiconError
from pds.atproto.lexicon.validate import Validator
from tests.atproto.lexicon.builders import (
    CID,
    THING,
    blob,
    field_problem,
    record_def,
    validator_for,
)


@pytest.fixture(scope="module")
def installed() -> Validator:
    return Validator(Catalog.installed())


def test_record_type_must_be_the_collection() -> None:
    validator = validator_for(main=record_def({}))

    for value in ({}, {"$type": "com.example.other"}, {"$type": f"{THING}#main"}):
        with pytest.raises(
            InvalidValueError, match=r"^record/\$type: must be com\.example\.thing$"
        ):
            validator.check_record(THING, value)
    with pytest.raises(InvalidValueError, match=r"^record: must be an object$"):
        validator.check_record(THING, [])


def test_only_records_can_be_checked_as_records() -> None:
    validator = validator_for(main={"type": "query"}, point={"type": "object"})

    for name in (THING, f"{THING}#point", f"{THING}#main", "com.example.other", "no nsid", ""):
        with pytest.raises(UnknownLexiconError):
            validator.check_record(name, {"$type": name})
        with pytest.raises(UnknownLexiconError):
            validator.check_record_key(name, "self")


def test_defaults_are_not_written_into_records() -> None:
    validator = validator_for(main=record_def({"n": {"type": "integer", "default": 5}}))
    value = {"$type": THING}

    validator.check_record(THING, value)

    assert value == {"$type": THING}


@pytest.mark.parametrize(
    ("kind", "rkey", "fits"),
    [
        ("tid", "3jzfcijpj2z2a", True),
        ("tid", "self", False),
        ("nsid", "com.example.thing", True),
        ("nsid", "self", False),
        ("literal:self", "self", True),
        ("literal:self", "other", False),
        ("any", "anything:goes", True),
        ("any", "..", False),
        ("any", "a/b", False),
    ],
)
def test_record_key_must_be_of_the_declared_kind(kind: str, rkey: str, fits: bool) -> None:
    validator = validator_for(main=record_def({}, key=kind))

    if fits:
        validator.check_record_key(THING, rkey)
    else:
        with pytest.raises(InvalidValueError, match=r"^rkey: must be"):
            validator.check_record_key(THING, rkey)


@pytest.fixture
def procedure() -> Validator:
    body = {
        "type": "object",
        "required": ["record"],
        "properties": {"record": {"type": "unknown"}, "n": {"type": "integer", "default": 1}},
    }
    main = {
        "type": "procedure",
        "input": {"encoding": "application/json", "schema": body},
        "output": {"encoding": "application/json", "schema": body},
        "errors": [{"name": "InvalidSwap"}, {"name": "Other"}],
    }
    return validator_for(main=main)


@pytest.fixture
def query() -> Validator:
    return validator_for(main={"type": "query"})


def test_body_is_checked_and_returned_as_it_is(procedure: Validator) -> None:
    body = {"record": {"text": "hi"}}

    assert procedure.check_input(THING, body) is body
    assert body == {"record": {"text": "hi"}}
    with pytest.raises(InvalidValueError, match=r"^input/record: is required$"):
        procedure.check_input(THING, {})
    with pytest.raises(InvalidValueError, match=r"^output/n: must be an integer$"):
        procedure.check_output(THING, {"record": {}, "n": "1"})


def test_body_without_schema_is_not_checked() -> None:
    main = {"type": "procedure", "input": {"encoding": "*/*"}}

    assert validator_for(main=main).check_input(THING, b"bytes") == b"bytes"
    validator_for(main=main).check_output(THING, None)


def test_method_describes_itself(procedure: Validator, query: Validator) -> None:
    assert procedure.method_type(THING) == "procedure"
    assert procedure.input_encoding(THING) == "application/json"
    assert query.method_type(THING) == "query"
    assert query.input_encoding(THING) is None


def test_unknown_method_is_named(query: Validator) -> None:
    assert query.method_type("com.example.gone") is None
    with pytest.raises(UnknownLexiconError, match=r"com\.example\.gone"):
        query.coerce_params("com.example.gone", {})
    with pytest.raises(UnknownLexiconError):
        query.check_input("com.example.gone", {})
    with pytest.raises(UnknownLexiconError):
        query.input_encoding("com.example.gone")


def test_type_from_the_future_is_an_unknown_lexicon() -> None:
    with pytest.raises(UnknownLexiconError, match="hologram"):
        field_problem({"type": "hologram"}, 1)


POST: dict[str, Any] = {
    "$type": "app.bsky.feed.post",
    "text": "hello",
    "createdAt": "2024-01-31T12:00:00.000Z",
    "langs": ["en"],
    "embed": {
        "$type": "app.bsky.embed.images",
        "images": [{"alt": "", "image": blob("image/webp", 2_000_000)}],
    },
    "facets": [
        {
            "index": {"byteStart": 0, "byteEnd": 5},
            "features": [{"$type": "app.bsky.richtext.facet#link", "uri": "https://example.com"}],
        }
    ],
}


def test_post_is_checked_to_the_bottom(installed: Validator) -> None:
    installed.check_record("app.bsky.feed.post", POST)
    installed.check_record_key("app.bsky.feed.post", "3jzfcijpj2z2a")

    changes: list[tuple[dict[str, Any], str]] = [
        ({"text": "a" * 301}, "record/text: must not be longer than 300 graphemes"),
        ({"text": "a" * 3001}, "record/text: must not be longer than 3000 bytes"),
        ({"langs": ["en", "x_"]}, "record/langs/1: must be a language tag such as en or pt-BR"),
        (
            {
                "embed": {
                    "$type": "app.bsky.embed.images",
                    "images": [{"alt": "", "image": blob("text/css")}],
                }
            },
            "record/embed/images/0/image/mimeType: must be of type image/*",
        ),
        (
            {"facets": [{"index": {"byteStart": -1, "byteEnd": 5}, "features": []}]},
            "record/facets/0/index/byteStart: must not be less than 0",
        ),
    ]
    for change, message in changes:
        with pytest.raises(InvalidValueError) as caught:
            installed.check_record("app.bsky.feed.post", POST | change)
        assert str(caught.value) == message


def test_graphemes_of_the_text_are_what_counts(installed: Validator) -> None:
    installed.check_record("app.bsky.feed.post", POST | {"text": "e\u0301" * 300})

    with pytest.raises(InvalidValueError, match="300 graphemes"):
        installed.check_record("app.bsky.feed.post", POST | {"text": "e\u0301" * 301})


def test_installed_methods_answer(installed: Validator) -> None:
    assert installed.method_type("com.atproto.sync.subscribeRepos") == "subscription"
    assert installed.input_encoding("com.atproto.repo.uploadBlob") == "*/*"
    assert installed.coerce_params("com.atproto.sync.listRepos", {"cursor": ["x"]}) == {
        "limit": 500,
        "cursor": "x",
    }
    assert installed.coerce_params("com.atproto.server.getAccountInviteCodes", {}) == {
        "includeUsed": True,
        "createAvailable": True,
    }


KEYS = st.sampled_from(["$type", "images", "root", "index", "features", "values"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.just(CID) | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS | st.text(), inner),
    max_leaves=8,
)


@given(field=st.sampled_from(["embed", "facets", "reply", "labels", "text", "langs"]), value=VALUES)
@settings(deadline=None, max_examples=100)
def test_hostile_value_passes_or_is_named(installed: Validator, field: str, value: Any) -> None:
    post = POST | {field: value}

    refusal = ""
    try:
        installed.check_record("app.bsky.feed.post", post)
    except InvalidValueError as error:
        refusal = str(error)

    assert refusal.startswith(f"record/{field}") or isinstance(value, str | list | dict)
