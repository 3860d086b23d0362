"""Lengths and oddities of the formats that have no type of their own."""

from __future__ import annotations

import pytest

from pds.atproto.syntax.cid_string import is_cid_string
from pds.atproto.syntax.language import is_language
from pds.atproto.syntax.record_key import is_record_key
from pds.atproto.syntax.uri import is_uri


def test_lengths_are_limited() -> None:
    assert is_record_key("k" * 512)
    assert not is_record_key("k" * 513)
    assert is_uri("a:" + "x" * 8190)
    assert not is_uri("a:" + "x" * 8191)
    assert is_cid_string("z" * 256)
    assert not is_cid_string("z" * 257)


@pytest.mark.parametrize("text", ["a:\u2003b", "a:b\u0085c", "a:b\tc", "a:\x7f", "é:b", "a:"])
def test_uris_hold_no_blank_of_any_kind(text: str) -> None:
    assert not is_uri(text)


@pytest.mark.parametrize("text", ["zh-min-nan", "zh-min", "i-klingon", "x-a", "de-a-bc-b-cd"])
def test_rare_language_tags_pass(text: str) -> None:
    assert is_language(text)


@pytest.mark.parametrize("text", ["de-a-bc-A-cd", "sl-rozaj-ROZAJ", "x-", "x-toolonglong", "dé"])
def test_repeated_or_malformed_subtags_are_refused(text: str) -> None:
    assert not is_language(text)
