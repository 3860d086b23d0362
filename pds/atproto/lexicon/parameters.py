"""Turn the query string of a method into typed parameters, as its Lexicon declares them.

Spec: https://atproto.com/specs/xrpc#requests and https://atproto.com/specs/lexicon#params
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pds.atproto.lexicon.errors import InvalidValueError
from pds.atproto.lexicon.strings import Check

# What every JSON reader can hold exactly.
MAX_SAFE_INTEGER = 2**53 - 1

_INTEGER = re.compile(r"-?[0-9]{1,16}")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One declared parameter; ``kind`` is that of the items when ``is_array``."""

    name: str
    kind: str
    is_array: bool
    is_required: bool
    default: Any
    check: Check


def coerce(parameters: Sequence[Parameter], pairs: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Type, check and complete what was sent; names that are not declared are dropped.

    An empty value counts as not sent. Some clients write arrays as ``name[]=`` or ``name[0]=``.

    Raises:
        InvalidValueError: a parameter is missing, repeated, or not what it should be.
    """
    typed: dict[str, Any] = {}
    bracketed = any("[" in name for name in pairs)
    for parameter in parameters:
        name = parameter.name
        texts = list(pairs.get(name, ()))
        if bracketed and parameter.is_array:
            texts += _bracketed_values(name, pairs)
        texts = [text for text in texts if text]
        if texts:
            typed[name] = _typed_value(parameter, texts)
        elif parameter.default is not None:
            typed[name] = parameter.default
        elif parameter.is_required:
            raise InvalidValueError("is required", name)
    return typed


def _bracketed_values(name: str, pairs: Mapping[str, Sequence[str]]) -> list[str]:
    spelling = re.compile(re.escape(name) + r"\[[0-9]*\]")
    return [text for key, texts in pairs.items() if spelling.fullmatch(key) for text in texts]


def _typed_value(parameter: Parameter, texts: list[str]) -> Any:
    if len(texts) > 1 and not parameter.is_array:
        raise InvalidValueError("must be given only once", parameter.name)
    try:
        values = [_parse(parameter.kind, text) for text in texts]
        value: Any = values if parameter.is_array else values[0]
        parameter.check(value)
    except InvalidValueError as error:
        error.within(parameter.name)
        raise
    return value


def _parse(kind: str, text: str) -> Any:
    if kind == "boolean":
        if text not in ("true", "false"):
            raise InvalidValueError("must be true or false")
        return text == "true"
    if kind == "integer":
        number = int(text) if _INTEGER.fullmatch(text) else None
        if number is None or abs(number) > MAX_SAFE_INTEGER:
            raise InvalidValueError("must be an integer")
        return number
    return text
