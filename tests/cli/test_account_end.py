"""pdsadmin account delete."""

from __future__ import annotations

import time

import pytest

from pds.cli import account_end
from pds.services.account_deletion import AccountDeletion
from tests.cli.conftest import Operator
from tests.factories import read_events


def test_deleted_account_leaves_its_tombstone_and_nothing_else(operator: Operator) -> None:
    before = operator.dump()
    did = operator.create("alice")["did"]

    result = operator.run("account", "delete", "alice", "--yes")

    assert result.exit_code == 0
    assert result.stdout == f"Deleted alice.test ({did}) and everything it held.\n"
    with operator.services():
        [(kind, event)] = read_events()
    assert (kind, event["did"], event["status"]) == ("#account", did, "deleted")
    # The directory keeps the DID, which is its owner's.
    left = [line for line in operator.dump() if line not in before]
    assert {line.split('"')[1] for line in left if line.startswith("INSERT")} <= {
        "event",
        "plc_operation",
        "server_state",
        "sqlite_sequence",
    }
    assert operator.create("alice")["handle"] == "alice.test"


def test_deletion_is_one_document(operator: Operator) -> None:
    did = operator.create("alice")["did"]

    assert operator.ask("account", "delete", did, "--yes") == {
        "did": did,
        "handle": "alice.test",
        "deleted": True,
    }


def test_nothing_is_deleted_where_nobody_can_be_asked(operator: Operator) -> None:
    operator.create("alice")

    result = operator.run("account", "delete", "alice", answers="y\n")

    assert result.exit_code == 2
    assert "--yes" in result.stderr
    assert len(operator.ask("account", "list")["accounts"]) == 1


@pytest.mark.parametrize(("answer", "left"), [("n", 1), ("", 1), ("y", 0)])
def test_deletion_is_asked_about_at_a_terminal(
    operator: Operator, monkeypatch: pytest.MonkeyPatch, answer: str, left: int
) -> None:
    did = operator.create("alice")["did"]
    monkeypatch.setattr(account_end, "is_terminal", lambda: True)

    result = operator.run("account", "delete", "alice", answers=f"{answer}\n")

    assert f"Delete alice.test ({did}) with everything it holds, for good?" in result.stderr
    assert result.exit_code == (1 if left else 0)
    assert len(operator.ask("account", "list")["accounts"]) == left


def test_long_deletion_reports_that_it_goes_on(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator.create("alice")
    clean_up = AccountDeletion.clean_up

    def slow(self: AccountDeletion) -> int:
        time.sleep(0.1)
        return clean_up(self)

    monkeypatch.setattr(AccountDeletion, "clean_up", slow)
    monkeypatch.setattr(account_end, "REPORT_EVERY_S", 0.02)

    result = operator.run("account", "delete", "alice", "--yes")

    assert result.stderr.startswith("Deleting alice.test: 0 s so far\n")


def test_unknown_account_is_not_deleted(operator: Operator) -> None:
    assert operator.fail("account", "delete", "nobody", "--yes").startswith("there is no account")
