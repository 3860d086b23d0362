"""Invite codes: made, checked, spent once."""

from __future__ import annotations

import re

import pytest

from pds.errors import InvalidInviteCodeError, InvalidRequestError
from pds.services.invites import MAX_CODES, Invites
from pds.storage import accounts
from pds.storage.accounts import NewAccountRow
from pds.storage.database import rows, transaction
from tests.factories import StillClock

NOW = "2026-01-01T00:00:00.000Z"

pytestmark = pytest.mark.usefixtures("open_database")


@pytest.fixture
def invites(clock: StillClock) -> Invites:
    return Invites("pds.example.com", clock)


def test_codes_name_the_server_and_belong_to_their_accounts(invites: Invites) -> None:
    with transaction():
        accounts.insert(NewAccountRow("did:plc:a", "a.test", None, None, NOW))
    made = invites.create(3, ["did:plc:a", "admin"], code_count=2)

    assert [owner for owner, _ in made] == ["did:plc:a", "admin"]
    codes = [code for _, owned in made for code in owned]
    assert len(set(codes)) == 4
    pattern = re.compile(r"pds-example-com-[a-z2-7]{5}-[a-z2-7]{5}")
    assert all(pattern.fullmatch(code) for code in codes)
    stored = rows("SELECT code, available_uses, disabled, for_account, created_by FROM invite_code")
    assert sorted(stored) == sorted(
        (code, 3, 0, owner, "admin") for owner, owned in made for code in owned
    )


def test_code_can_be_used_as_often_as_it_says(invites: Invites) -> None:
    [(_, [code])] = invites.create(2)

    for did in ["did:plc:a", "did:plc:b"]:
        invites.check(code)
        with transaction():
            invites.use(code, did)

    with pytest.raises(InvalidInviteCodeError):
        invites.check(code)
    with pytest.raises(InvalidInviteCodeError), transaction():
        invites.use(code, "did:plc:c")


def test_use_that_is_given_back_can_be_used_again(invites: Invites) -> None:
    [(_, [code])] = invites.create(1)
    with transaction():
        invites.use(code, "did:plc:a")
    with transaction():
        invites.give_back("did:plc:a")

    invites.check(code)


def test_unknown_code_is_refused(invites: Invites) -> None:
    with pytest.raises(InvalidInviteCodeError, match="Provided invite code not available"):
        invites.check("pds-example-com-aaaaa-aaaaa")


@pytest.mark.parametrize(
    ("use_count", "owners", "code_count"),
    [(0, ["admin"], 1), (-1, ["admin"], 1), (1, ["admin"], 0), (1, ["a", "b"], MAX_CODES // 2 + 1)],
)
def test_senseless_counts_are_refused(
    invites: Invites, use_count: int, owners: list[str], code_count: int
) -> None:
    with pytest.raises(InvalidRequestError):
        invites.create(use_count, owners, code_count=code_count)
    assert rows("SELECT * FROM invite_code") == []


def test_no_accounts_are_no_codes(invites: Invites) -> None:
    assert invites.create(1, []) == []
