"""Service tokens for our accounts: what they say, and who may have which."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from pds.atproto.crypto.keypair import PublicKey
from pds.atproto.service_auth import decode_service_token, verify_service_signature
from pds.errors import (
    AccountNotFoundError,
    BadExpirationError,
    InvalidRequestError,
    InvalidTokenError,
)
from pds.services.method_sets import is_privileged, is_protected
from pds.services.proxying import check_proxied
from pds.services.session_scopes import Scope
from pds.storage import accounts
from pds.storage.database import transaction
from tests.factories import CREATE_ACCOUNT, START_US, Person

if TYPE_CHECKING:
    from pds.services import Services

NOW_S = START_US // 1_000_000
AUD = "did:web:api.example.com"
PROTECTED = (
    "admin.sendEmail",
    "identity.requestPlcOperationSignature",
    "identity.signPlcOperation",
    "identity.updateHandle",
    "server.activateAccount",
    "server.confirmEmail",
    "server.createAppPassword",
    "server.deactivateAccount",
    "server.getAccountInviteCodes",
    "server.getSession",
    "server.listAppPasswords",
    "server.requestAccountDelete",
    "server.requestEmailConfirmation",
    "server.requestEmailUpdate",
    "server.revokeAppPassword",
    "server.updateEmail",
)
LXM = "app.bsky.feed.getTimeline"


def grant(
    services: Services,
    person: Person,
    scope: Scope = Scope.ACCESS,
    *,
    aud: str = AUD,
    lxm: str | None = LXM,
    exp: int | None = None,
) -> str:
    return services.service_auth.grant(person.did, scope, aud, lxm, exp)


def test_token_says_who_asks_whom_for_what(services: Services, alice: Person) -> None:
    claims, signed, signature = decode_service_token(grant(services, alice), now=NOW_S)

    assert (claims.iss, claims.aud, claims.lxm) == (alice.did, AUD, LXM)
    assert (claims.iat, claims.exp) == (NOW_S, NOW_S + 60)
    assert claims.jti is not None
    assert re.fullmatch(r"[0-9a-f]{32}", claims.jti)
    key = services.identity.signing_key_of(alice.did)
    assert key is not None
    assert verify_service_signature(PublicKey.from_did_key(key), signed, signature)


def test_every_token_has_an_id_of_its_own(services: Services, alice: Person) -> None:
    ids = {decode_service_token(grant(services, alice), now=NOW_S)[0].jti for _ in range(3)}

    assert len(ids) == 3


@pytest.mark.parametrize(
    "aud",
    [
        "did:plc:ewvi7nxzyoun6zhxrhs64oiz",
        "did:plc:ewvi7nxzyoun6zhxrhs64oiz#atproto_labeler",
        "did:web:api.example.com#bsky_appview",
        "did:web:localhost%3A2583",
        "did:web:localhost#svc",
    ],
)
def test_audience_is_used_as_given(services: Services, alice: Person, aud: str) -> None:
    claims, _, _ = decode_service_token(grant(services, alice, aud=aud), now=NOW_S)

    assert claims.aud == aud


@pytest.mark.parametrize(
    "aud",
    [
        "",
        "alice.test",
        "https://api.example.com",
        "did:plc:short",
        "did:plc:EWVI7NXZYOUN6ZHXRHS64OIZ",
        "did:web:api.example.com#",
        "did:web:api.example.com#a#b",
        "did:web:api.example.com#a b",
        "did:web:api.example.com:path",
        "did:web:-.example.com",
        "did:web:example",
        "did:web:api.example.com\n",
        "did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme",
    ],
)
def test_what_is_no_audience_is_refused(services: Services, alice: Person, aud: str) -> None:
    with pytest.raises(InvalidRequestError, match="aud must be a valid atproto DID"):
        grant(services, alice, aud=aud)


@pytest.mark.parametrize(
    ("lxm", "seconds", "message"),
    [
        (LXM, -1, "expiration is in past"),
        (LXM, -(10**12), "expiration is in past"),
        (LXM, 3_601, "more than an hour"),
        (LXM, 10**15, "more than an hour"),
        (None, 61, "method-less token .* more than a minute"),
        (None, 3_601, "more than an hour"),
    ],
)
def test_expiry_is_bounded(
    services: Services, alice: Person, lxm: str | None, seconds: int, message: str
) -> None:
    with pytest.raises(BadExpirationError, match=message):
        grant(services, alice, lxm=lxm, exp=NOW_S + seconds)


@pytest.mark.parametrize(("lxm", "seconds"), [(LXM, 0), (LXM, 3_600), (None, 60), (None, 0)])
def test_expiry_within_the_bounds_is_kept(
    services: Services, alice: Person, lxm: str | None, seconds: int
) -> None:
    token = grant(services, alice, lxm=lxm, exp=NOW_S + seconds)

    claims, _, _ = decode_service_token(token, now=NOW_S)
    assert (claims.exp, claims.lxm) == (NOW_S + seconds, lxm)


@pytest.mark.parametrize(
    ("scope", "lxm", "is_allowed"),
    [
        (Scope.ACCESS, CREATE_ACCOUNT, True),
        (Scope.ACCESS, "chat.bsky.convo.getLog", True),
        (Scope.APP_PASS_PRIVILEGED, "chat.bsky.convo.getLog", True),
        (Scope.APP_PASS_PRIVILEGED, CREATE_ACCOUNT, True),
        (Scope.APP_PASS, "chat.bsky.convo.getLog", False),
        (Scope.APP_PASS, "Chat.Bsky.Convo.AddReaction", False),
        (Scope.APP_PASS, CREATE_ACCOUNT, False),
        (Scope.APP_PASS, CREATE_ACCOUNT.upper(), False),
        (Scope.APP_PASS, LXM, True),
        (Scope.APP_PASS, None, True),
        (Scope.APP_PASS, "com.atproto.repo.uploadBlob", True),
    ],
)
def test_plain_app_passwords_get_no_token_for_privileged_methods(
    services: Services, alice: Person, scope: Scope, lxm: str | None, *, is_allowed: bool
) -> None:
    if is_allowed:
        assert grant(services, alice, scope, lxm=lxm)
        return
    with pytest.raises(InvalidRequestError, match="insufficient access to request a service auth"):
        grant(services, alice, scope, lxm=lxm)


@pytest.mark.parametrize(
    ("lxm", "is_allowed"),
    [(CREATE_ACCOUNT, True), (LXM, False), (None, False), ("chat.bsky.convo.getLog", False)],
)
def test_taken_down_account_gets_a_token_to_move_away_and_no_other(
    services: Services, alice: Person, lxm: str | None, *, is_allowed: bool
) -> None:
    if is_allowed:
        assert grant(services, alice, Scope.TAKENDOWN, lxm=lxm)
        return
    with pytest.raises(InvalidTokenError, match="Bad token scope"):
        grant(services, alice, Scope.TAKENDOWN, lxm=lxm)


@pytest.mark.parametrize("spelling", [str, str.lower, str.upper])
def test_nobody_gets_a_token_for_a_protected_method(
    services: Services, alice: Person, spelling: Any
) -> None:
    for name in PROTECTED:
        lxm = spelling(f"com.atproto.{name}")

        with pytest.raises(InvalidRequestError, match=f"following protected method: {lxm}"):
            grant(services, alice, lxm=lxm)


@pytest.mark.parametrize("scope", [None, Scope.ACCESS, Scope.APP_PASS_PRIVILEGED])
def test_nobody_has_a_protected_method_called_elsewhere(scope: Scope | None) -> None:
    """All are methods of our own, which no header leads elsewhere: this is the second lock."""
    for name in PROTECTED:
        for nsid in (f"com.atproto.{name}", f"COM.ATPROTO.{name}"):
            with pytest.raises(InvalidTokenError, match="Bad token method"):
                check_proxied(nsid, scope)
    check_proxied(LXM, scope)


def test_account_that_is_gone_gets_none(services: Services, alice: Person) -> None:
    with transaction():
        accounts.delete(alice.row.id)

    with pytest.raises(AccountNotFoundError):
        grant(services, alice)


def test_sets_of_methods() -> None:
    assert is_protected("com.atproto.identity.signPlcOperation")
    assert not is_protected(LXM)
    assert not is_privileged("chat.bskyish.convo.getLog")
