"""Going on above numbers that relays have seen."""

from __future__ import annotations

import pytest

from pds.errors import AccountNotFoundError
from pds.services import Services, announcing_anew
from pds.services.announcing_anew import go_on_above
from pds.storage import accounts, events, repo_roots
from pds.storage.database import transaction
from tests.factories import Person, dump_tables, read_events

ABOVE = 5_000_000


def quietly(_done: int, _total: int) -> None:
    """Tell nobody."""


def test_each_repo_gets_a_later_commit_and_is_announced(
    services: Services, alice: Person, bob: Person
) -> None:
    before = {person.did: repo_roots.find_head(person.row.id) for person in (alice, bob)}

    assert go_on_above(services, ABOVE, quietly) == 2

    told = read_events(ABOVE)
    assert [payload["seq"] for _, payload in told] == list(range(ABOVE + 1, ABOVE + 7))
    assert [kind for kind, _ in told] == ["#account", "#identity", "#sync"] * 2
    for person in (alice, bob):
        old, new = before[person.did], repo_roots.find_head(person.row.id)
        assert old is not None
        assert new is not None
        assert (new.rev > old.rev, new.data) == (True, old.data)


def test_who_is_away_is_told_as_such(services: Services, alice: Person) -> None:
    with transaction():
        accounts.set_deactivated(alice.row.id, "2026-01-01T00:00:00.000Z", None)

    go_on_above(services, ABOVE, quietly)

    [(kind, payload)] = read_events(ABOVE)
    assert (kind, payload["active"], payload["status"]) == ("#account", False, "deactivated")


def test_without_accounts_numbers_go_on_all_the_same(services: Services) -> None:
    assert go_on_above(services, ABOVE, quietly) == 0
    assert events.last_seq() == ABOVE


def test_it_is_all_or_nothing(
    services: Services, alice: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    get, failing = services.keys.get, bob.row.id
    monkeypatch.setattr(
        services.keys, "get", lambda account_id: get(0 if account_id == failing else account_id)
    )
    before, last = dump_tables(), events.last_seq()

    with pytest.raises(AccountNotFoundError):
        go_on_above(services, ABOVE, quietly)

    assert (dump_tables(), events.last_seq()) == (before, last)
    assert alice.row.is_active


def test_very_many_are_announced_in_several_steps(
    services: Services, alice: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcing_anew, "AT_ONCE", 1)
    told: list[tuple[int, int]] = []

    assert go_on_above(services, ABOVE, lambda *state: told.append(state)) == 2

    assert told == [(0, 2), (1, 2)]
    syncs = [payload["did"] for kind, payload in read_events(ABOVE) if kind == "#sync"]
    assert syncs == [alice.did, bob.did]
