"""Texts that others wrote for our pages, in the languages they chose.

They come from documents anybody may publish, so they are made fit to stand in a page that asks for
trust: one line, of limited length, without characters that turn the direction of what follows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pds.atproto.syntax.language import is_language

_MAX_LANGUAGES: Final = 200
# Control characters, those that override or isolate the direction of text, and unseen ones.
_UNFIT: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200b\ufeff\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+"
)


@dataclass(frozen=True, slots=True)
class Localized:
    """A text in the language its author thinks in (often None), and in others by language tag."""

    plain: str | None
    translations: tuple[tuple[str, str], ...] = ()

    @classmethod
    def read(cls, plain: Any, translations: Any, *, max_length: int) -> Localized:
        """Take what is usable; texts are cut at ``max_length`` characters."""
        found = translations if isinstance(translations, Mapping) else {}
        usable = (
            (tag.lower(), one_line(text, max_length))
            for tag, text in list(found.items())[:_MAX_LANGUAGES]
            if isinstance(tag, str) and is_language(tag)
        )
        return cls(
            one_line(plain, max_length),
            tuple(sorted((tag, text) for tag, text in usable if text is not None)),
        )

    def best(self, languages: Sequence[str]) -> str | None:
        """The text for a reader of these languages, the dearest first.

        The plain text counts as English where there is no other, because it mostly is.
        """
        for language in languages:
            primary = language.lower().partition("-")[0]
            found = self._find(language.lower(), primary)
            if found is not None:
                return found
            if primary == "en" and self.plain is not None:
                return self.plain
        return self.plain

    def _find(self, language: str, primary: str) -> str | None:
        """The very language, or the same with less, or with another region or script."""
        texts = dict(self.translations)
        while language:
            if language in texts:
                return texts[language]
            language = language.rpartition("-")[0]
        for tag, text in self.translations:
            if tag.partition("-")[0] == primary:
                return text
        return None


def one_line(text: Any, max_length: int) -> str | None:
    """A text as it may stand in a page, cut at ``max_length`` characters; None for none."""
    if not isinstance(text, str):
        return None
    line = " ".join(_UNFIT.sub(" ", text).split())
    if len(line) > max_length:
        line = line[: max_length - 1].rstrip() + "…"
    return line or None
