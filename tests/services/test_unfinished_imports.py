"""Imports that were cut off while they filled an empty repo: nothing of them stays or shows."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from pds.atproto import dag_cbor
from pds.atproto.cid import cid_for_raw
from pds.atproto.syntax.tid import Tid
from pds.errors import AccountNotFoundError, NotEnoughResourcesError
from pds.services import repo_import, slices, unfinished_imports
from pds.services.record_writes import Write
from pds.storage import accounts, database, import_staging
from pds.storage.accounts import AccountRow
from tests.factories import Newcomer, Person, dump_tables, make_newcomer
from tests.foreign_repo import ForeignRepo, simple_records

if TYPE_CHECKING:
    from pds.services import Services

TABLES = ("block", "record", "record_blob", "repo_root", "event")
NOTE = "com.example.note"


class KilledError(BaseException):
    """What happens to a process that is killed: nothing after it runs."""


@pytest.fixture(autouse=True)
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIRST_ROWS", "FEWEST_ROWS", "MOST_ROWS"):
        monkeypatch.setattr(slices, name, 10)


@pytest.fixture
def newcomer(services: Services) -> Newcomer:
    made = make_newcomer(services)
    services.accounts.create(made.wants())
    return made


@pytest.fixture
def account(services: Services, newcomer: Newcomer) -> AccountRow:
    return services.accounts.get_account(newcomer.did)


@pytest.fixture
def repo(newcomer: Newcomer) -> ForeignRepo:
    picture = {"$type": "blob", "ref": cid_for_raw(b"\0"), "mimeType": "image/png", "size": 1}
    records = simple_records(45)
    records[f"{NOTE}/picture"] = dag_cbor.encode({"$type": NOTE, "file": picture})
    return ForeignRepo(newcomer.did, newcomer.key, records)


def kill_import(
    services: Services, account: AccountRow, repo: ForeignRepo, after: int
) -> dict[str, int]:
    """Let an import write ``after`` slices and end as if the process were gone; rows now there."""
    fill_some, discard = import_staging.fill_some, unfinished_imports.discard
    written: list[int] = []

    def discard_while_alive(account_id: int) -> None:
        if not written:
            discard(account_id)

    def fill_some_or_die(filling: Any, limit: int) -> int:
        if len(written) == after:
            raise KilledError
        written.append(fill_some(filling, limit))
        return written[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(repo_import, "fill_some", fill_some_or_die)
        patch.setattr(unfinished_imports, "discard", discard_while_alive)
        with pytest.raises(KilledError):
            services.repo_import.import_repo(account, repo.stream())
    assert max(written) <= 10
    return {name: len(rows) for name, rows in dump_tables(*TABLES).items()}


def slices_of(repo: ForeignRepo) -> Iterator[int]:
    """After every slice: records, then nodes, then blob references."""
    return iter(range(1, -(-len(repo.records) // 10) + -(-len(repo.nodes()[1]) // 10) + 1))


def test_start_takes_away_what_a_killed_import_left(
    services: Services, account: AccountRow, repo: ForeignRepo
) -> None:
    before = dump_tables(*TABLES)
    for after in slices_of(repo):
        left = kill_import(services, account, repo, after)
        assert left["record"] == min(10 * after, 46)

        services.repo_import.cleanup_staging()

        assert dump_tables(*TABLES) == before
    services.repo_import.import_repo(account, repo.stream())
    assert services.repos.get_head(account.id).data == repo.nodes()[0]


def test_import_can_be_repeated_over_what_is_left(
    services: Services, account: AccountRow, repo: ForeignRepo
) -> None:
    for after in slices_of(repo):
        kill_import(services, account, repo, after)
    services.repo_import.import_repo(account, repo.stream())

    assert services.repos.counts(account.id) == (len(repo.nodes()[1]) + 46 + 1, 46)
    assert services.blobs.counts(account.id) == (1, 0)
    assert import_staging.list_cut_off() == []


def test_account_becomes_active_without_what_is_left(
    services: Services, newcomer: Newcomer, account: AccountRow, repo: ForeignRepo
) -> None:
    kill_import(services, account, repo, 4)
    newcomer.point_here(services)

    services.accounts.activate(newcomer.did)

    assert services.repos.counts(account.id) == (2, 0)
    assert services.records.collections(account) == []


def test_half_an_import_shows_nowhere_but_in_the_numbers(
    services: Services, account: AccountRow, repo: ForeignRepo
) -> None:
    kill_import(services, account, repo, 3)

    with services.repo_export.export(account).file as file:
        assert len(file.read()) < 500
    assert services.accounts.check_status(account.did).indexed_records == 30


def test_failed_import_tidies_up_itself(
    services: Services, account: AccountRow, repo: ForeignRepo, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dump_tables(*TABLES)

    def fail(_: int) -> None:
        raise NotEnoughResourcesError

    with monkeypatch.context() as patch:
        patch.setattr(repo_import, "finish_filling", fail)
        with pytest.raises(NotEnoughResourcesError):
            services.repo_import.import_repo(account, repo.stream())

    assert dump_tables(*TABLES) == before


def test_disk_too_full_to_tidy_up_is_told_all_the_same(
    services: Services, account: AccountRow, repo: ForeignRepo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise NotEnoughResourcesError

    with monkeypatch.context() as patch:
        patch.setattr(repo_import, "finish_filling", fail)
        patch.setattr(import_staging, "empty_some", fail)
        with pytest.raises(NotEnoughResourcesError):
            services.repo_import.import_repo(account, repo.stream())

    assert import_staging.list_cut_off() == [account.id]
    unfinished_imports.discard_all()
    assert services.repos.counts(account.id) == (2, 0)


def test_import_ends_when_its_account_is_deleted(
    services: Services, account: AccountRow, repo: ForeignRepo, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_some = import_staging.fill_some

    def fill_some_and_delete(filling: Any, limit: int) -> int:
        accounts.delete(account.id)
        return fill_some(filling, limit)

    monkeypatch.setattr(repo_import, "fill_some", fill_some_and_delete)
    with pytest.raises(AccountNotFoundError):
        services.repo_import.import_repo(account, repo.stream())

    assert len(database.rows("SELECT 1 FROM record")) == 10


def test_other_repos_are_left_alone(services: Services, alice: Person, bob: Person) -> None:
    services.repos.apply_writes(alice.row, [Write("create", NOTE, "a", {"$type": NOTE})])
    before = dump_tables(*TABLES)

    services.repo_import.cleanup_staging()
    unfinished_imports.discard(alice.row.id)
    unfinished_imports.discard(bob.row.id)

    assert dump_tables(*TABLES) == before


def test_empty_repo_of_a_later_rev_is_no_filling(
    services: Services, clock: Any, newcomer: Newcomer, account: AccountRow
) -> None:
    later = str(Tid.from_us(clock() + 3_600_000_000, 0))
    repo = ForeignRepo(newcomer.did, newcomer.key, {}, rev=later)

    services.repo_import.import_repo(account, io.BytesIO(repo.car()))

    assert services.repos.counts(account.id) == (2, 0)
    assert services.repos.get_head(account.id).rev > later
