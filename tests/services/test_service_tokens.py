"""Service tokens: who signed them, and for what."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from pds.atproto import plc
from pds.atproto.crypto.keypair import PrivateKey
from pds.errors import InvalidTokenError, ServiceTokenError, UnresolvableDidError
from pds.services import service_tokens
from pds.services.identity import Identity
from pds.services.service_tokens import ServiceTokens
from tests.factories import CREATE_ACCOUNT, Newcomer, Person, StillClock, make_newcomer

if TYPE_CHECKING:
    from pds.services import Services


def test_service_token_proves_its_issuer(services: Services) -> None:
    newcomer = make_newcomer(services)

    token = newcomer.token(services)

    assert services.service_tokens.verify_user(token, CREATE_ACCOUNT) == newcomer.did


def test_service_token_may_name_the_pds_service_of_this_server(services: Services) -> None:
    newcomer = make_newcomer(services)

    token = newcomer.token(services, aud=f"{services.config.service_did}#atproto_pds")

    assert services.service_tokens.verify_user(token, CREATE_ACCOUNT) == newcomer.did


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({"lxm": "com.atproto.repo.uploadBlob"}, "BadJwtLexiconMethod"),
        ({"lxm": None}, "BadJwtLexiconMethod"),
        ({"aud": "did:web:other.example.com"}, "BadJwtAudience"),
        ({"iss": "alice.test"}, "BadJwtIss"),
        ({"exp": 1}, "JwtExpired"),
    ],
)
def test_service_token_for_something_else_is_refused(
    services: Services, claims: dict[str, Any], error: str
) -> None:
    token = make_newcomer(services).token(services, **claims)

    with pytest.raises(ServiceTokenError) as raised:
        services.service_tokens.verify_user(token, CREATE_ACCOUNT)
    assert (raised.value.error, raised.value.status) == (error, 401)


@pytest.mark.parametrize("fragment", ["#atproto_labeler", "#bsky_fg"])
def test_service_token_of_a_service_is_not_a_users(services: Services, fragment: str) -> None:
    newcomer = make_newcomer(services)
    token = newcomer.token(services, iss=newcomer.did + fragment)

    with pytest.raises(ServiceTokenError) as raised:
        services.service_tokens.verify_user(token, CREATE_ACCOUNT)
    assert raised.value.error == "BadJwtIss"


def test_session_token_is_no_service_token(services: Services, alice: Person) -> None:
    with pytest.raises(ServiceTokenError) as raised:
        services.service_tokens.verify_user(alice.access_jwt, CREATE_ACCOUNT)
    assert raised.value.error == "BadJwtType"


def test_service_token_is_no_session_token(services: Services) -> None:
    with pytest.raises(InvalidTokenError):
        services.sessions.verify_access(make_newcomer(services).token(services))


def test_service_token_signed_by_another_key_is_refused(services: Services) -> None:
    newcomer = make_newcomer(services)
    token = newcomer.token(services, key=PrivateKey.generate())

    with pytest.raises(ServiceTokenError) as raised:
        services.service_tokens.verify_user(token, CREATE_ACCOUNT)
    assert raised.value.error == "BadJwtSignature"


def test_service_token_of_an_unknown_did_is_refused(services: Services) -> None:
    token = make_newcomer(services).token(services, iss="did:plc:ewvi7nxzyoun6zhxrhs64oiz")

    with pytest.raises(UnresolvableDidError):
        services.service_tokens.verify_user(token, CREATE_ACCOUNT)


def test_replaced_key_is_noticed_although_the_old_one_is_cached(services: Services) -> None:
    newcomer = make_newcomer(services)
    services.service_tokens.verify_user(newcomer.token(services), CREATE_ACCOUNT)
    new_key = PrivateKey.generate()
    operation = plc.build_update(
        newcomer.operation,
        signer=newcomer.key,
        verification_methods={"atproto": new_key.did_key},
    )
    assert services.local_plc is not None
    services.local_plc.submit(newcomer.did, operation)

    issuer = services.service_tokens.verify_user(
        newcomer.token(services, key=new_key), CREATE_ACCOUNT
    )

    assert issuer == newcomer.did


# --- the moderation service ----------------------------------------------------------------------

SUBJECT = "com.atproto.admin.getSubjectStatus"
LABEL_KEY = PrivateKey.generate()


@pytest.fixture
def mod(services: Services) -> Newcomer:
    """A moderation service, which is a labeler too: its DID has a second key."""
    newcomer = make_newcomer(services)
    operation = plc.build_update(
        newcomer.operation,
        signer=newcomer.key,
        verification_methods={
            "atproto": newcomer.key.did_key,
            "atproto_label": LABEL_KEY.did_key,
        },
    )
    assert services.local_plc is not None
    services.local_plc.submit(newcomer.did, operation)
    return newcomer


def trusting(services: Services, did: str | None) -> ServiceTokens:
    config = dataclasses.replace(services.config, mod_service_did=did)
    return ServiceTokens(config, services.clock, services.identity)


def test_moderation_service_signs_as_itself_or_as_labeler(
    services: Services, mod: Newcomer
) -> None:
    tokens = trusting(services, mod.did)

    as_itself = mod.token(services, SUBJECT)
    assert tokens.verify_moderator(as_itself, SUBJECT, once=False) == mod.did
    as_labeler = mod.token(services, SUBJECT, iss=f"{mod.did}#atproto_labeler", key=LABEL_KEY)
    assert tokens.verify_moderator(as_labeler, SUBJECT, once=True) == mod.did


def test_each_name_of_the_moderation_service_has_its_key(services: Services, mod: Newcomer) -> None:
    tokens = trusting(services, mod.did)
    mixed_up: list[dict[str, Any]] = [{"key": LABEL_KEY}, {"iss": f"{mod.did}#atproto_labeler"}]

    for claims in mixed_up:
        with pytest.raises(ServiceTokenError) as raised:
            tokens.verify_moderator(mod.token(services, SUBJECT, **claims), SUBJECT, once=False)
        assert (raised.value.error, raised.value.status) == ("BadJwtSignature", 401)


@pytest.mark.parametrize("is_set", [True, False])
def test_nobody_else_is_a_moderator(services: Services, mod: Newcomer, *, is_set: bool) -> None:
    other = make_newcomer(services, "other.old.test")
    tokens = trusting(services, other.did if is_set else None)

    with pytest.raises(ServiceTokenError) as raised:
        tokens.verify_moderator(mod.token(services, SUBJECT), SUBJECT, once=False)
    assert (raised.value.error, raised.value.status) == ("UntrustedIss", 401)


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({"lxm": "com.atproto.admin.sendEmail"}, "BadJwtLexiconMethod"),
        ({"aud": "did:web:other.example.com"}, "BadJwtAudience"),
        ({"exp": 1}, "JwtExpired"),
    ],
)
def test_moderators_token_is_for_one_method_of_this_server(
    services: Services, mod: Newcomer, claims: dict[str, Any], error: str
) -> None:
    token = mod.token(services, **{"lxm": SUBJECT, **claims})

    with pytest.raises(ServiceTokenError) as raised:
        trusting(services, mod.did).verify_moderator(token, SUBJECT, once=False)
    assert raised.value.error == error


def test_a_moderators_token_is_good_for_one_change(
    services: Services, mod: Newcomer, clock: StillClock
) -> None:
    tokens = trusting(services, mod.did)
    token, other = (mod.token(services, SUBJECT, jti=jti) for jti in ("1", "2"))
    for once in (False, False, True):
        tokens.verify_moderator(token, SUBJECT, once=once)

    clock.advance(60)  # its last second
    with pytest.raises(ServiceTokenError, match="jwt was used before") as raised:
        tokens.verify_moderator(token, SUBJECT, once=True)
    assert (raised.value.error, raised.value.status) == ("BadJwt", 401)
    assert tokens.verify_moderator(other, SUBJECT, once=True) == mod.did


def test_a_token_that_is_refused_is_not_used_up(services: Services, mod: Newcomer) -> None:
    tokens = trusting(services, mod.did)
    token = mod.token(services, SUBJECT)
    forged = token[: token.rindex(".") + 1] + "A" * 86

    with pytest.raises(ServiceTokenError) as raised:
        tokens.verify_moderator(forged, SUBJECT, once=True)
    assert raised.value.error == "BadJwtSignature"
    assert tokens.verify_moderator(token, SUBJECT, once=True) == mod.did


def test_few_used_tokens_are_remembered_and_none_that_has_lapsed(
    services: Services, mod: Newcomer, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_tokens, "MAX_REMEMBERED", 2)
    tokens = trusting(services, mod.did)
    first, second, third = (mod.token(services, SUBJECT, jti=jti) for jti in "123")
    for token in (first, second, third):
        tokens.verify_moderator(token, SUBJECT, once=True)

    with pytest.raises(ServiceTokenError, match="used before"):
        tokens.verify_moderator(third, SUBJECT, once=True)
    tokens.verify_moderator(first, SUBJECT, once=True)  # the price of the bound

    clock.advance(61)
    for jti in "45":
        tokens.verify_moderator(mod.token(services, SUBJECT, jti=jti), SUBJECT, once=True)
    with pytest.raises(ServiceTokenError, match="jwt expired"):
        tokens.verify_moderator(third, SUBJECT, once=True)


# --- times ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "is_fine"), [(0, True), (60, True), (3_900, True), (3_901, False), (10**12, False)]
)
def test_lifetime_is_bounded(services: Services, seconds: int, *, is_fine: bool) -> None:
    newcomer = make_newcomer(services)
    exp = services.clock() // 1_000_000 + seconds
    token = newcomer.token(services, exp=exp)

    if is_fine:
        assert services.service_tokens.verify_user(token, CREATE_ACCOUNT) == newcomer.did
        return
    with pytest.raises(ServiceTokenError, match="more than an hour in the future") as raised:
        services.service_tokens.verify_user(token, CREATE_ACCOUNT)
    assert (raised.value.error, raised.value.status) == ("BadJwt", 401)


@pytest.mark.parametrize(("ahead_s", "is_fine"), [(-86_400, True), (300, True), (301, False)])
def test_clocks_may_differ_by_a_little(services: Services, ahead_s: int, *, is_fine: bool) -> None:
    newcomer = make_newcomer(services)
    now_s = services.clock() // 1_000_000
    token = newcomer.token(services, now=now_s + ahead_s, exp=now_s + 60)

    if is_fine:
        assert services.service_tokens.verify_user(token, CREATE_ACCOUNT) == newcomer.did
        return
    with pytest.raises(ServiceTokenError, match="issued in the future") as raised:
        services.service_tokens.verify_user(token, CREATE_ACCOUNT)
    assert raised.value.error == "BadJwt"


def test_users_tokens_may_be_used_again(services: Services) -> None:
    """Uploads come in numbers; a sign-up that was refused may be tried again."""
    token = make_newcomer(services).token(services)

    for _ in range(3):
        services.service_tokens.verify_user(token, CREATE_ACCOUNT)


# --- keys ----------------------------------------------------------------------------------------


def test_forged_tokens_have_the_keys_fetched_anew_now_and_then_only(
    services: Services, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    newcomer, other = make_newcomer(services), make_newcomer(services, "dora.old.test")
    forced: list[str] = []
    look_up = Identity.signing_key_of

    def counting(self: Identity, did: str, *, key_id: str, force: bool = False) -> str | None:
        if force:
            forced.append(did)
        return look_up(self, did, key_id=key_id, force=force)

    monkeypatch.setattr(Identity, "signing_key_of", counting)

    def forge(owner: Newcomer) -> None:
        token = owner.token(services, key=PrivateKey.generate())
        with pytest.raises(ServiceTokenError, match="signature does not match"):
            services.service_tokens.verify_user(token, CREATE_ACCOUNT)

    for owner in (newcomer, newcomer, other, newcomer):
        forge(owner)
    assert forced == [newcomer.did, other.did]

    clock.advance(30)
    forge(newcomer)
    assert forced == [newcomer.did, other.did, newcomer.did]
    right = newcomer.token(services)
    assert services.service_tokens.verify_user(right, CREATE_ACCOUNT) == newcomer.did
