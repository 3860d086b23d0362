"""What else may happen to a repo between reading its head and committing a change."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from pds.atproto.mst.node import MissingBlockError
from pds.atproto.mst.store import NodeStore
from pds.errors import AccountNotFoundError, NotEnoughResourcesError, RepoNotFoundError
from pds.services.node_source import NodeSource
from pds.services.record_writes import Write
from pds.services.repo_locks import RepoLocks
from pds.services.repos import Repos
from pds.storage import accounts
from pds.storage.database import execute, transaction
from tests.factories import Person, read_events
from tests.repo_methods import NOTE, head_of, read, repo_state, write_note

if TYPE_CHECKING:
    from pds.services import Services


class Interrupted(NodeSource):
    """Lets something happen each time somebody begins to compute a change."""

    def __init__(self, happenings: list[Callable[[], object]]) -> None:
        super().__init__()
        self._happenings = happenings

    def reader(self, account_id: int) -> NodeStore:
        if self._happenings:
            self._happenings.pop(0)()
        return super().reader(account_id)


def other_program(services: Services, *happenings: Callable[[], object]) -> Repos:
    """Another process at the same file: it does not know of this one's locks."""
    own = services.repos
    return Repos(
        keys=own._keys,
        sequencer=own._sequencer,
        blobs=own._blobs,
        validator=own._validator,
        nodes=Interrupted(list(happenings)),
        clock=own._clock,
        locks=RepoLocks(),
    )


def note(rkey: str) -> Write:
    return Write("create", NOTE, rkey, {"text": "mine"})


def keys(services: Services, person: Person) -> list[str]:
    page = read(services, "listRecords", repo=person.did, collection=NOTE, reverse="true")
    return [record["uri"].rpartition("/")[2] for record in page["records"]]


def test_change_is_computed_again_when_the_head_has_moved(
    services: Services, alice: Person
) -> None:
    repos = other_program(services, lambda: write_note(services, alice, "theirs"))

    result = repos.apply_writes(alice.row, [note("mine")])

    assert keys(services, alice) == ["mine", "theirs"]
    assert head_of(services, alice) == {"cid": str(result.cid), "rev": result.rev}
    commits = [payload for kind, payload in read_events() if kind == "#commit"]
    assert [commit["since"] for commit in commits[1:]] == [c["rev"] for c in commits[:-1]]


def test_change_is_given_up_when_the_head_keeps_moving(services: Services, alice: Person) -> None:
    theirs = [lambda rkey=rkey: write_note(services, alice, rkey) for rkey in "abc"]
    repos = other_program(services, *theirs)

    with pytest.raises(NotEnoughResourcesError, match="try again"):
        repos.apply_writes(alice.row, [note("mine")])

    assert keys(services, alice) == ["a", "b", "c"]
    repos.apply_writes(alice.row, [note("mine")])


def test_account_that_is_deleted_meanwhile_gets_no_commit(
    services: Services, alice: Person, bob: Person
) -> None:
    account = alice.row
    write_note(services, bob, "a")
    states = []

    def delete() -> None:
        with transaction():
            accounts.delete(account.id)
        states.append(repo_state())

    with pytest.raises((AccountNotFoundError, RepoNotFoundError)):
        other_program(services, delete).apply_writes(account, [note("mine")])

    assert [repo_state()] == states
    with pytest.raises(RepoNotFoundError):
        services.repos.get_head(account.id)
    with pytest.raises(RepoNotFoundError):
        services.repos.apply_writes(account, [note("mine")])


def test_damaged_tree_is_the_servers_fault(services: Services, alice: Person) -> None:
    write_note(services, alice, "a")
    with transaction():
        execute("DELETE FROM block")

    with pytest.raises(MissingBlockError):
        other_program(services).apply_writes(alice.row, [note("mine")])


def test_counts_are_those_of_the_repo(services: Services, alice: Person) -> None:
    assert services.repos.counts(alice.row.id) == (2, 0)
    write_note(services, alice, "a")

    assert services.repos.counts(alice.row.id) == (3, 1)
