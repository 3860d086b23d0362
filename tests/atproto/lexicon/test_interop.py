"""The public Lexicon vectors: documents and records that must pass, and that must not."""

from __future__ import annotations

from typing import Any

import pytest

from pds.atproto.dag_json import InvalidDataError, from_json
from pds.atproto.lexicon.catalog import Catalog
from pds.atproto.lexicon.document import check_document
from pds.atproto.lexicon.errors import InvalidValueError, LexiconError
from pds.atproto.lexicon.validate import Validator
from tests.vectors import INTEROP, load_json

LEXICON = INTEROP / "lexicon"
RECORD = "example.lexicon.record"


def cases(name: str) -> list[Any]:
    """The cases of a vector file; one that skips where the vectors are not there."""
    path = LEXICON / name
    if not path.exists():
        return [pytest.param({}, marks=pytest.mark.skip(reason="public vectors not found"))]
    return [
        pytest.param(case, id=f"{number:02} {case['name']}")
        for number, case in enumerate(load_json(path))
    ]


@pytest.fixture
def validator() -> Validator:
    documents = [load_json(path) for path in sorted((LEXICON / "catalog").glob("*.json"))]
    return Validator(Catalog({document["id"]: document for document in documents}))


@pytest.mark.parametrize("case", cases("lexicon-valid.json"))
def test_valid_document_is_accepted(case: dict[str, Any]) -> None:
    check_document(case["lexicon"])


@pytest.mark.parametrize("case", cases("lexicon-invalid.json"))
def test_invalid_document_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(LexiconError):
        check_document(case["lexicon"])


def test_catalog_documents_are_accepted() -> None:
    documents = [load_json(path) for path in (LEXICON / "catalog").glob("*.json")]
    if not documents:
        pytest.skip("public vectors not found")

    for document in documents:
        Catalog.check_document(document)


@pytest.mark.parametrize("case", cases("record-data-valid.json"))
def test_valid_record_is_accepted(validator: Validator, case: dict[str, Any]) -> None:
    value = from_json(case["data"])

    validator.check_record(RECORD, value)
    validator.check_record_key(RECORD, case["rkey"])

    assert value == from_json(case["data"])


@pytest.mark.parametrize("case", cases("record-data-invalid.json"))
def test_invalid_record_is_refused(validator: Validator, case: dict[str, Any]) -> None:
    try:
        value = from_json(case["data"])
    except InvalidDataError:
        return  # not even data: refused before a schema is asked

    with pytest.raises(InvalidValueError, match=r"^record"):
        validator.check_record(RECORD, value)


@pytest.mark.parametrize(
    "case", [case for case in cases("record-data-invalid.json") if "unknown" in str(case.id)]
)
def test_unknown_is_refused_even_when_the_rest_is_fine(
    validator: Validator, case: dict[str, Any]
) -> None:
    value = from_json(case["data"] | {"integer": 1})

    with pytest.raises(InvalidValueError, match=r"^record/unknown: "):
        validator.check_record(RECORD, value)
