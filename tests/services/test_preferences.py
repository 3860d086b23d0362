"""Preferences: what is kept, who sees what, and how much there may be."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from pds.errors import AccountNotFoundError, InvalidRequestError
from pds.services.preferences import DECLARED_AGE, MAX_COUNT, MAX_TOTAL_BYTES, PERSONAL_DETAILS
from pds.storage import accounts
from pds.storage.database import transaction
from tests.factories import Person, StillClock

if TYPE_CHECKING:
    from pds.services import Services

DEFS = "app.bsky.actor.defs"
ADULT = {"$type": f"{DEFS}#adultContentPref", "enabled": True}
LABEL = {"$type": f"{DEFS}#contentLabelPref", "label": "spam", "visibility": "hide"}
BORN = {"$type": PERSONAL_DETAILS, "birthDate": "2000-05-17T00:00:00.000Z"}
UNKNOWN = {"$type": "app.bsky.future#pref", "deep": [{"n": None, "t": "ü"}]}


def put(services: Services, person: Person, *wanted: dict[str, Any], full: bool = True) -> None:
    services.preferences.put(person.row, wanted, full_access=full)


def get(services: Services, person: Person, *, full: bool = True) -> list[dict[str, Any]]:
    return services.preferences.get(person.row, full_access=full)


def ages(services: Services, person: Person) -> list[bool]:
    [declared] = [item for item in get(services, person) if item["$type"] == DECLARED_AGE]
    return [declared[f"isOverAge{limit}"] for limit in (13, 16, 18)]


def test_what_is_put_comes_back_in_order(services: Services, alice: Person, bob: Person) -> None:
    wanted: list[dict[str, Any]] = [LABEL, ADULT, {**LABEL, "label": "porn"}, UNKNOWN]
    put(services, alice, *wanted)

    assert get(services, alice) == wanted
    assert get(services, alice, full=False) == wanted
    assert get(services, bob) == []


def test_putting_replaces_everything(services: Services, alice: Person) -> None:
    put(services, alice, LABEL, ADULT, BORN)
    put(services, alice, ADULT)

    assert get(services, alice) == [ADULT]


def test_birth_date_is_for_full_access_only(services: Services, alice: Person) -> None:
    put(services, alice, BORN, ADULT)
    shown = get(services, alice, full=False)

    assert [item["$type"] for item in shown] == [ADULT["$type"], DECLARED_AGE]
    with pytest.raises(InvalidRequestError, match=r"authorization.*personalDetailsPref"):
        put(services, alice, {**BORN, "birthDate": "1990-01-01T00:00:00Z"}, full=False)
    put(services, alice, LABEL, full=False)
    assert get(services, alice)[:2] == [BORN, LABEL]


def test_age_is_computed_and_cannot_be_set(services: Services, alice: Person) -> None:
    put(services, alice, {"$type": DECLARED_AGE, "isOverAge18": True})
    assert get(services, alice) == []

    put(services, alice, BORN, *get(services, alice))
    put(services, alice, *get(services, alice))  # as apps send back what they were given
    assert [item["$type"] for item in get(services, alice)] == [PERSONAL_DETAILS, DECLARED_AGE]


def test_personal_details_without_a_date_declare_nothing(services: Services, alice: Person) -> None:
    put(services, alice, {"$type": PERSONAL_DETAILS})

    assert get(services, alice) == [{"$type": PERSONAL_DETAILS}]


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        ("2013-05-16", [False, False, False]),
        ("2013-05-17", [True, False, False]),
        ("2016-05-17", [True, True, False]),
        ("2018-05-16", [True, True, False]),
        ("2018-05-17", [True, True, True]),
    ],
)
def test_birthdays_count_from_the_day_itself(
    services: Services, clock: StillClock, alice: Person, today: str, expected: list[bool]
) -> None:
    put(services, alice, {**BORN, "birthDate": "2000-05-17T23:30:00+02:00"})
    clock.now_us = int(datetime.fromisoformat(today).replace(tzinfo=UTC).timestamp()) * 1_000_000

    assert ages(services, alice) == expected


@pytest.mark.parametrize("born", ["0000-01-01T00:00:00Z", "9999-12-31T23:59:60Z"])
def test_odd_dates_are_only_numbers(services: Services, alice: Person, born: str) -> None:
    put(services, alice, {**BORN, "birthDate": born})

    assert ages(services, alice) == [born.startswith("0")] * 3


@pytest.mark.parametrize(
    "name", ["com.example#pref", "app.bskyx.actor", "app", "app.bsky#pref", "APP.BSKY.x"]
)
def test_other_namespaces_are_refused_whole(services: Services, alice: Person, name: str) -> None:
    put(services, alice, ADULT)
    with pytest.raises(InvalidRequestError, match=r"not in the app\.bsky namespace"):
        put(services, alice, LABEL, {"$type": name})

    assert get(services, alice) == [ADULT]


def test_namespace_itself_is_a_name(services: Services, alice: Person) -> None:
    put(services, alice, {"$type": "app.bsky"})

    assert get(services, alice) == [{"$type": "app.bsky"}]


def test_number_and_size_have_limits(services: Services, alice: Person) -> None:
    many = [{**LABEL, "label": str(number)} for number in range(MAX_COUNT)]
    put(services, alice, *many)
    overhead = len('{"$type":"app.bsky.x","text":""}')
    large = {"$type": "app.bsky.x", "text": "ü" * ((MAX_TOTAL_BYTES - overhead) // 2)}

    with pytest.raises(InvalidRequestError, match="More than"):
        put(services, alice, *many, ADULT)
    with pytest.raises(InvalidRequestError, match="bytes, the limit is"):
        put(services, alice, large, ADULT)
    assert get(services, alice) == many
    put(services, alice, large)
    assert get(services, alice) == [large]


def test_deactivation_keeps_them_and_deletion_does_not(services: Services, alice: Person) -> None:
    put(services, alice, BORN, ADULT)
    row = alice.row
    services.accounts.deactivate(alice.did)
    assert services.preferences.get(alice.row, full_access=True)[:2] == [BORN, ADULT]
    put(services, alice, ADULT)

    with transaction():
        accounts.delete(row.id)
    assert services.preferences.get(row, full_access=True) == []
    with pytest.raises(AccountNotFoundError):
        services.preferences.put(row, [ADULT], full_access=True)
