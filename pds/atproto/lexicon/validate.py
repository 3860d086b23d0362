"""Check records, parameters and bodies against Lexicons.

Values are in data-model form: ``Cid`` objects, ``bytes``, blobs as dicts with a ``Cid`` ref.
Nothing is added to a value: defaults are filled in for parameters only. A schema is compiled once,
on first use. That a value is valid data at all was settled when it was parsed (``dag_json``,
``dag_cbor``).

Spec: https://atproto.com/specs/lexicon
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

from pds.atproto.lexicon.checks import Compiler, Documents, Schema
from pds.atproto.lexicon.errors import InvalidValueError, UnknownLexiconError
from pds.atproto.lexicon.parameters import Parameter, coerce
from pds.atproto.lexicon.strings import Check
from pds.atproto.syntax.nsid import is_nsid
from pds.atproto.syntax.record_key import is_record_key
from pds.atproto.syntax.tid import is_tid

__all__ = ["InvalidValueError", "MethodType", "UnknownLexiconError", "Validator"]

MethodType = Literal["query", "procedure", "subscription"]

_METHOD_TYPES = ("query", "procedure", "subscription")


class Validator:
    """Answers whether values fit; safe to share between threads."""

    def __init__(self, catalog: Documents) -> None:
        self._compiler = Compiler(catalog)
        self._parameters: dict[str, tuple[Parameter, ...]] = {}
        self._bodies: dict[tuple[str, str], Check | None] = {}

    def check_record(self, collection: str, value: Any) -> None:
        """Check a whole record, its ``$type`` included.

        Raises:
            UnknownLexiconError: no Lexicon describes records of this collection.
            InvalidValueError: the record does not fit; the path starts with ``record``.
        """
        self._get_record(collection)
        try:
            self._compiler.named(collection)(value)
        except InvalidValueError as error:
            error.within("record")
            raise

    def check_record_key(self, collection: str, rkey: str) -> None:
        """Check the key against the kind of key the collection wants.

        Raises:
            UnknownLexiconError: no Lexicon describes records of this collection.
            InvalidValueError: the path is ``rkey``.
        """
        kind = self._get_record(collection).get("key", "any")
        if kind == "tid":
            fits, rule = is_tid(rkey), "must be a TID"
        elif kind == "nsid":
            fits, rule = is_nsid(rkey) and is_record_key(rkey), "must be an NSID"
        elif kind.startswith("literal:"):
            literal = kind.removeprefix("literal:")
            fits, rule = rkey == literal, f"must be {literal}"
        else:
            fits, rule = is_record_key(rkey), "must be a record key"
        if not fits:
            raise InvalidValueError(rule, "rkey")

    def method_type(self, nsid: str) -> MethodType | None:
        method = self._find_method(nsid)
        return None if method is None else cast("MethodType", method["type"])

    def input_encoding(self, nsid: str) -> str | None:
        """The MIME type a procedure takes, such as ``application/json`` or ``*/*``; None: no body.

        Raises:
            UnknownLexiconError: no Lexicon describes this method.
        """
        body = self._get_method(nsid).get("input") or {}
        encoding: str | None = body.get("encoding")
        return encoding

    def coerce_params(self, nsid: str, pairs: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """Typed parameters from the texts of a query string, with defaults filled in.

        Raises:
            UnknownLexiconError: no Lexicon describes this method.
            InvalidValueError: the path starts with the name of the parameter.
        """
        parameters = self._parameters.get(nsid)
        if parameters is None:
            parameters = self._parameters[nsid] = self._compile_parameters(nsid)
        return coerce(parameters, pairs)

    def check_input(self, nsid: str, value: Any) -> Any:
        """Check a body and return it as it is; without a schema (files, CARs) anything passes.

        Raises:
            UnknownLexiconError: no Lexicon describes this method.
            InvalidValueError: the path starts with ``input``.
        """
        self._check_body(nsid, "input", value)
        return value

    def check_output(self, nsid: str, value: Any) -> None:
        """Check an answer.

        Raises:
            UnknownLexiconError: no Lexicon describes this method.
            InvalidValueError: the path starts with ``output``.
        """
        self._check_body(nsid, "output", value)

    def _check_body(self, nsid: str, direction: str, value: Any) -> None:
        key = (nsid, direction)
        if key not in self._bodies:
            schema = (self._get_method(nsid).get(direction) or {}).get("schema")
            self._bodies[key] = self._compiler.compile(nsid, schema) if schema else None
        check = self._bodies[key]
        if check is None:
            return
        try:
            check(value)
        except InvalidValueError as error:
            error.within(direction)
            raise

    def _compile_parameters(self, nsid: str) -> tuple[Parameter, ...]:
        declared = self._get_method(nsid).get("parameters") or {}
        required = declared.get("required", ())
        return tuple(
            Parameter(
                name=name,
                kind=schema["items"]["type"] if schema["type"] == "array" else schema["type"],
                is_array=schema["type"] == "array",
                is_required=name in required,
                default=schema.get("default"),
                check=self._compiler.compile(nsid, schema),
            )
            for name, schema in declared.get("properties", {}).items()
        )

    def _get_record(self, collection: str) -> Schema:
        record = self._find_main(collection, ("record",))
        if record is None:
            raise UnknownLexiconError(f"no lexicon describes records of {collection}")
        return record

    def _find_method(self, nsid: str) -> Schema | None:
        return self._find_main(nsid, _METHOD_TYPES)

    def _find_main(self, nsid: str, types: tuple[str, ...]) -> Schema | None:
        definition = None if "#" in nsid else self._compiler.find_definition(nsid)
        return definition if definition is not None and definition.get("type") in types else None

    def _get_method(self, nsid: str) -> Schema:
        method = self._find_method(nsid)
        if method is None:
            raise UnknownLexiconError(f"no lexicon describes the method {nsid}")
        return method
