"""Service tokens: who signed them, and for what."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from pds.atproto import plc
from pds.atproto.crypto.keypair import PrivateKey
from pds.errors import InvalidTokenError, ServiceTokenError, UnresolvableDidError
from pds.services.service_tokens import ServiceTokens
from tests.factories import CREATE_ACCOUNT, Newcomer, Person, make_newcomer

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
    assert tokens.verify_moderator(as_itself, SUBJECT) == mod.did
    as_labeler = mod.token(services, SUBJECT, iss=f"{mod.did}#atproto_labeler", key=LABEL_KEY)
    assert tokens.verify_moderator(as_labeler, SUBJECT) == mod.did


def test_each_name_of_the_moderation_service_has_its_key(services: Services, mod: Newcomer) -> None:
    tokens = trusting(services, mod.did)
    mixed_up: list[dict[str, Any]] = [{"key": LABEL_KEY}, {"iss": f"{mod.did}#atproto_labeler"}]

    for claims in mixed_up:
        with pytest.raises(ServiceTokenError) as raised:
            tokens.verify_moderator(mod.token(services, SUBJECT, **claims), SUBJECT)
        assert (raised.value.error, raised.value.status) == ("BadJwtSignature", 401)


@pytest.mark.parametrize("is_set", [True, False])
def test_nobody_else_is_a_moderator(services: Services, mod: Newcomer, *, is_set: bool) -> None:
    other = make_newcomer(services, "other.old.test")
    tokens = trusting(services, other.did if is_set else None)

    with pytest.raises(ServiceTokenError) as raised:
        tokens.verify_moderator(mod.token(services, SUBJECT), SUBJECT)
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
        trusting(services, mod.did).verify_moderator(token, SUBJECT)
    assert raised.value.error == error
