"""Addresses of accounts: what only the operator does, and what sqlite3 may do."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pds.errors import (
    AccountNotFoundError,
    InvalidRequestError,
    InvalidTokenError,
    NotFoundError,
    TokenRequiredError,
)
from pds.storage import accounts, email_tokens
from pds.storage.database import execute, rows, transaction
from tests.factories import Person, race

if TYPE_CHECKING:
    from pds.services import Services

NOBODY = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"


def by_hand(database_file: Path, statement: str) -> None:
    """What an operator types into sqlite3 while the server runs."""
    with contextlib.closing(sqlite3.connect(database_file)) as connection:
        connection.execute(statement)
        connection.commit()


def test_the_well_known_statement_confirms(
    services: Services, alice: Person, bob: Person, open_database: Path
) -> None:
    by_hand(open_database, "update account set emailConfirmedAt = datetime('now')")

    assert alice.row.is_email_confirmed
    assert services.email_addresses.request_change(alice.did).token_required
    with pytest.raises(TokenRequiredError):
        services.email_addresses.change(alice.did, "new@example.com", None)
    services.email_addresses.request_confirmation(bob.did)
    assert email_tokens.find_token(bob.row.id, "confirm_email") is None


@pytest.mark.parametrize("nothing", ["NULL", "''"])
def test_confirmation_can_be_taken_back_by_hand(
    services: Services, alice: Person, open_database: Path, nothing: str
) -> None:
    services.email_addresses.confirm_by_operator(alice.handle)
    by_hand(open_database, f"update account set emailConfirmedAt = {nothing} where 1")

    assert not services.email_addresses.request_change(alice.did).token_required
    services.email_addresses.change(alice.did, "new@example.com", None)
    assert alice.row.email == "new@example.com"


def test_operator_confirms(services: Services, alice: Person) -> None:
    services.email_addresses.confirm_by_operator(alice.did)
    confirmed_at = alice.row.email_confirmed_at
    assert confirmed_at == "2026-09-21T14:13:20.000Z"

    services.email_addresses.confirm_by_operator(alice.handle)
    assert alice.row.email_confirmed_at == confirmed_at
    with pytest.raises(NotFoundError):
        services.email_addresses.confirm_by_operator(NOBODY)
    with transaction():
        execute("UPDATE account SET email = NULL")
    with pytest.raises(InvalidRequestError, match="does not have an email address"):
        services.email_addresses.confirm_by_operator(alice.did)


def test_who_is_not_here_is_told(services: Services) -> None:
    addresses = services.email_addresses
    for attempt in (
        lambda: addresses.request_confirmation(NOBODY),
        lambda: addresses.confirm(NOBODY, "a@example.com", "AAAAA-AAAAA"),
        lambda: addresses.request_change(NOBODY),
        lambda: addresses.change(NOBODY, "a@example.com", None),
    ):
        with pytest.raises(AccountNotFoundError):
            attempt()


def test_address_wanted_by_two_goes_to_one(services: Services, alice: Person, bob: Person) -> None:
    outcomes = race(
        [
            lambda: services.email_addresses.change(alice.did, "new@example.com", None),
            lambda: services.email_addresses.change(bob.did, "new@example.com", None),
        ]
    )

    assert outcomes.count(None) == 1
    assert len(rows("SELECT 1 FROM account WHERE email = 'new@example.com'")) == 1


def test_account_deleted_between_check_and_use_of_a_code(
    services: Services, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.email_addresses.request_confirmation(alice.did)
    services.password_changes.request_reset(alice.email)
    confirm = email_tokens.find_token(alice.row.id, "confirm_email")
    reset = email_tokens.find_token(alice.row.id, "reset_password")
    assert confirm is not None
    assert reset is not None
    monkeypatch.setattr(accounts, "find_by_id", lambda _: None)

    with pytest.raises(InvalidTokenError):
        services.email_addresses.confirm_by_link(confirm.token)
    with pytest.raises(InvalidTokenError):
        services.password_changes.reset(reset.token, "new")
