"""pdsadmin account codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pds.services.email_tokens import PURPOSES
from tests.cli.conftest import Operator

if TYPE_CHECKING:
    from pds.services import Services
    from pds.services.email_tokens import Purpose


def request(services: Services, name: str, purpose: Purpose) -> None:
    """What a member does who asks for a code."""
    services.email_tokens.request(services.accounts.get_account(f"{name}.test"), purpose)


def test_no_codes_is_said(operator: Operator) -> None:
    assert operator.run("account", "codes").stdout == "No codes are waiting.\n"
    assert operator.ask("account", "codes") == {"codes": []}


@pytest.mark.parametrize("purpose", PURPOSES)
def test_code_that_is_read_out_is_good(operator: Operator, purpose: Purpose) -> None:
    did = operator.create("alice")["did"]
    with operator.services(now_us=None) as services:
        request(services, "alice", purpose)

    [code] = operator.ask("account", "codes")["codes"]

    assert (code["did"], code["handle"], code["purpose"]) == (did, "alice.test", purpose)
    assert 13 <= code["minutesLeft"] <= 15
    assert code["link"] is None or code["code"] in code["link"]
    with operator.services(now_us=None) as services:
        services.email_tokens.redeem(services.accounts.get_account(did), purpose, code["code"])
    assert operator.ask("account", "codes") == {"codes": []}


def test_codes_are_a_table_narrowed_to_one_account(operator: Operator) -> None:
    operator.create("alice")
    operator.create("bob")
    with operator.services(now_us=None) as services:
        request(services, "bob", "reset_password")
        request(services, "alice", "delete_account")

    heading, *all_lines = operator.run("account", "codes").stdout.splitlines()
    _, *lines_of_alice = operator.run("account", "codes", "alice").stdout.splitlines()

    assert heading.split() == ["Account", "Purpose", "Code", "Minutes", "left", "Link"]
    assert [line.split()[:2] for line in all_lines] == [
        ["bob.test", "reset_password"],
        ["alice.test", "delete_account"],
    ]
    assert lines_of_alice == all_lines[1:]


def test_codes_of_nobody(operator: Operator) -> None:
    assert operator.fail("account", "codes", "nobody").startswith("there is no account nobody")
