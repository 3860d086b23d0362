"""pdsadmin account takedown, untakedown."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Operator
from tests.factories import read_events


def test_account_is_taken_down_under_a_word_and_back(operator: Operator) -> None:
    did = operator.create("alice")["did"]

    down = operator.ask("account", "takedown", "alice", "--ref", "spam-17")
    assert (down["did"], down["status"], down["takedownRef"]) == (did, "takendown", "spam-17")
    [listed] = operator.ask("account", "list", "--inactive")["accounts"]
    assert listed == down
    back = operator.ask("account", "untakedown", "alice")
    assert (back["status"], back["takedownRef"]) == ("active", None)

    with operator.services():
        told = [payload for kind, payload in read_events() if kind == "#account"]
    assert [(event["active"], event.get("status")) for event in told[1:]] == [
        (False, "takendown"),
        (True, None),
    ]


def test_takedown_is_kept_under_the_time_by_default(operator: Operator) -> None:
    operator.create("alice")

    assert operator.run("account", "takedown", "alice").stdout == "Took alice.test down.\n"
    assert operator.ask("account", "info", "alice")["takedownRef"].endswith("Z")
    assert operator.run("account", "untakedown", "alice").stdout == (
        "alice.test is not taken down any more.\n"
    )


def test_taken_down_account_is_not_activated(operator: Operator) -> None:
    operator.create("alice")
    operator.ask("account", "takedown", "alice")

    said = operator.fail("account", "activate", "alice")

    assert said == "Account has been taken down; first: pdsadmin account untakedown"


@pytest.mark.parametrize("command", ["takedown", "untakedown"])
def test_nobody_is_taken_down(operator: Operator, command: str) -> None:
    assert operator.fail("account", command, "nobody").startswith("there is no account nobody")
