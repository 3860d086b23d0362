"""Permission sets as they were last found, and which of them stay."""

from __future__ import annotations

import pytest

from pds.services import Services
from pds.storage import database, permission_sets
from pds.storage.database import transaction
from pds.storage.permission_sets import PermissionSetRow
from tests.allowed_apps import add_browser, allow_an_app
from tests.factories import make_account

pytestmark = pytest.mark.usefixtures("open_database")


def save(*nsids: str, at_us: int = 0) -> None:
    with transaction():
        for place, nsid in enumerate(nsids):
            permission_sets.save(nsid, f'"{nsid}"', at_us + place)


def kept() -> set[str]:
    return {nsid for (nsid,) in database.rows("SELECT nsid FROM permission_set")}


def test_set_is_found_as_it_was_saved() -> None:
    save("net.ours.a", at_us=7)

    assert permission_sets.find("net.ours.a") == PermissionSetRow(
        "net.ours.a", '"net.ours.a"', 7, 7
    )
    assert permission_sets.find("net.ours.A") is None


def test_saving_again_is_no_use() -> None:
    save("net.ours.a", at_us=7)
    with transaction():
        permission_sets.save("net.ours.a", "new", 8)

    assert permission_sets.find("net.ours.a") == PermissionSetRow("net.ours.a", "new", 8, 7)


def test_use_is_noted_and_never_goes_back() -> None:
    save("net.ours.a", "net.ours.b")
    with transaction():
        permission_sets.note_use({"net.ours.a", "net.ours.unknown"}, 9)
        permission_sets.note_use(["net.ours.a"], 5)

    rows = [permission_sets.find(nsid) for nsid in ("net.ours.a", "net.ours.b")]
    assert [row.used_at_us for row in rows if row] == [9, 1]


def test_due_are_the_oldest_of_those_in_use() -> None:
    save("net.ours.a", "net.ours.b", "net.ours.c", "net.ours.d")
    with transaction():
        permission_sets.note_use(["net.ours.b", "net.ours.c", "net.ours.d"], 100)

    def due(fetched_before_us: int, limit: int = 9) -> list[str]:
        return permission_sets.list_due(
            used_since_us=50, fetched_before_us=fetched_before_us, limit=limit
        )

    assert due(10) == ["net.ours.b", "net.ours.c", "net.ours.d"]
    assert due(3) == ["net.ours.b", "net.ours.c"]
    assert due(10, limit=1) == ["net.ours.b"]


def test_sets_too_old_to_be_used_go() -> None:
    save("net.ours.a", "net.ours.b")
    with transaction():
        permission_sets.note_use(["net.ours.a"], 100)
        assert permission_sets.remove_fetched_before(1) == 1

    assert kept() == {"net.ours.b"}


def test_those_used_last_stay() -> None:
    save("net.ours.a", "net.ours.b", "net.ours.c")
    with transaction():
        permission_sets.note_use(["net.ours.a"], 100)
        assert permission_sets.remove_all_but_last_used(2) == 1

    assert kept() == {"net.ours.a", "net.ours.c"}


def test_those_in_grants_stay_however_many_others_come(services: Services) -> None:
    add_browser()
    allow_an_app(make_account(services, "alice"))
    with transaction():
        database.execute(
            "UPDATE oauth_grant SET requested_scope ="
            " 'atproto include:net.ours.a include:net.ours.b?aud=did:web:x%23y repo:*'"
        )
    save("net.ours.a", "net.ours.b", "net.ours.c", "net.ours.d", at_us=5)
    save("net.strangers.a", "net.strangers.b", at_us=100)
    with transaction():
        assert permission_sets.remove_all_but_last_used(2) == 2

    assert kept() == {"net.ours.a", "net.ours.b", "net.strangers.a", "net.strangers.b"}
