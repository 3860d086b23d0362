"""Rows of invite codes: when one still opens the door."""

from __future__ import annotations

import pytest

from pds.storage import accounts, invite_codes
from pds.storage.accounts import NewAccountRow
from pds.storage.database import execute, transaction
from pds.storage.invite_codes import InviteCodeRow

pytestmark = pytest.mark.usefixtures("open_database")

NOW = "2026-01-01T00:00:00.000Z"
OWNER = "did:plc:owner"


def add(code: str, uses: int = 1, owner: str = "admin") -> None:
    with transaction():
        invite_codes.insert_codes([InviteCodeRow(code, uses, owner, "admin", NOW)])


def test_code_is_available_until_its_uses_are_spent() -> None:
    add("code", uses=2)
    left = []
    for did in ["did:plc:a", "did:plc:b"]:
        left.append(invite_codes.is_available("code"))
        with transaction():
            invite_codes.record_use("code", did, NOW)

    assert [*left, invite_codes.is_available("code")] == [True, True, False]


def test_uses_of_other_codes_do_not_count() -> None:
    add("one")
    add("two")
    with transaction():
        invite_codes.record_use("one", "did:plc:a", NOW)

    assert invite_codes.is_available("two")


def test_forgotten_use_can_be_made_again() -> None:
    add("code")
    with transaction():
        invite_codes.record_use("code", "did:plc:a", NOW)
        invite_codes.forget_uses("did:plc:a")

    assert invite_codes.is_available("code")


def test_unknown_and_disabled_codes_are_not_available() -> None:
    add("code")
    with transaction():
        execute("UPDATE invite_code SET disabled = 1")

    assert not invite_codes.is_available("code")
    assert not invite_codes.is_available("nonsense")


def test_code_of_a_taken_down_owner_is_not_available() -> None:
    add("code", owner=OWNER)
    with transaction():
        account_id = accounts.insert(NewAccountRow(OWNER, "o.test", None, None, NOW))
    assert invite_codes.is_available("code")

    with transaction():
        accounts.set_takedown(account_id, "ref")
    assert not invite_codes.is_available("code")

    with transaction():
        accounts.set_takedown(account_id, None)
        accounts.set_deactivated(account_id, NOW, None)
    assert invite_codes.is_available("code")
