"""Query strings against declared parameters."""

from __future__ import annotations

import pytest

from pds.atproto.lexicon.errors import InvalidValueError
from pds.atproto.lexicon.validate import Validator
from tests.atproto.lexicon.builders import (
    CID,
    DID,
    THING,
    validator_for,
)

PARAMETERS = {
    "type": "params",
    "required": ["did"],
    "properties": {
        "did": {"type": "string", "format": "did"},
        "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 50},
        "reverse": {"type": "boolean"},
        "cids": {"type": "array", "items": {"type": "string", "format": "cid"}, "maxLength": 2},
        "numbers": {"type": "array", "items": {"type": "integer"}},
    },
}


@pytest.fixture
def query() -> Validator:
    return validator_for(main={"type": "query", "parameters": PARAMETERS})


def test_parameters_are_typed_and_completed(query: Validator) -> None:
    pairs = {"did": [DID], "reverse": ["false"], "cids": [str(CID)], "numbers": ["-1", "2"]}

    typed = query.coerce_params(THING, pairs | {"unheard": ["of"]})

    assert typed == {
        "did": DID,
        "limit": 50,
        "reverse": False,
        "cids": [str(CID)],
        "numbers": [-1, 2],
    }


def test_empty_parameter_counts_as_absent(query: Validator) -> None:
    assert query.coerce_params(THING, {"did": ["", DID], "limit": [""], "reverse": [""]}) == {
        "did": DID,
        "limit": 50,
    }
    with pytest.raises(InvalidValueError, match=r"^did: is required$"):
        query.coerce_params(THING, {"did": [""]})


def test_bracketed_names_make_arrays_only(query: Validator) -> None:
    pairs = {"did": [DID], "numbers[]": ["1", "2"], "numbers[2]": ["3"], "limit[]": ["7"]}

    assert query.coerce_params(THING, pairs) == {"did": DID, "limit": 50, "numbers": [1, 2, 3]}


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ({}, "did: is required"),
        ({"did": ["alice"]}, "did: must be a DID"),
        ({"did": [DID, DID]}, "did: must be given only once"),
        ({"limit": ["0"]}, "limit: must not be less than 1"),
        ({"limit": ["101"]}, "limit: must not be greater than 100"),
        ({"limit": ["1.0"]}, "limit: must be an integer"),
        ({"limit": [" 1"]}, "limit: must be an integer"),
        ({"limit": ["+1"]}, "limit: must be an integer"),
        ({"limit": ["1_0"]}, "limit: must be an integer"),
        ({"limit": ["\u0661"]}, "limit: must be an integer"),
        ({"limit": ["9007199254740992"]}, "limit: must be an integer"),
        ({"limit": ["9" * 5000]}, "limit: must be an integer"),
        ({"reverse": ["1"]}, "reverse: must be true or false"),
        ({"reverse": ["True"]}, "reverse: must be true or false"),
        ({"cids": [str(CID), "x"]}, "cids/1: must be a CID"),
        ({"cids": [str(CID)] * 3}, "cids: must not have more than 2 items"),
        ({"numbers": ["1", "a"]}, "numbers: must be an integer"),
    ],
)
def test_parameter_that_does_not_fit_is_named(
    query: Validator, pairs: dict[str, list[str]], message: str
) -> None:
    given_did = {} if message == "did: is required" else {"did": [DID]}

    with pytest.raises(InvalidValueError) as caught:
        query.coerce_params(THING, given_did | pairs)

    assert str(caught.value) == message


def test_method_without_parameters_takes_any() -> None:
    assert validator_for(main={"type": "query"}).coerce_params(THING, {"a": ["1"]}) == {}
