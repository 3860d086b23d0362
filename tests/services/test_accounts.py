"""Accounts: found, shown to those who may see them, listed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pds.errors import (
    AccountDeactivatedError,
    AccountNotFoundError,
    AccountTakedownError,
    AuthRequiredError,
    InvalidRequestError,
    RepoDeactivatedError,
    RepoNotFoundError,
    RepoTakendownError,
)
from pds.storage.database import execute, transaction
from tests.factories import Person, make_account, take_down

if TYPE_CHECKING:
    from pds.services import Services

UNKNOWN = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"


def test_account_is_found_in_any_status(services: Services, alice: Person, bob: Person) -> None:
    services.accounts.deactivate(alice.did)
    take_down(bob)

    assert services.accounts.get_account("Alice.test") == alice.row
    assert services.accounts.get_account(bob.did) == bob.row
    assert services.accounts.find_account(UNKNOWN) is None
    with pytest.raises(RepoNotFoundError, match=r"nobody\.test"):
        services.accounts.get_account("nobody.test")


def test_active_account_is_readable_by_anybody(
    services: Services, alice: Person, bob: Person
) -> None:
    for caller_did in [None, bob.did, alice.did]:
        assert services.accounts.get_readable(alice.did, caller_did, is_admin=False) == alice.row


@pytest.mark.parametrize(
    ("state", "error"),
    [("takendown", RepoTakendownError), ("deactivated", RepoDeactivatedError)],
)
def test_inactive_account_is_readable_by_owner_and_admin_only(
    services: Services, alice: Person, bob: Person, state: str, error: type[Exception]
) -> None:
    services.accounts.deactivate(alice.did)
    if state == "takendown":
        take_down(alice)

    for caller_did in [None, bob.did]:
        with pytest.raises(error, match=alice.did):
            services.accounts.get_readable(alice.did, caller_did, is_admin=False)
    assert services.accounts.get_readable(alice.did, alice.did, is_admin=False) == alice.row
    assert services.accounts.get_readable(alice.did, None, is_admin=True) == alice.row


def test_unknown_and_pending_accounts_are_readable_by_nobody(
    services: Services, alice: Person
) -> None:
    with transaction():
        execute("UPDATE account SET \"pendingOperation\" = '{}'")

    for did in [UNKNOWN, alice.did]:
        with pytest.raises(RepoNotFoundError):
            services.accounts.get_readable(did, did, is_admin=True)


def test_own_active_repo_is_writable_by_did_or_handle(services: Services, alice: Person) -> None:
    for repo in [alice.did, alice.handle, alice.handle.upper()]:
        assert services.accounts.get_writable(repo, alice.did) == alice.row


def test_repo_that_is_not_ones_own_is_not_writable(
    services: Services, alice: Person, bob: Person
) -> None:
    with pytest.raises(AuthRequiredError):
        services.accounts.get_writable(bob.did, alice.did)
    with pytest.raises(AccountNotFoundError) as raised:
        services.accounts.get_writable(UNKNOWN, alice.did)
    assert raised.value.status == 403


def test_inactive_repo_is_not_writable(services: Services, alice: Person) -> None:
    services.accounts.deactivate(alice.did)
    with pytest.raises(AccountDeactivatedError):
        services.accounts.get_writable(alice.did, alice.did)

    take_down(alice)
    with pytest.raises(AccountTakedownError):
        services.accounts.get_writable(alice.did, alice.did)


def test_status_names_the_head(services: Services, alice: Person) -> None:
    head = services.repos.get_head(alice.row.id)

    status = services.accounts.repo_status(alice.did)
    assert (status.head, status.rev, status.active) == (head.commit, head.rev, True)
    services.accounts.deactivate(alice.did)
    assert services.accounts.repo_status(alice.did).status == "deactivated"
    with pytest.raises(RepoNotFoundError):
        services.accounts.repo_status(UNKNOWN)


def test_list_goes_through_everybody_once(services: Services) -> None:
    people = [make_account(services, f"person{number}") for number in range(5)]
    take_down(people[2])

    listed, cursor = [], None
    for _ in range(3):
        page = services.accounts.list_repos(2, cursor)
        listed += page.repos
        cursor = page.cursor

    assert cursor is None
    assert [repo.did for repo in listed] == [person.did for person in people]
    assert [repo.status for repo in listed] == [None, None, "takendown", None, None]


def test_full_last_page_has_no_cursor(services: Services, alice: Person, bob: Person) -> None:
    page = services.accounts.list_repos(2, None)

    assert [repo.did for repo in page.repos] == [alice.did, bob.did]
    assert page.cursor is None


def test_account_made_between_two_pages_is_not_missed(
    services: Services, alice: Person, bob: Person
) -> None:
    page = services.accounts.list_repos(1, None)
    carol = make_account(services, "carol")

    rest = services.accounts.list_repos(10, page.cursor)
    assert [repo.did for repo in rest.repos] == [bob.did, carol.did]


@pytest.mark.parametrize("cursor", ["", "x", "-1", "1.5", "1::did:plc:a", "²", "9" * 19])
def test_foreign_cursor_is_refused(services: Services, cursor: str) -> None:
    with pytest.raises(InvalidRequestError, match="Malformed cursor"):
        services.accounts.list_repos(10, cursor)
