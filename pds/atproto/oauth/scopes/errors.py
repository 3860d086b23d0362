"""What is wrong with a scope."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

ErrorName: TypeAlias = Literal[
    "Malformed",  # characters or percent escapes that may not be there
    "UnknownScope",
    "UnknownParameter",
    "RepeatedParameter",
    "MissingParameter",
    "InvalidValue",
]


class InvalidScopeError(ValueError):
    """Not a scope of this protocol; ``error`` says of which kind the mistake is."""

    def __init__(self, error: ErrorName, message: str) -> None:
        super().__init__(message)
        self.error: Final = error
