"""Compile Lexicon schemas into closures that check values in data-model form.

A check takes a value and returns nothing or raises ``InvalidValueError``. References are looked up
when a value first needs them, so a schema pulls in only the documents its data touches, and schemas
that contain themselves need no special care.

Tricky bits: ``bool`` is an ``int`` and ``Cid`` is ``bytes`` to ``isinstance``, hence exact types;
``1 == True``, hence the type before const and enum. Links and bytes are no maps in this form, so
``unknown`` only has blobs left to refuse.

Spec: https://atproto.com/specs/lexicon
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from pds.atproto.cid import Cid
from pds.atproto.lexicon.errors import InvalidValueError, UnknownLexiconError
from pds.atproto.lexicon.strings import Check, compile_string

Schema = Mapping[str, Any]

_BLOB_KEYS = frozenset({"$type", "ref", "mimeType", "size"})


class Documents(Protocol):
    """Where schemas come from; ``Catalog`` in the program."""

    def find(self, nsid: str) -> dict[str, Any] | None: ...


def full_name(nsid: str, reference: str) -> str:
    """The one spelling of a reference used inside ``nsid``: absolute, and without ``#main``."""
    absolute = nsid + reference if reference.startswith("#") else reference
    return absolute.removesuffix("#main")


class Compiler:
    """Makes checks from schemas and keeps those of named definitions."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._named: dict[str, Check] = {}

    def find_definition(self, name: str) -> Schema | None:
        """The definition ``nsid`` or ``nsid#name`` as it stands in its document."""
        nsid, _, fragment = name.partition("#")
        document = self._documents.find(nsid)
        definition = document["defs"].get(fragment or "main") if document else None
        return definition if isinstance(definition, dict) else None

    def named(self, name: str) -> Check:
        """The check of a definition by its full name.

        Raises:
            UnknownLexiconError: no such definition, or none that describes a value.
        """
        check = self._named.get(name)
        if check is None:
            definition = self.find_definition(name)
            if definition is None:
                raise UnknownLexiconError(f"no lexicon defines {name}")
            check = self._named[name] = self._compile_definition(name, definition)
        return check

    def compile(self, nsid: str, schema: Schema) -> Check:
        """The check of a schema written inside the document ``nsid``."""
        build = _BUILDERS.get(schema.get("type", ""))
        if build is None:
            raise UnknownLexiconError(f"{nsid} uses the type {schema.get('type')}, not known here")
        return build(self, nsid, schema)

    def _compile_definition(self, name: str, definition: Schema) -> Check:
        nsid = name.partition("#")[0]
        kind = definition.get("type")
        if kind == "record":
            return _typed(name, self.compile(nsid, definition["record"]))
        if kind == "token":
            return _token(name)
        return self.compile(nsid, definition)


def _typed(name: str, check: Check) -> Check:
    def check_typed(value: Any) -> None:
        if not isinstance(value, dict):
            raise InvalidValueError("must be an object")
        if value.get("$type") != name:
            raise InvalidValueError(f"must be {name}", "$type")
        check(value)

    return check_typed


def _token(name: str) -> Check:
    def check_token(value: Any) -> None:
        if value != name:
            raise InvalidValueError(f"must be {name}")

    return check_token


def _boolean(_compiler: Compiler, _nsid: str, schema: Schema) -> Check:
    constant = schema.get("const")

    def check_boolean(value: Any) -> None:
        if value is not True and value is not False:
            raise InvalidValueError("must be true or false")
        if constant is not None and value is not constant:
            raise InvalidValueError(f"must be {'true' if constant else 'false'}")

    return check_boolean


def _integer(_compiler: Compiler, _nsid: str, schema: Schema) -> Check:
    low, high = schema.get("minimum"), schema.get("maximum")
    allowed, constant = schema.get("enum"), schema.get("const")

    def check_integer(value: Any) -> None:
        if type(value) is not int:
            raise InvalidValueError("must be an integer")
        if low is not None and value < low:
            raise InvalidValueError(f"must not be less than {low}")
        if high is not None and value > high:
            raise InvalidValueError(f"must not be greater than {high}")
        if allowed is not None and value not in allowed:
            raise InvalidValueError(f"must be one of {', '.join(map(str, allowed))}")
        if constant is not None and value != constant:
            raise InvalidValueError(f"must be {constant}")

    return check_integer


def _string(_compiler: Compiler, _nsid: str, schema: Schema) -> Check:
    return compile_string(schema)


def _bytes(_compiler: Compiler, _nsid: str, schema: Schema) -> Check:
    low, high = schema.get("minLength", 0), schema.get("maxLength")

    def check_bytes(value: Any) -> None:
        if type(value) is not bytes:
            raise InvalidValueError("must be bytes")
        if len(value) < low:
            raise InvalidValueError(f"must not be shorter than {low} bytes")
        if high is not None and len(value) > high:
            raise InvalidValueError(f"must not be longer than {high} bytes")

    return check_bytes


