"""base64url: there and back, and one text for each value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pds.atproto.oauth import base64url


@given(st.binary(max_size=100))
def test_there_and_back(raw: bytes) -> None:
    assert base64url.decode(base64url.encode(raw)) == raw


@given(st.text("AQgw-_+/= \n", max_size=12))
def test_whatever_is_read_is_what_would_be_written(text: str) -> None:
    try:
        raw = base64url.decode(text)
    except ValueError:
        return
    assert base64url.encode(raw) == text


@pytest.mark.parametrize("text", ["A", "AA==", "AA\n", "A A", "+/", "AB", "AAB", "ÄÄ", "AAAAA"])
def test_other_forms_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="base64url"):
        base64url.decode(text)
