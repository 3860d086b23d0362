"""Callers: what an account's status, the admin's password and a service token let them do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pds.atproto import plc
from pds.atproto.crypto.keypair import PrivateKey
from pds.errors import (
    AccountDeactivatedError,
    AccountNotFoundError,
    AccountTakedownError,
    InvalidRequestError,
    InvalidTokenError,
    ServiceTokenError,
    UnresolvableDidError,
)
from tests.factories import ADMIN_PASSWORD, CREATE_ACCOUNT, Person, make_newcomer, take_down

if TYPE_CHECKING:
    from pds.services import Services


# --- status --------------------------------------------------------------------------------------


def test_status_is_checked_only_as_far_as_a_method_demands(
    services: Services, alice: Person, bob: Person
) -> None:
    check = services.sessions.check_account
    take_down(alice)
    services.accounts.deactivate(bob.did)

    check(alice.did, check_takedown=False, check_deactivated=True)
    check(bob.did, check_takedown=True, check_deactivated=False)
    check("did:plc:unknown", check_takedown=False, check_deactivated=False)
    with pytest.raises(AccountTakedownError):
        check(alice.did, check_takedown=True, check_deactivated=True)
    with pytest.raises(AccountDeactivatedError):
        check(bob.did, check_takedown=True, check_deactivated=True)
    with pytest.raises(AccountNotFoundError):
        check("did:plc:unknown", check_takedown=True, check_deactivated=False)


def test_session_account_must_exist_and_not_be_taken_down(
    services: Services, alice: Person, bob: Person
) -> None:
    services.accounts.deactivate(alice.did)
    assert services.sessions.get_session_account(alice.did) == alice.row

    take_down(bob)
    for did in [bob.did, "did:plc:unknown"]:
        with pytest.raises(InvalidRequestError, match="Could not find user info for account"):
            services.sessions.get_session_account(did)


@pytest.mark.parametrize(
    ("user", "password", "expected"),
    [
        ("admin", ADMIN_PASSWORD, True),
        ("admin", ADMIN_PASSWORD + "x", False),
        ("admin", "", False),
        ("root", ADMIN_PASSWORD, False),
        ("ädmin", ADMIN_PASSWORD, False),
        ("admin", "pässword\ud800", False),
    ],
)
def test_admin_needs_name_and_password(
    services: Services, user: str, password: str, expected: bool
) -> None:
    assert services.sessions.check_admin(user, password) is expected


# --- service tokens ------------------------------------------------------------------------------


def test_service_token_proves_its_issuer(services: Services) -> None:
    newcomer = make_newcomer(services)

    token = newcomer.token(services)

    assert services.sessions.verify_service(token, CREATE_ACCOUNT) == newcomer.did


def test_service_token_may_name_the_pds_service_of_this_server(services: Services) -> None:
    newcomer = make_newcomer(services)

    token = newcomer.token(services, aud=f"{services.config.service_did}#atproto_pds")

    assert services.sessions.verify_service(token, CREATE_ACCOUNT) == newcomer.did


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
        services.sessions.verify_service(token, CREATE_ACCOUNT)
    assert (raised.value.error, raised.value.status) == (error, 401)


@pytest.mark.parametrize("fragment", ["#atproto_labeler", "#bsky_fg"])
def test_service_token_of_a_service_is_not_a_users(services: Services, fragment: str) -> None:
    newcomer = make_newcomer(services)
    token = newcomer.token(services, iss=newcomer.did + fragment)

    with pytest.raises(ServiceTokenError) as raised:
        services.sessions.verify_service(token, CREATE_ACCOUNT)
    assert raised.value.error == "BadJwtIss"


def test_session_token_is_no_service_token(services: Services, alice: Person) -> None:
    with pytest.raises(ServiceTokenError) as raised:
        services.sessions.verify_service(alice.access_jwt, CREATE_ACCOUNT)
    assert raised.value.error == "BadJwtType"


def test_service_token_is_no_session_token(services: Services) -> None:
    with pytest.raises(InvalidTokenError):
        services.sessions.verify_access(make_newcomer(services).token(services))


def test_service_token_signed_by_another_key_is_refused(services: Services) -> None:
    newcomer = make_newcomer(services)
    token = newcomer.token(services, key=PrivateKey.generate())

    with pytest.raises(ServiceTokenError) as raised:
        services.sessions.verify_service(token, CREATE_ACCOUNT)
    assert raised.value.error == "BadJwtSignature"


def test_service_token_of_an_unknown_did_is_refused(services: Services) -> None:
    token = make_newcomer(services).token(services, iss="did:plc:ewvi7nxzyoun6zhxrhs64oiz")

    with pytest.raises(UnresolvableDidError):
        services.sessions.verify_service(token, CREATE_ACCOUNT)


def test_replaced_key_is_noticed_although_the_old_one_is_cached(services: Services) -> None:
    newcomer = make_newcomer(services)
    services.sessions.verify_service(newcomer.token(services), CREATE_ACCOUNT)
    new_key = PrivateKey.generate()
    operation = plc.build_update(
        newcomer.operation,
        signer=newcomer.key,
        verification_methods={"atproto": new_key.did_key},
    )
    assert services.local_plc is not None
    services.local_plc.submit(newcomer.did, operation)

    issuer = services.sessions.verify_service(newcomer.token(services, key=new_key), CREATE_ACCOUNT)

    assert issuer == newcomer.did
