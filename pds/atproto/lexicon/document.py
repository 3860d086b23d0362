"""Is this a well-formed Lexicon document?

Spec: https://atproto.com/specs/lexicon. Inline objects inside properties are accepted: published
documents use them. What a description says, and fields nobody knows, are not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pds.atproto.lexicon.errors import LexiconError
from pds.atproto.syntax.nsid import is_nsid
from pds.atproto.syntax.record_key import is_record_key

# Foreign documents are checked recursively; nobody nests arrays and objects deeper than this.
MAX_DEPTH = 32

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,127}")
_MIME_PATTERN = re.compile(r"\*/\*|[A-Za-z0-9!#$&^_.+-]+/(?:\*|[A-Za-z0-9!#$&^_.+-]+)")
_PRIMARY = frozenset({"record", "query", "procedure", "subscription", "permission-set"})
_PARAMETER_TYPES = frozenset({"boolean", "integer", "string", "array"})

Schema = Mapping[str, Any]
FieldTest = Callable[[Any], bool]


def check_document(document: Any) -> None:
    """Check everything that can be checked without other documents.

    Raises:
        LexiconError: with the path of what is wrong, such as ``defs/main/record: …``.
    """
    _require(isinstance(document, dict), "document", "must be an object")
    _require(_is_int(document.get("lexicon")), "lexicon", "must be the number 1")
    _require(document["lexicon"] == 1, "lexicon", "must be the number 1")
    nsid = document.get("id")
    _require(isinstance(nsid, str) and is_nsid(nsid), "id", "must be an NSID")
    defs = document.get("defs")
    _require(isinstance(defs, dict) and bool(defs), "defs", "must hold at least one definition")
    for name, schema in defs.items():
        where = f"defs/{name}"
        _require(_is_name(name), where, "is not a usable name")
        _require(isinstance(schema, dict), where, "must be an object")
        kind = schema.get("type")
        _require(isinstance(kind, str), where, "has no type")
        if kind in _PRIMARY:
            _require(name == "main", where, f"a {kind} must be called main")
            _PRIMARY_CHECKS[kind](schema, where)
        else:
            allowed = kind not in ("ref", "union", "unknown", "params", "permission")
            _require(allowed, where, f"a {kind} needs something around it")
            _check_field(schema, where, 0)


def _require(condition: bool, where: str, rule: str) -> None:  # noqa: FBT001 (an assertion)
    if not condition:
        raise LexiconError(f"{where}: {rule}")


def _is_int(value: Any) -> bool:
    return type(value) is int


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


def _is_str(value: Any) -> bool:
    return isinstance(value, str)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _is_ints(value: Any) -> bool:
    return isinstance(value, list) and all(type(item) is int for item in value)


def _is_strs(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_mime_patterns(value: Any) -> bool:
    return _is_strs(value) and all(_MIME_PATTERN.fullmatch(item) for item in value)


def _is_reference(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    nsid, separator, name = value.partition("#")
    return (not nsid or is_nsid(nsid)) and (_is_name(name) if separator else bool(nsid))


# What each type may say about itself; a field that is absent is fine.
_FIELDS: dict[str, dict[str, FieldTest]] = {
    "boolean": {"default": _is_bool, "const": _is_bool},
    "integer": {
        "minimum": _is_int,
        "maximum": _is_int,
        "enum": _is_ints,
        "default": _is_int,
        "const": _is_int,
    },
    "string": {
        "format": _is_str,
        "minLength": _is_count,
        "maxLength": _is_count,
        "minGraphemes": _is_count,
        "maxGraphemes": _is_count,
        "knownValues": _is_strs,
        "enum": _is_strs,
        "default": _is_str,
        "const": _is_str,
    },
    "bytes": {"minLength": _is_count, "maxLength": _is_count},
    "cid-link": {},
    "blob": {"accept": _is_mime_patterns, "maxSize": _is_count},
    "array": {"minLength": _is_count, "maxLength": _is_count},
    "object": {"required": _is_strs, "nullable": _is_strs},
    "params": {"required": _is_strs},
    "token": {},
    "ref": {"ref": _is_reference},
    "union": {"closed": _is_bool},
    "unknown": {},
}
_RANGES = (
    ("minimum", "maximum"),
    ("minLength", "maxLength"),
    ("minGraphemes", "maxGraphemes"),
)


def _check_field(schema: Any, where: str, depth: int) -> None:
    """Check a schema that describes a value, and those inside it."""
    _require(depth <= MAX_DEPTH, where, "is nested too deeply")
    _require(isinstance(schema, dict), where, "must be an object")
    kind = schema.get("type")
    _require(isinstance(kind, str) and kind in _FIELDS, where, "has no type that is known")
    for name, test in _FIELDS[kind].items():
        _require(name not in schema or test(schema[name]), where, f"{name} is not as it should be")
    for low, high in _RANGES:
        empty = low in schema and high in schema and schema[low] > schema[high]
        _require(not empty, where, f"{low} is above {high}")
    both = "default" in schema and "const" in schema
    _require(not both, where, "default and const exclude each other")
    structural = _STRUCTURES.get(kind)
    if structural is not None:
        structural(schema, where, depth + 1)


def _check_array(schema: Schema, where: str, depth: int) -> None:
    _require("items" in schema, where, "an array must say what its items are")
    _check_field(schema["items"], f"{where}/items", depth)


def _check_object(schema: Schema, where: str, depth: int) -> None:
    properties = schema.get("properties", {})
    _require(isinstance(properties, dict), where, "properties must be an object")
    for name in (*schema.get("required", ()), *schema.get("nullable", ())):
        _require(name in properties, where, f"{name} is not among the properties")
    for name, field in properties.items():
        _check_field(field, f"{where}/{name}", depth)


def _check_params(schema: Schema, where: str, depth: int) -> None:
    _check_object(schema, where, depth)
    for name, field in schema.get("properties", {}).items():
        inner = field.get("items", {}) if field["type"] == "array" else field
        kinds = (field["type"], inner["type"])
        _require(kinds[0] in _PARAMETER_TYPES, where, f"{name} cannot be a parameter")
        repeated = field["type"] == "array" and kinds[1] == "array"
        _require(kinds[1] in _PARAMETER_TYPES and not repeated, where, f"{name} is too complex")


def _check_ref(schema: Schema, where: str, _depth: int) -> None:
    _require("ref" in schema, where, "must say what it refers to")


def _check_union(schema: Schema, where: str, _depth: int) -> None:
    refs = schema.get("refs")
    fine = isinstance(refs, list) and all(_is_reference(ref) for ref in refs)
    _require(fine, where, "refs must be a list of references")
    _require(bool(refs) or not schema.get("closed"), where, "an empty closed union fits nothing")


_STRUCTURES: dict[str, Callable[[Schema, str, int], None]] = {
    "array": _check_array,
    "object": _check_object,
    "params": _check_params,
    "ref": _check_ref,
    "union": _check_union,
}


def _check_record(schema: Schema, where: str) -> None:
    key = schema.get("key")
    literal = isinstance(key, str) and is_record_key(key.removeprefix("literal:"))
    fine = key in ("tid", "nsid", "any") or (literal and str(key).startswith("literal:"))
    _require(fine, where, "key must be tid, nsid, any or literal:…")
    record = schema.get("record")
    is_object = isinstance(record, dict) and record.get("type") == "object"
    _require(is_object, where, "record must be of type object")
    _check_field(record, f"{where}/record", 0)


def _check_method(schema: Schema, where: str) -> None:
    parameters = schema.get("parameters")
    if parameters is not None:
        is_params = isinstance(parameters, dict) and parameters.get("type") == "params"
        _require(is_params, where, "parameters must be of type params")
        _check_field(parameters, f"{where}/parameters", 0)
    for name in ("input", "output"):
        if name in schema:
            _check_body(schema[name], f"{where}/{name}")
    message = schema.get("message")
    if message is not None:
        _require(isinstance(message, dict), where, "message must be an object")
        _check_body_schema(message, f"{where}/message", ("union",))
    errors = schema.get("errors", [])
    named = isinstance(errors, list) and all(
        isinstance(error, dict) and _is_name(error.get("name")) for error in errors
    )
    _require(named, where, "errors must be a list of objects with names")


def _check_body(body: Any, where: str) -> None:
    _require(isinstance(body, dict), where, "must be an object")
    _require(_is_str(body.get("encoding")), where, "must name its encoding")
    _check_body_schema(body, where, ("object", "ref", "union"))


def _check_body_schema(body: Schema, where: str, kinds: tuple[str, ...]) -> None:
    if "schema" in body:
        schema = body["schema"]
        fine = isinstance(schema, dict) and schema.get("type") in kinds
        _require(fine, where, f"schema must be one of {', '.join(kinds)}")
        _check_field(schema, f"{where}/schema", 0)


def _check_permission_set(schema: Schema, where: str) -> None:
    """Permissions that make no sense are dropped when the set is used, not refused here."""
    permissions = schema.get("permissions")
    fine = isinstance(permissions, list) and all(
        isinstance(item, dict)
        and item.get("type") == "permission"
        and _is_str(item.get("resource"))
        for item in permissions
    )
    _require(fine, where, "permissions must be a list of permissions with resources")


_PRIMARY_CHECKS: dict[str, Callable[[Schema, str], None]] = {
    "record": _check_record,
    "query": _check_method,
    "procedure": _check_method,
    "subscription": _check_method,
    "permission-set": _check_permission_set,
}
