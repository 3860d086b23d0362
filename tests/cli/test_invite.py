"""pdsadmin invite."""

from __future__ import annotations

from tests.cli.conftest import Operator
from tests.factories import new_account


def test_codes_are_printed_one_a_line_and_let_people_in(operator: Operator) -> None:
    codes = operator.run("invite", "create", "--count", "3").stdout.split()

    assert len(set(codes)) == 3
    with operator.services() as services:
        services.accounts.create(new_account(invite_code=codes[0]))
        services.invites.check(codes[1])
    assert operator.rows("SELECT code FROM invite_code_use") == [(codes[0],)]


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
