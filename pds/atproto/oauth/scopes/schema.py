"""Which parameters a resource has, and how values are bound to them and written again.

The first parameter of a schema is the one that may also stand behind the colon.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from pds.atproto.oauth.scopes.errors import InvalidScopeError
from pds.atproto.oauth.scopes.text import ScopeText, write_scope_text

Values: TypeAlias = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter; without a ``default`` it is required, an empty default leaves it out."""

    name: str
    is_valid: Callable[[str], bool]
    many: bool = False
    default: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Schema:
    """A resource and its parameters, in the order in which they are written."""

    resource: str
    parameters: tuple[Parameter, ...]

    def bind(self, text: ScopeText) -> dict[str, tuple[str, ...]]:
        """The values of every parameter as written in a scope, defaults filled in.

        Raises:
            InvalidScopeError: UnknownParameter, RepeatedParameter, MissingParameter, InvalidValue.
        """
        values: dict[str, list[str]] = {}
        for name, value in text.named:
            values.setdefault(name, []).append(value)
        first = self.parameters[0].name
        if text.positional is not None:
            if first in values:
                raise InvalidScopeError("RepeatedParameter", f"{first} is given twice")
            values[first] = [text.positional]
        return self._check(values)

    def bind_json(self, fields: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
        """The same for an entry of a permission set: a list where many values are possible.

        Raises:
            InvalidScopeError: UnknownParameter, MissingParameter, InvalidValue.
        """
        many = {parameter.name: parameter.many for parameter in self.parameters}
        values: dict[str, list[str]] = {}
        for name, value in fields.items():
            items = value if many.get(name) else [value]
            is_text = isinstance(items, list) and all(isinstance(item, str) for item in items)
            if not is_text or not items:
                raise InvalidScopeError("InvalidValue", f"{name} is not as it should be")
            values[name] = items
        return self._check(values)

    def write(self, values: Values) -> str:
        """The canonical text; ``values`` are in their canonical order already."""
        first = self.parameters[0].name
        is_positional = len(values[first]) == 1
        named = [
            (parameter.name, value)
            for parameter in self.parameters
            if not (is_positional and parameter.name == first)
            and set(values[parameter.name]) != set(parameter.default or ())
            for value in values[parameter.name]
        ]
        return write_scope_text(self.resource, values[first][0] if is_positional else None, named)

    def _check(self, values: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
        for name in values:
            if all(name != parameter.name for parameter in self.parameters):
                raise InvalidScopeError(
                    "UnknownParameter", f"{self.resource} has no parameter {name}"
                )
        return {parameter.name: _bound(parameter, values) for parameter in self.parameters}


def _bound(parameter: Parameter, values: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    name = parameter.name
    if name not in values:
        if parameter.default is None:
            raise InvalidScopeError("MissingParameter", f"{name} is missing")
        return parameter.default
    given = tuple(values[name])
    if len(given) > 1 and not parameter.many:
        raise InvalidScopeError("RepeatedParameter", f"{name} is given twice")
    for value in given:
        if not parameter.is_valid(value):
            raise InvalidScopeError("InvalidValue", f"{name} is not as it should be")
    return given
