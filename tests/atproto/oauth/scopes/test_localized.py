"""Texts of others: the reader's language, and nothing that deceives."""

from __future__ import annotations

import pytest

from pds.atproto.oauth.scopes.localized import Localized

TEXT = Localized.read(
    "Calendar", {"fr-FR": "Agenda", "de": "Kalender", "pt-BR": "Agenda BR"}, max_length=100
)


@pytest.mark.parametrize(
    ("languages", "text"),
    [
        ([], "Calendar"),
        (["de"], "Kalender"),
        (["DE-at"], "Kalender"),
        (["fr"], "Agenda"),
        (["fr-CA"], "Agenda"),
        (["ja", "pt"], "Agenda BR"),
        (["ja"], "Calendar"),
        (["en-GB", "de"], "Calendar"),
        (["d"], "Calendar"),
        ([""], "Calendar"),
    ],
)
def test_the_reader_s_language_is_found(languages: list[str], text: str) -> None:
    assert TEXT.best(languages) == text


def test_a_text_in_english_goes_before_the_plain_one() -> None:
    text = Localized.read("Kalender", {"en": "Calendar"}, max_length=100)

    assert text.best(["en-US"]) == "Calendar"
    assert text.best(["de"]) == "Kalender"


@pytest.mark.parametrize(
    ("raw", "fit"),
    [
        (" two\n lines\t", "two lines"),
        ("pay\u202eyap\u2066", "pay yap"),
        ("\x00\x1b[31m", "[31m"),
        ("\u061c\u200b\ufeff", None),
        ("می‌خواهم", "می‌خواهم"),  # joiners belong to the script
        ("", None),
        (" \u2028", None),
        (5, None),
        (None, None),
        ("abcdefghij", "abcdefghij"),
        ("abcdefghijk", "abcdefghi…"),
    ],
)
def test_texts_are_made_fit_for_a_page(raw: object, fit: str | None) -> None:
    assert Localized.read(raw, None, max_length=10).best([]) == fit
    assert Localized.read("x", {"de": raw}, max_length=10).best(["de"]) == (fit or "x")


@pytest.mark.parametrize("translations", [None, [], "de", {"de": 5}, {"x y": "no"}, {1: "no"}])
def test_what_is_no_translation_is_passed_over(translations: object) -> None:
    assert Localized.read("Calendar", translations, max_length=9) == Localized("Calendar")
