"""Nonces that follow from a secret and the minute."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pds.atproto.oauth import base64url
from pds.atproto.oauth.dpop_nonces import DpopNonces

SECRET = bytes(range(32))
NONCES = DpopNonces(SECRET)
MINUTE = 28_333_333
NOW = MINUTE * 60 + 20


def nonce_of(minute: int) -> str:
    return base64url.encode(hmac.digest(SECRET, minute.to_bytes(8, "big"), hashlib.sha256))


def test_the_nonce_of_the_coming_minute_is_given_out() -> None:
    assert NONCES.current(NOW) == nonce_of(MINUTE + 1)
    assert NONCES.current(NOW + 39.9) == nonce_of(MINUTE + 1)
    assert NONCES.current(NOW + 40) == nonce_of(MINUTE + 2)


@pytest.mark.parametrize(
    ("step", "accepted"),
    [(-2, False), (-1, True), (0, True), (1, True), (2, False)],
)
def test_three_minutes_are_accepted(step: int, *, accepted: bool) -> None:
    assert NONCES.accepts(nonce_of(MINUTE + step), NOW) is accepted


@given(st.floats(0, 4e9), st.floats(0, 119.9))
def test_a_nonce_is_good_for_two_minutes_at_least_and_three_at_most(
    given_at: float, later: float
) -> None:
    nonce = NONCES.current(given_at)

    assert NONCES.accepts(nonce, given_at + later)
    assert not NONCES.accepts(nonce, given_at + 180.1)


def test_windows_may_be_shorter() -> None:
    quick = DpopNonces(SECRET, window_s=10)
    nonce = quick.current(1000)

    assert quick.accepts(nonce, 1029)
    assert not quick.accepts(nonce, 1030)


def test_other_secrets_have_other_nonces() -> None:
    assert not DpopNonces(bytes(32)).accepts(NONCES.current(NOW), NOW)
    assert DpopNonces(SECRET).accepts(NONCES.current(NOW), NOW)


@pytest.mark.parametrize("nonce", ["", "x", "é", "=" * 43])
def test_anything_else_is_refused(nonce: str) -> None:
    assert not NONCES.accepts(nonce, NOW)


def test_secret_is_long_and_not_shown() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        DpopNonces(bytes(31))
    for window_s in (0, 61):
        with pytest.raises(ValueError, match="window"):
            DpopNonces(SECRET, window_s)
    assert "secret" not in repr(NONCES)
