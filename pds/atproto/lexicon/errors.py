"""What goes wrong when a value is held against a Lexicon."""

from __future__ import annotations


class LexiconError(ValueError):
    """A Lexicon document breaks the rules for Lexicon documents."""


class UnknownLexiconError(LookupError):
    """The catalog has no schema under the name asked for, or not of the kind asked for."""


class InvalidValueError(ValueError):
    """A value does not fit its schema. The text is for people: ``record/text: is required``.

    A check knows only what is wrong; the containers around it add where, from the inside out, so
    that nothing is spent on paths while values are fine.
    """

    def __init__(self, reason: str, *path: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = path

    def within(self, container: str) -> None:
        """Put ``container`` in front of the path."""
        self.path = (container, *self.path)

    def __str__(self) -> str:
        return f"{'/'.join(self.path)}: {self.reason}" if self.path else self.reason
