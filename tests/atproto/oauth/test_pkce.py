"""PKCE: the example of RFC 7636, and what is refused."""

from __future__ import annotations

import pytest

from pds.atproto.oauth.pkce import challenge_of, is_code_challenge, is_code_verifier, verifies

# RFC 7636, appendix B
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_the_example_of_the_rfc() -> None:
    assert challenge_of(VERIFIER) == CHALLENGE
    assert verifies(VERIFIER, CHALLENGE)


def test_another_verifier_is_refused() -> None:
    assert not verifies(VERIFIER[:-1] + "j", CHALLENGE)
    assert not verifies(CHALLENGE, CHALLENGE)


@pytest.mark.parametrize("length", [43, 44, 128])
def test_a_verifier_is_43_to_128_characters(length: int) -> None:
    verifier = ("Az09-._~" * 16)[:length]

    assert is_code_verifier(verifier)
    assert verifies(verifier, challenge_of(verifier))


@pytest.mark.parametrize(
    "verifier",
    ["", "a" * 42, "a" * 129, "a" * 42 + "+", "a" * 42 + "=", "a" * 42 + "ä", "a" * 43 + "\n"],
)
def test_any_other_verifier_is_refused(verifier: str) -> None:
    assert not is_code_verifier(verifier)
    assert not verifies(verifier, CHALLENGE)


@pytest.mark.parametrize(
    "challenge",
    [
        "",
        "abc",
        CHALLENGE + "=",
        CHALLENGE[:-1],
        CHALLENGE + "A",
        CHALLENGE[:-1] + "N",  # more bits than 32 bytes have
        CHALLENGE[:-1] + "+",
        CHALLENGE + "\n",
        "ä" * 43,
    ],
)
def test_any_other_challenge_is_refused(challenge: str) -> None:
    assert not is_code_challenge(challenge)
    assert not verifies(VERIFIER, challenge)
