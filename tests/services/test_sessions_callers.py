"""Callers: what an account's status and the admin's password let them do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pds.errors import AccountDeactivatedError, AccountTakedownError, InvalidRequestError
from tests.factories import ADMIN_PASSWORD, Person, take_down

if TYPE_CHECKING:
    from pds.services import Services


def test_status_is_checked_only_as_far_as_a_method_demands(
    services: Services, alice: Person, bob: Person
) -> None:
    take_down(alice)
    services.accounts.deactivate(bob.did)
    taken = services.sessions.verify_access(alice.access_jwt)
    away = services.sessions.verify_access(bob.access_jwt)

    taken.check_status(check_takedown=False, check_deactivated=True)
    away.check_status(check_takedown=True, check_deactivated=False)
    with pytest.raises(AccountTakedownError):
        taken.check_status(check_takedown=True, check_deactivated=True)
    with pytest.raises(AccountDeactivatedError):
        away.check_status(check_takedown=True, check_deactivated=True)


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
