"""pdsadmin account create, deactivate, activate."""

from __future__ import annotations

import re

import pytest

from pds.cli import account_life
from tests.cli.conftest import Operator
from tests.factories import read_events

NEW = ("account", "create", "--handle", "alice", "--email", "alice@example.com")


def test_created_account_is_told_once_and_can_log_in(operator: Operator) -> None:
    result = operator.run(*NEW)

    assert result.exit_code == 0
    told = dict(re.findall(r"^(\w+) +: (.+)$", result.stdout, re.MULTILINE))
    assert told["Handle"] == "alice.test"
    assert "not shown again" in result.stdout
    with operator.services() as services:
        account = services.sessions.login("alice.test", told["Password"]).account
        assert account.did == told["DID"]
        assert [kind for kind, _ in read_events()] == ["#identity", "#account", "#commit", "#sync"]


def test_json_of_a_creation_holds_the_same_facts(operator: Operator) -> None:
    made = operator.ask(*NEW)

    assert (made["handle"], made["email"]) == ("alice.test", "alice@example.com")
    assert made["status"] == "active"
    with operator.services() as services:
        assert services.sessions.login(made["did"], made["password"]).account.did == made["did"]


def test_generated_passwords_are_long_and_differ(operator: Operator) -> None:
    passwords = {operator.create(name)["password"] for name in ("alice", "bob", "carol")}

    assert len(passwords) == 3
    assert all(len(password) >= 24 for password in passwords)


def test_given_password_is_the_accounts(operator: Operator) -> None:
    operator.run(*NEW, "--password", "given one")
    operator.run(
        "account", "create", "--handle", "bob", "--email", "b@example.com", "--password", "-",
        answers="typed one\n",
    )  # fmt: skip

    with operator.services() as services:
        services.sessions.login("alice.test", "given one")
        services.sessions.login("bob.test", "typed one")


def test_account_made_for_somebody_has_no_session(operator: Operator) -> None:
    operator.run(*NEW)

    assert operator.rows("SELECT * FROM session") == []
    assert operator.rows("SELECT * FROM refresh_token") == []


def test_operator_needs_no_invite_and_may_give_reserved_names(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PDS_INVITE_REQUIRED", "true")

    assert operator.create("admin")["handle"] == "admin.test"


def test_full_handle_is_taken_as_it_is(operator: Operator) -> None:
    assert operator.create("Alice.test")["handle"] == "alice.test"


def test_operator_may_give_a_handle_domain_itself(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PDS_SERVICE_HANDLE_DOMAINS", ".home.example.com")

    assert operator.create("home.example.com")["handle"] == "home.example.com"


def test_what_is_missing_is_asked_at_a_terminal(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_life, "is_terminal", lambda: True)

    result = operator.run("account", "create", answers="alice@example.com\nalice\n")

    assert result.exit_code == 0
    assert result.stderr.startswith("E-mail address: ")
    [account] = operator.ask("account", "list")["accounts"]
    assert (account["handle"], account["email"]) == ("alice.test", "alice@example.com")


@pytest.mark.parametrize("missing", ["--handle", "--email"])
def test_program_that_forgets_something_is_told_and_not_asked(
    operator: Operator, missing: str
) -> None:
    words = list(NEW)
    at = words.index(missing)
    del words[at : at + 2]

    result = operator.run(*words)

    assert result.exit_code == 2
    assert f"Missing option '{missing}'" in result.stderr
    assert operator.rows("SELECT * FROM account") == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--handle", "a b"), "Invalid handle; choose another handle"),
        (("--handle", "alice.example.com"), "Not a supported handle domain; take a handle below"),
        (("--email", "nonsense"), "This email address is not supported"),
        (("--password", ""), "The password is empty"),
    ],
)
def test_refused_account_is_not_made(operator: Operator, words: tuple[str, str], said: str) -> None:
    assert operator.fail(*NEW, *words).startswith(said)


def test_names_in_use_are_refused(operator: Operator) -> None:
    operator.create("alice")

    assert operator.fail(*NEW) == "Handle already taken: alice.test"
    assert operator.fail(*NEW, "--handle", "bob") == "Email already taken: alice@example.com"


def test_account_is_switched_off_and_on_and_announced(operator: Operator) -> None:
    did = operator.create("alice")["did"]

    off = operator.ask("account", "deactivate", "alice")
    assert (off["did"], off["status"]) == (did, "deactivated")
    assert off["deactivatedAt"] is not None
    on = operator.ask("account", "activate", "alice")
    assert (on["status"], on["deactivatedAt"]) == ("active", None)

    with operator.services():
        told = [payload for kind, payload in read_events() if kind == "#account"]
    assert [(event["active"], event.get("status")) for event in told] == [
        (True, None),
        (False, "deactivated"),
        (True, None),
    ]


@pytest.mark.parametrize("command", ["deactivate", "activate", "info"])
def test_unknown_account_is_named_and_the_list_pointed_to(operator: Operator, command: str) -> None:
    said = operator.fail("account", command, "nobody")

    assert said == "there is no account nobody here; to see all: pdsadmin account list"
