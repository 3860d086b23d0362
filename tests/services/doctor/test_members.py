"""Who is asked about where not everybody can be."""

from __future__ import annotations

import pytest

from pds.services import Services
from pds.services.doctor.members import active_members, out_of
from pds.storage import accounts
from pds.storage.database import transaction
from tests.factories import make_account


@pytest.fixture
def dids(services: Services) -> list[str]:
    return [make_account(services, f"member{number}").did for number in range(6)]


def test_all_are_where_there_are_few(dids: list[str]) -> None:
    members, total = active_members(10)

    assert sorted(member.did for member in members) == sorted(dids)
    assert (total, out_of(len(members), total)) == (6, "6")


def test_the_newest_are_always_among_them(dids: list[str]) -> None:
    for _ in range(5):
        members, total = active_members(4)

        picked = [member.did for member in members]
        assert picked[:2] == [dids[5], dids[4]]
        assert len(set(picked)) == 4
        assert out_of(4, total) == "4 of 6"


def test_who_is_away_is_left_out(dids: list[str]) -> None:
    found = accounts.find_by_did(dids[0])
    assert found is not None
    with transaction():
        accounts.set_deactivated(found.id, "2026-01-01T00:00:00.000Z", None)

    members, total = active_members(10)

    assert (total, dids[0] in [member.did for member in members]) == (5, False)
