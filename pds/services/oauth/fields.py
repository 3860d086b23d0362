"""Requests come as forms and as JSON; both are read as texts by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pds.oauth_errors import OAuthError

_SHOWN_CHARS = 100  # of a name, in a message


def fields_of(content: Mapping[str, Any]) -> dict[str, str]:
    """The members of a JSON object as a form would hold them.

    Raises:
        OAuthError: one is neither text nor a whole number.
    """
    return unique_fields((name, _text(name, value)) for name, value in content.items())


def unique_fields(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """By name; those without a value count as absent (RFC 6749, section 3.2).

    Raises:
        OAuthError: one comes twice, with a value or without.
    """
    fields: dict[str, str] = {}
    for name, value in pairs:
        if name in fields:
            raise OAuthError(f"{name[:_SHOWN_CHARS]}: comes more than once")
        fields[name] = value
    return {name: value for name, value in fields.items() if value}


def _text(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise OAuthError(f"{name[:_SHOWN_CHARS]}: must be a string")
