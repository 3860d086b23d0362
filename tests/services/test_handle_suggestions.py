"""Whether a handle can be had, and that what is suggested can."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pds.config import Config
from pds.errors import InvalidEmailError
from tests.factories import Person, dump_tables, make_account, make_config, new_account

if TYPE_CHECKING:
    from pds.services import Services


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return make_config(tmp_path, service_handle_domains=".test,.club.test")


def suggested(services: Services, handle: str, **given: str) -> list[tuple[str, str]]:
    found = services.handle_suggestions.check(handle, **given)
    assert not found.is_available
    return [(each.handle, each.method) for each in found.suggestions]


@pytest.mark.parametrize("handle", ["alice.test", "Alice.Club.test"])
def test_free_handle_is_available(services: Services, handle: str) -> None:
    found = services.handle_suggestions.check(handle, email="alice@example.com")

    assert (found.is_available, found.suggestions) == (True, [])


def test_taken_handle_is_not_and_others_are(services: Services, alice: Person) -> None:
    make_account(services, "alice3")

    found = suggested(
        services, "alice.test", email="Alice.Liddell@example.com", birth_date="1952-05-04T00:00:00Z"
    )

    assert found == [
        ("alice.club.test", "domain"),
        ("alice-liddell.test", "email"),
        ("alice52.test", "year"),
        ("alice2.test", "number"),
        ("alice4.test", "number"),
    ]


@pytest.mark.parametrize(
    "handle",
    [
        "admin.test",
        "club.test",
        "al.test",
        f"{'a' * 30}.test",
        "a.b.test",
        "somebody.example.com",
        "alice.invalid",
        "f4-gg0t.test",
    ],
)
def test_everything_suggested_can_be_had(services: Services, handle: str) -> None:
    for number, (name, _) in enumerate(suggested(services, handle)):
        created = services.accounts.create(new_account(handle=name, email=f"{number}@example.com"))
        assert created.handle == name


def test_handle_about_to_be_taken_is_not_available(services: Services, alice: Person) -> None:
    services.accounts.deactivate(alice.did)

    assert "alice.test" not in dict(suggested(services, "alice.test"))


def test_address_that_has_an_account_makes_no_difference(services: Services, alice: Person) -> None:
    before = dump_tables()
    known = suggested(services, "alice.test", email=alice.email)
    unknown = suggested(services, "alice.test", email="alice@elsewhere.example.com")

    assert known == unknown
    assert dump_tables() == before


def test_address_that_is_none_is_refused(services: Services) -> None:
    with pytest.raises(InvalidEmailError):
        services.handle_suggestions.check("alice.test", email="nonsense")
