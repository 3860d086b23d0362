"""pdsadmin sign-up."""

from __future__ import annotations

import pytest

from pds.errors import SignUpClosedError
from tests.cli.conftest import Operator
from tests.factories import new_account


def test_status_says_how_near_the_caps_are(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert operator.run("sign-up", "status").stdout.splitlines() == [
        "Sign-up   : open",
        "Last hour : 0, no cap",
        "Accounts  : 0, no cap",
    ]
    monkeypatch.setenv("PDS_SIGN_UPS_PER_HOUR", "20")
    monkeypatch.setenv("PDS_MAX_ACCOUNTS", "1")
    operator.create("alice")

    assert operator.run("sign-up", "status").stdout.splitlines() == [
        "Sign-up   : closed: the server is full",
        "Last hour : 0 of 20",
        "Accounts  : 1 of 1",
    ]
    assert operator.ask("sign-up", "status")["reason"] == "full"


def test_operator_closes_sign_up_for_others_and_opens_it_again(operator: Operator) -> None:
    assert operator.run("sign-up", "close").stdout == "Sign-up is closed.\n"
    assert "closed since 20" in operator.run("sign-up", "status").stdout
    with operator.services() as services, pytest.raises(SignUpClosedError):
        services.accounts.create(new_account())
    operator.create("bob")

    assert operator.run("sign-up", "open").stdout == "Sign-up is open.\n"
    with operator.services() as services:
        services.accounts.create(new_account())


def test_full_server_stays_closed(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PDS_MAX_ACCOUNTS", "1")
    operator.create("alice")

    assert operator.run("sign-up", "open").stdout == ("Sign-up stays closed: the server is full.\n")


def test_every_command_answers_with_the_whole_state(operator: Operator) -> None:
    closed = operator.ask("sign-up", "close")
    assert operator.ask("sign-up", "status") == closed
    assert (closed["open"], closed["reason"], closed["maxPerHour"]) == (False, "operator", None)
    assert closed["since"] is not None

    opened = operator.ask("sign-up", "open")
    assert operator.ask("sign-up", "status") == opened
    assert opened == {**closed, "open": True, "reason": None, "since": None}
