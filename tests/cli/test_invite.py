"""pdsadmin invite."""

from __future__ import annotations

import pytest

from pds.cli import invite
from tests.cli.conftest import Operator
from tests.factories import new_account


def use(operator: Operator, code: str, name: str) -> str:
    """Let somebody in; the DID."""
    with operator.services() as services:
        return services.accounts.create(new_account(name, invite_code=code)).did


# --- create -------------------------------------------------------------------------------------


def test_codes_are_printed_one_a_line_and_let_people_in(operator: Operator) -> None:
    codes = operator.run("invite", "create", "--count", "3").stdout.split()

    assert len(set(codes)) == 3
    did = use(operator, codes[0], "alice")
    assert operator.rows("SELECT code, used_by FROM invite_code_use") == [(codes[0], did)]


def test_codes_belong_to_the_account_named(operator: Operator) -> None:
    did = operator.create("alice")["did"]

    [made] = operator.ask("invite", "create", "--uses", "5", "--for", "alice")["codes"]

    assert (made["uses"], made["forAccount"]) == (5, did)
    assert operator.rows("SELECT code, available_uses, for_account FROM invite_code") == [
        (made["code"], 5, did)
    ]


def test_no_codes_for_nobody(operator: Operator) -> None:
    assert operator.fail("invite", "create", "--for", "nobody").startswith("there is no account")
    assert operator.run("invite", "create", "--uses", "0").exit_code == 2
    assert operator.fail("invite", "create", "--count", "10001") == (
        "At most 10000 codes can be made at once"
    )


# --- list ---------------------------------------------------------------------------------------


def test_list_shows_state_owner_and_users(operator: Operator) -> None:
    operator.create("alice")
    [[spent], [half], [closed]] = (
        [code["code"] for code in operator.ask("invite", "create", *words)["codes"]]
        for words in ((), ("--uses", "2", "--for", "alice"), ())
    )
    bob, carol = use(operator, spent, "bob"), use(operator, half, "carol")
    operator.ask("invite", "disable", closed)

    lines = operator.run("invite", "list").stdout.splitlines()
    told = {line.split()[0]: line.split() for line in lines[1:]}

    assert lines[0].split() == ["Code", "Used", "State", "For", "Made", "Used", "by"]
    assert told[spent][1:5] == ["1/1", "used", "up", "admin"]
    assert told[spent][-1] == "bob.test"
    assert told[half][1:4] == ["1/2", "open", "alice.test"]
    assert told[closed][1:4] == ["0/1", "closed", "admin"]
    known = {code["code"]: code for code in operator.ask("invite", "list")["codes"]}
    assert {known[code]["state"] for code in known} == {"used up", "open", "closed"}
    assert [entry["did"] for entry in known[spent]["usedBy"]] == [bob]
    assert [entry["did"] for entry in known[half]["usedBy"]] == [carol]
    assert [code["code"] for code in operator.ask("invite", "list", "--open")["codes"]] == [half]


def test_list_does_not_end_with_a_page(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    made = operator.run("invite", "create", "--count", "5").stdout.split()
    monkeypatch.setattr(invite, "PAGE", 2)

    listed = [code["code"] for code in operator.ask("invite", "list")["codes"]]

    assert sorted(listed) == sorted(made)


# --- disable ------------------------------------------------------------------------------------


def test_closed_codes_let_nobody_in(operator: Operator) -> None:
    operator.create("alice")
    first, second = operator.run("invite", "create", "--count", "2").stdout.split()
    own = operator.run("invite", "create", "--for", "alice").stdout.strip()

    result = operator.run("invite", "disable", first, "--of", "alice")

    assert result.stdout == "Closed: 2.\n"
    closed = operator.rows("SELECT code FROM invite_code WHERE disabled")
    assert {code for (code,) in closed} == {first, own}
    use(operator, second, "bob")


def test_unknown_code_is_told_and_nothing_closed(operator: Operator) -> None:
    code = operator.run("invite", "create").stdout.strip()

    said = operator.fail("invite", "disable", code, "nonsense")

    assert said == "there is no code nonsense; to see all: pdsadmin invite list"


def test_closing_nothing_is_a_wrong_use(operator: Operator) -> None:
    assert operator.run("invite", "disable").exit_code == 2
