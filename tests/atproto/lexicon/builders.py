"""Small Lexicons to test against."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pds.atproto.cid import cid_for_raw
from pds.atproto.lexicon.catalog import Catalog
from pds.atproto.lexicon.errors import InvalidValueError
from pds.atproto.lexicon.validate import Validator

CID = cid_for_raw(b"picture")
DID = "did:plc:z72i7hdynmk6r22z27h6tvur"
THING = "com.example.thing"


def validator_for(**defs: Any) -> Validator:
    """A validator that knows one document, ``THING``."""
    return Validator(Catalog({THING: {"lexicon": 1, "id": THING, "defs": defs}}))


def record_def(properties: Mapping[str, Any], **rest: Any) -> dict[str, Any]:
    key = rest.pop("key", "any")
    record = {"type": "object", "properties": properties, **rest}
    return {"type": "record", "key": key, "record": record}


def problem(validator: Validator, **fields: Any) -> str | None:
    """The message about a record with these fields, or None when it is fine."""
    try:
        validator.check_record(THING, {"$type": THING, **fields})
    except InvalidValueError as error:
        return str(error)
    return None


def field_problem(schema: dict[str, Any], value: Any) -> str | None:
    """The same about a record whose one field ``x`` has this schema."""
    return problem(validator_for(main=record_def({"x": schema})), x=value)


def blob(mime_type: str = "image/png", size: int = 10) -> dict[str, Any]:
    return {"$type": "blob", "ref": CID, "mimeType": mime_type, "size": size}
