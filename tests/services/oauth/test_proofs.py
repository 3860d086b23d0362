from __future__ import annotations

from typing import Any

import pytest

from pds.oauth_errors import (
    InvalidDpopProofError,
    OAuthError,
    TemporarilyUnavailableError,
    UseDpopNonceError,
)
from pds.services.oauth import proofs as proofs_module
from pds.services.oauth.proofs import Proofs
from pds.services.oauth.replay_memory import ReplayMemory
from tests.atproto.oauth.tokens import key_pair
from tests.factories import StillClock, race
from tests.oauth_client import make_proof

URL = "https://pds.example.com"
SECRET = bytes(range(32))
KEY = key_pair()


@pytest.fixture
def proofs(clock: StillClock) -> Proofs:
    return Proofs(URL, clock)


def proof(proofs: Proofs, clock: StillClock, **claims: Any) -> str:
    good = {"htu": f"{URL}/oauth/par", "nonce": proofs.next_nonce()}
    return make_proof(key=KEY, now=clock() / 1_000_000, **(good | claims))


def check(proofs: Proofs, *headers: str, **changes: Any) -> str:
    return proofs.check(headers, **({"method": "POST", "path": "/oauth/par"} | changes))


def refused(proofs: Proofs, *headers: str, **changes: Any) -> OAuthError:
    with pytest.raises(OAuthError) as caught:
        check(proofs, *headers, **changes)
    return caught.value


def test_good_proof_tells_its_key(proofs: Proofs, clock: StillClock) -> None:
    assert check(proofs, proof(proofs, clock)) == KEY.jwk.thumbprint


def test_proof_with_an_access_token_is_about_that_token(proofs: Proofs, clock: StillClock) -> None:
    bound = proof(proofs, clock, htu=f"{URL}/xrpc/a.b.c", htm="GET", access_token="mine")
    call = {"method": "GET", "path": "/xrpc/a.b.c"}

    assert "ath" in str(refused(proofs, bound, **call, access_token="another"))
    assert "ath" in str(refused(proofs, bound, **call))
    assert check(proofs, bound, **call, access_token="mine") == KEY.jwk.thumbprint


@pytest.mark.parametrize(
    ("number", "said"), [(0, "missing"), (2, "more than one"), (3, "more than one")]
)
def test_there_is_one_header(proofs: Proofs, clock: StillClock, number: int, said: str) -> None:
    error = refused(proofs, *(proof(proofs, clock) for _ in range(number)))

    assert isinstance(error, InvalidDpopProofError)
    assert said in error.message


@pytest.mark.parametrize("header", ["", "a.b.c", "a, b"])
def test_header_holds_one_proof(proofs: Proofs, header: str) -> None:
    error = refused(proofs, header)

    assert (error.error, error.status) == ("invalid_dpop_proof", 401)


@pytest.mark.parametrize("nonce", [None, "of another server"])
def test_nonce_is_asked_for_and_the_proof_not_used_up(
    proofs: Proofs, clock: StillClock, nonce: str | None
) -> None:
    error = refused(proofs, proof(proofs, clock, jti="same", nonce=nonce))

    assert isinstance(error, UseDpopNonceError)
    assert (error.error, error.status) == ("use_dpop_nonce", 400)
    assert check(proofs, proof(proofs, clock, jti="same"))


def test_proof_is_good_for_one_request(proofs: Proofs, clock: StillClock) -> None:
    text = proof(proofs, clock)
    check(proofs, text)

    error = refused(proofs, text)

    assert error.error == "invalid_dpop_proof"
    assert "used already" in error.message


def test_id_stays_used_for_as_long_as_a_proof_may_be_good(
    proofs: Proofs, clock: StillClock
) -> None:
    now = clock() / 1_000_000
    check(proofs, proof(proofs, clock, jti="same", iat=int(now) + 180))

    for _ in range(3):
        clock.advance(60)
        again = proof(proofs, clock, jti="same", iat=int(now) + 180)
        assert "used already" in refused(proofs, again).message
    clock.advance(300)
    assert check(proofs, proof(proofs, clock, jti="same"))


def test_another_client_may_use_the_same_id(proofs: Proofs, clock: StillClock) -> None:
    check(proofs, proof(proofs, clock, jti="1"))

    other = make_proof(
        key=key_pair(number=1),
        now=clock() / 1_000_000,
        jti="1",
        htu=f"{URL}/oauth/par",
        nonce=proofs.next_nonce(),
    )

    assert check(proofs, other) == key_pair(number=1).jwk.thumbprint


def test_of_two_equal_proofs_at_once_one_wins(proofs: Proofs, clock: StillClock) -> None:
    for _ in range(20):
        same = [proof(proofs, clock)] * 4

        outcomes = race([lambda text=text: check(proofs, text) for text in same])  # type: ignore[misc]

        assert outcomes.count(KEY.jwk.thumbprint) == 1
        assert sum(isinstance(outcome, InvalidDpopProofError) for outcome in outcomes) == 3


def test_nonces_of_one_secret_outlive_a_restart_and_others_do_not(clock: StillClock) -> None:
    kept = proof(Proofs(URL, clock, SECRET), clock)
    lost = proof(Proofs(URL, clock), clock)

    assert check(Proofs(URL, clock, SECRET), kept)
    assert isinstance(refused(Proofs(URL, clock), lost), UseDpopNonceError)


def test_strangers_who_fill_the_memory_leave_room_for_those_with_tokens(
    clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proofs_module, "ReplayMemory", lambda: ReplayMemory(1))
    proofs = Proofs(URL, clock)
    check(proofs, proof(proofs, clock))

    assert isinstance(refused(proofs, proof(proofs, clock)), TemporarilyUnavailableError)
    assert check(proofs, proof(proofs, clock, access_token="mine"), access_token="mine")
