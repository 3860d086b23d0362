"""Whether a handle can be had at sign-up, and others that can.

Nothing is said about e-mail addresses: a given one only lends its letters to suggestions.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

from pds.errors import InvalidEmailError, PdsError
from pds.services.handles import MAX_LABEL, Handles
from pds.storage import identity_changes

MAX_SUGGESTIONS = 5
MAX_TRIED = 40  # each costs a look into the database
NUMBERS = range(2, 30)

_NOT_ALLOWED = re.compile(r"[^a-z0-9-]+")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """``method`` says what it was made from."""

    handle: str
    method: str


@dataclass(frozen=True, slots=True)
class Availability:
    """``suggestions`` is empty when the handle itself is available."""

    is_available: bool
    suggestions: list[Suggestion]


class HandleSuggestions:
    """Answers "may I have this handle?" of somebody without an account."""

    def __init__(self, handles: Handles) -> None:
        self._handles = handles

    def check(
        self, handle: str, *, email: str | None = None, birth_date: str | None = None
    ) -> Availability:
        """Whether a new account may have ``handle``; if not, what else it may have.

        Raises:
            InvalidEmailError: ``email`` is none.
        """
        local_part = None if email is None else _local_part(email)
        if self._is_available(handle):
            return Availability(is_available=True, suggestions=[])
        candidates = itertools.islice(
            self._candidates(handle.lower(), local_part, birth_date), MAX_TRIED
        )
        found: dict[str, Suggestion] = {}
        for candidate in candidates:
            if candidate.handle not in found and self._is_available(candidate.handle):
                found[candidate.handle] = candidate
            if len(found) == MAX_SUGGESTIONS:
                break
        return Availability(is_available=False, suggestions=list(found.values()))

    def _is_available(self, handle: str) -> bool:
        """Whether a sign-up with this handle would be accepted now. No other server is asked."""
        try:
            normal = self._handles.check_new(handle)
        except PdsError:
            return False
        return not identity_changes.is_handle_taken(normal)

    def _candidates(
        self, handle: str, local_part: str | None, birth_date: str | None
    ) -> Iterator[Suggestion]:
        """Handles below our domains, the likeliest to please first."""
        domain = self._handles.domain_of(handle) or self._handles.domains[0]
        front = _label(handle.removesuffix(domain).partition(".")[0])
        for name in self._handles.domains:
            yield Suggestion(front + name, "domain")
        if local_part:
            yield Suggestion(_label(local_part) + domain, "email")
        if birth_date:
            yield Suggestion(_label(front, birth_date[2:4]) + domain, "year")
        for number in NUMBERS:
            yield Suggestion(_label(front, str(number)) + domain, "number")


def _label(text: str, end: str = "") -> str:
    """The beginning of ``text`` with ``end``, as far as it may stand in a handle."""
    kept = _NOT_ALLOWED.sub("-", text.lower())[: MAX_LABEL - len(end)]
    return f"{kept}{end}".strip("-")


def _local_part(email: str) -> str:
    try:
        parsed = validate_email(email, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise InvalidEmailError from error
    return parsed.local_part