def _cid_link(_compiler: Compiler, _nsid: str, _schema: Schema) -> Check:
    def check_cid_link(value: Any) -> None:
        if type(value) is not Cid:
            raise InvalidValueError("must be a CID link")

    return check_cid_link


def _blob(_compiler: Compiler, _nsid: str, schema: Schema) -> Check:
    """Whether the bytes exist, and what codec their CID has, is for the writer to check."""
    accept, max_size = schema.get("accept"), schema.get("maxSize")
    types = frozenset(accept or ())
    # "image/*" → "image/": then one startswith() answers for all the families.
    families = tuple(pattern[:-1] for pattern in types if pattern.endswith("/*"))
    anything = accept is None or "*/*" in types

    def check_blob(value: Any) -> None:
        if not _is_blob(value):
            raise InvalidValueError("must be a blob")
        mime_type = value["mimeType"]
        if not (anything or mime_type in types or mime_type.startswith(families)):
            raise InvalidValueError(f"must be of type {' or '.join(accept or ())}", "mimeType")
        if max_size is not None and value["size"] > max_size:
            raise InvalidValueError(f"must not be larger than {max_size} bytes", "size")

    return check_blob


def _is_blob(value: Any) -> bool:
    if not isinstance(value, dict) or value.keys() != _BLOB_KEYS or value["$type"] != "blob":
        return False
    mime_type, size = value["mimeType"], value["size"]
    named = isinstance(mime_type, str) and mime_type != ""
    return type(value["ref"]) is Cid and named and type(size) is int and size >= 0


def _array(compiler: Compiler, nsid: str, schema: Schema) -> Check:
    check = compiler.compile(nsid, schema["items"])
    low, high = schema.get("minLength", 0), schema.get("maxLength")

    def check_array(value: Any) -> None:
        if not isinstance(value, list):
            raise InvalidValueError("must be an array")
        if len(value) < low:
            raise InvalidValueError(f"must not have fewer than {low} items")
        if high is not None and len(value) > high:
            raise InvalidValueError(f"must not have more than {high} items")
        index = 0
        try:
            for index, item in enumerate(value):  # noqa: B007 (the handler reads it)
                check(item)
        except InvalidValueError as error:
            error.within(str(index))
            raise

    return check_array


def _object(compiler: Compiler, nsid: str, schema: Schema) -> Check:
    properties = schema.get("properties", {})
    checks = {name: compiler.compile(nsid, field) for name, field in properties.items()}
    required = tuple(schema.get("required", ()))
    nullable = frozenset(schema.get("nullable", ()))

    def check_object(value: Any) -> None:
        if not isinstance(value, dict):
            raise InvalidValueError("must be an object")
        for name in required:
            if name not in value:
                raise InvalidValueError("is required", name)
        name = ""
        try:
            for name, item in value.items():
                check = checks.get(name)
                if check is not None and not (item is None and name in nullable):
                    check(item)
        except InvalidValueError as error:
            error.within(name)
            raise

    return check_object


def _ref(compiler: Compiler, nsid: str, schema: Schema) -> Check:
    name = full_name(nsid, schema["ref"])
    named = compiler.named

    def check_ref(value: Any) -> None:
        named(name)(value)

    return check_ref


def _union(compiler: Compiler, nsid: str, schema: Schema) -> Check:
    names = frozenset(full_name(nsid, ref) for ref in schema["refs"])
    closed = schema.get("closed", False)
    named, find_definition = compiler.named, compiler.find_definition

    def check_union(value: Any) -> None:
        if not isinstance(value, dict):
            raise InvalidValueError("must be an object")
        name = value.get("$type")
        if not isinstance(name, str) or not name:
            raise InvalidValueError("is required", "$type")
        if name.endswith("#main"):
            raise InvalidValueError("must not end in #main", "$type")
        if name not in names:
            if closed:
                raise InvalidValueError(f"must be one of {', '.join(sorted(names))}", "$type")
        elif closed or find_definition(name) is not None:
            # An open union may well name what is not installed here: then anything goes.
            named(name)(value)

    return check_union


def _unknown(_compiler: Compiler, _nsid: str, _schema: Schema) -> Check:
    def check_unknown(value: Any) -> None:
        if not isinstance(value, dict) or value.get("$type") == "blob":
            raise InvalidValueError("must be an object")

    return check_unknown


_BUILDERS: dict[str, Callable[[Compiler, str, Schema], Check]] = {
    "boolean": _boolean,
    "integer": _integer,
    "string": _string,
    "bytes": _bytes,
    "cid-link": _cid_link,
    "blob": _blob,
    "array": _array,
    "object": _object,
    "ref": _ref,
    "union": _union,
    "unknown": _unknown,
}
