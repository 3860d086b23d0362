"""Rules for Lexicon documents, one broken at a time."""

from __future__ import annotations

from typing import Any

import pytest

from pds.atproto.lexicon.document import MAX_DEPTH, check_document
from pds.atproto.lexicon.errors import LexiconError


def document(**defs: Any) -> dict[str, Any]:
    return {"lexicon": 1, "id": "com.example.thing", "defs": defs}


def field(schema: Any) -> dict[str, Any]:
    return document(main={"type": "object", "properties": {"x": schema}})


@pytest.mark.parametrize(
    ("broken", "where"),
    [
        (None, "document"),
        ([], "document"),
        ({}, "lexicon"),
        ({"lexicon": True}, "lexicon"),
        ({"lexicon": 2}, "lexicon"),
        ({"lexicon": 1}, "id"),
        ({"lexicon": 1, "id": "com.example.thing"}, "defs"),
        (document(), "defs"),
        (document(**{"a b": {"type": "token"}}), "defs/a b"),
        (document(main=1), "defs/main"),
        (document(main={"type": "hologram"}), "defs/main"),
        (document(main={"type": ["record"]}), "defs/main"),
        (document(main={"type": "params"}), "defs/main"),
        (document(main={"type": "permission"}), "defs/main"),
        (document(other={"type": "query"}), "defs/other"),
        (document(main={"type": "record", "key": "uuid", "record": {}}), "defs/main"),
        (document(main={"type": "record", "key": "literal:a b", "record": {}}), "defs/main"),
        (document(main={"type": "record", "key": "tid"}), "defs/main"),
        (
            document(main={"type": "record", "key": "tid", "record": {"type": "string"}}),
            "defs/main",
        ),
        (document(main={"type": "query", "parameters": {"type": "object"}}), "defs/main"),
        (document(main={"type": "query", "output": []}), "defs/main/output"),
        (document(main={"type": "query", "output": {}}), "defs/main/output"),
        (
            document(
                main={"type": "query", "output": {"encoding": "a/b", "schema": {"type": "string"}}}
            ),
            "defs/main/output",
        ),
        (document(main={"type": "query", "errors": ["A"]}), "defs/main"),
        (document(main={"type": "subscription", "message": "m"}), "defs/main"),
        (
            document(main={"type": "subscription", "message": {"schema": {"type": "object"}}}),
            "defs/main/message",
        ),
        (document(main={"type": "permission-set"}), "defs/main"),
        (document(main={"type": "permission-set", "permissions": [{"type": "repo"}]}), "defs/main"),
        (document(main={"type": "object", "properties": []}), "defs/main"),
        (document(main={"type": "object", "properties": {}, "required": ["x"]}), "defs/main"),
        (document(main={"type": "object", "properties": {}, "nullable": ["x"]}), "defs/main"),
        (field("string"), "defs/main/x"),
        (field({"type": "boolean", "default": 1}), "defs/main/x"),
        (field({"type": "boolean", "default": True, "const": True}), "defs/main/x"),
        (field({"type": "integer", "minimum": 2, "maximum": 1}), "defs/main/x"),
        (field({"type": "integer", "enum": [True]}), "defs/main/x"),
        (field({"type": "string", "maxLength": -1}), "defs/main/x"),
        (field({"type": "string", "minGraphemes": 2, "maxGraphemes": 1}), "defs/main/x"),
        (field({"type": "string", "knownValues": [1]}), "defs/main/x"),
        (field({"type": "blob", "accept": ["image"]}), "defs/main/x"),
        (field({"type": "blob", "accept": ["*/png"]}), "defs/main/x"),
        (field({"type": "array"}), "defs/main/x"),
        (field({"type": "array", "items": {"type": "string", "format": 1}}), "defs/main/x/items"),
        (field({"type": "ref"}), "defs/main/x"),
        (field({"type": "ref", "ref": "nowhere"}), "defs/main/x"),
        (field({"type": "ref", "ref": "com.example.thing#"}), "defs/main/x"),
        (field({"type": "union", "refs": "#a"}), "defs/main/x"),
        (field({"type": "union", "refs": ["a b"]}), "defs/main/x"),
        (field({"type": "union", "refs": [], "closed": True}), "defs/main/x"),
    ],
)
def test_broken_rule_is_named_with_its_place(broken: Any, where: str) -> None:
    with pytest.raises(LexiconError) as caught:
        check_document(broken)

    assert str(caught.value).startswith(f"{where}: ")


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {}},
        {"type": "array", "items": {"type": "array", "items": {"type": "string"}}},
        {"type": "blob"},
    ],
)
def test_parameter_must_be_simple(schema: dict[str, Any]) -> None:
    main = {"type": "query", "parameters": {"type": "params", "properties": {"x": schema}}}

    with pytest.raises(LexiconError, match=r"^defs/main/parameters: x "):
        check_document(document(main=main))


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "ref", "ref": "#other"},
        {"type": "ref", "ref": "com.example.thing"},
        {"type": "ref", "ref": "com.example.thing#other"},
        {"type": "union", "refs": []},
        {"type": "blob", "accept": ["image/*", "*/*", "text/vtt"]},
        {"type": "object", "properties": {"y": {"type": "object"}}},
        {"type": "string", "format": "x-future", "unheard": "of"},
    ],
)
def test_unusual_but_legal_field_is_accepted(schema: dict[str, Any]) -> None:
    check_document(field(schema))


def test_nesting_has_an_end() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(MAX_DEPTH + 1):
        schema = {"type": "array", "items": schema}

    with pytest.raises(LexiconError, match=r"nested too deeply$"):
        check_document(field(schema))
    for _ in range(100_000):
        schema = {"type": "array", "items": schema}
    with pytest.raises(LexiconError, match=r"nested too deeply$"):
        check_document(field(schema))
