"""The text of a scope that has parameters: ``resource:positional?name=value&name=value``.

Reading takes any escapes, writing uses few: values are readable in consent pages and tokens, yet
read back as they were. So a plus sign stays escaped behind the question mark, where it would mean a
blank, and a percent sign everywhere.

Spec: https://atproto.com/specs/permission
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote, unquote

from pds.atproto.oauth.scopes.errors import InvalidScopeError

# RFC 6749: printable ASCII without blank, quotation mark and backslash.
_TOKEN: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PLAIN_IN_POSITIONAL: Final = "!*'():/+,@"
_PLAIN_IN_QUERY: Final = "*:/,@"


@dataclass(frozen=True, slots=True)
class ScopeText:
    """The parts of a scope, unescaped; ``positional`` is None where there is no colon for it."""

    resource: str
    positional: str | None
    named: tuple[tuple[str, str], ...]


def read_scope_text(token: str) -> ScopeText:
    """Take a scope apart.

    Raises:
        InvalidScopeError: Malformed.
    """
    if not _TOKEN.fullmatch(token):
        raise InvalidScopeError("Malformed", "a scope is printable ASCII without blanks")
    if _BAD_ESCAPE.search(token):
        raise InvalidScopeError("Malformed", "a percent sign must begin an escape")
    head, _, query = token.partition("?")
    resource, colon, positional = head.partition(":")
    try:
        return ScopeText(
            resource=resource,
            positional=unquote(positional, errors="strict") if colon else None,
            named=tuple(parse_qsl(query, keep_blank_values=True, errors="strict")),
        )
    except UnicodeDecodeError:
        raise InvalidScopeError("Malformed", "an escape is not UTF-8") from None


def write_scope_text(
    resource: str, positional: str | None, named: Iterable[tuple[str, str]] = ()
) -> str:
    """The canonical spelling of these parts."""
    head = resource
    if positional is not None:
        head += ":" + quote(positional, safe=_PLAIN_IN_POSITIONAL)
    query = "&".join(f"{name}={quote(value, safe=_PLAIN_IN_QUERY)}" for name, value in named)
    return f"{head}?{query}" if query else head
