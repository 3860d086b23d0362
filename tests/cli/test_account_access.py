"""pdsadmin account reset-password, confirm-email, set-email."""

from __future__ import annotations

import re

import pytest

from pds.errors import AuthRequiredError
from tests.cli.conftest import Operator

# --- reset-password -----------------------------------------------------------------------------


def test_new_password_is_told_and_only_it_opens(operator: Operator) -> None:
    made = operator.create("alice")
    with operator.services(now_us=None) as services:
        services.sessions.login("alice.test", made["password"])

    told = operator.run("account", "reset-password", "alice").stdout

    match = re.search(r"^Password : (.+)$", told, re.MULTILINE)
    assert match is not None
    assert made["did"] in told
    assert operator.rows("SELECT * FROM session") == []
    with operator.services() as services:
        assert services.sessions.login("alice.test", match[1]).account.did == made["did"]
        with pytest.raises(AuthRequiredError):
            services.sessions.login("alice.test", made["password"])


def test_chosen_password_is_set(operator: Operator) -> None:
    operator.create("alice")
    operator.create("bob")

    said = operator.ask("account", "reset-password", "alice", "--password", "my own")
    operator.run("account", "reset-password", "bob", "--password", "-", answers="typed\n")

    assert said["password"] == "my own"
    with operator.services() as services:
        services.sessions.login("alice.test", "my own")
        services.sessions.login("bob.test", "typed")


# --- e-mail -------------------------------------------------------------------------------------


def test_address_is_confirmed(operator: Operator) -> None:
    operator.create("alice")

    result = operator.run("account", "confirm-email", "alice")

    assert result.stdout == "The e-mail address of alice.test, alice@example.com, is confirmed.\n"
    confirmed_at = operator.ask("account", "info", "alice")["emailConfirmedAt"]
    assert confirmed_at is not None
    assert operator.ask("account", "confirm-email", "alice")["emailConfirmedAt"] == confirmed_at


def test_new_address_is_not_confirmed(operator: Operator) -> None:
    operator.create("alice")
    operator.ask("account", "confirm-email", "alice")

    changed = operator.ask("account", "set-email", "alice", "Alice@Other.example.com")

    assert changed["email"] == "alice@other.example.com"
    assert changed["emailConfirmedAt"] is None


def test_refused_changes_change_nothing(operator: Operator) -> None:
    operator.create("alice")
    operator.create("bob")

    assert "not supported" in operator.fail("account", "set-email", "alice", "nonsense")
    assert operator.fail("account", "set-email", "alice", "bob@example.com") == (
        "Another account has this e-mail address: bob@example.com"
    )
    assert operator.fail("account", "reset-password", "alice", "--password", "") == (
        "The password is empty"
    )


@pytest.mark.parametrize(
    "words", [("confirm-email", "x"), ("set-email", "x", "a@example.com"), ("reset-password", "x")]
)
def test_nobody_is_changed(operator: Operator, words: tuple[str, ...]) -> None:
    assert operator.fail("account", *words).startswith("there is no account x here")
