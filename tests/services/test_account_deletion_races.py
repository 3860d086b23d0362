"""Deleting accounts while others write, and across crashes: nothing is left over."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from pds.errors import (
    AccountNotFoundError,
    RepoNotFoundError,
)
from pds.services.record_writes import Write
from pds.services.slices import StoppedError
from pds.storage import accounts, deletions, events
from pds.storage.blob_files import BlobFiles
from tests.belongings import CREATED_AT, POST, fill, no_clean_up
from tests.factories import (
    Person,
    make_account,
    race,
    read_events,
)
from tests.leftovers import blob_files, rows_naming

if TYPE_CHECKING:
    from pds.services import Services

UNKNOWN = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"


# --- what comes between --------------------------------------------------------------------------


def late_write(services: Services, person: Person, row: accounts.AccountRow) -> None:
    value = {"$type": POST, "text": "late", "createdAt": CREATED_AT}
    services.repos.apply_writes(row, [Write("create", POST, "3jzfcijpj2z2a", value)])


def late_upload(services: Services, person: Person, row: accounts.AccountRow) -> None:
    services.blobs.upload(row, io.BytesIO(b"late"), "text/plain")


def late_activation(services: Services, person: Person, row: accounts.AccountRow) -> None:
    services.accounts.activate(person.did)


def late_import(services: Services, person: Person, row: accounts.AccountRow) -> None:
    services.repo_import.import_repo(row, io.BytesIO(b""))


def late_code(services: Services, person: Person, row: accounts.AccountRow) -> None:
    services.email_tokens.request(row, "delete_account")


def late_app_password(services: Services, person: Person, row: accounts.AccountRow) -> None:
    services.app_passwords.create(row.did, "phone", privileged=False)


def late_preference(services: Services, person: Person, row: accounts.AccountRow) -> None:
    services.preferences.put(row, [{"$type": "app.bsky.x"}], full_access=True)


LATE = [
    late_write,
    late_upload,
    late_activation,
    late_import,
    late_code,
    late_app_password,
    late_preference,
]


@pytest.mark.parametrize("late", LATE)
@pytest.mark.parametrize("cleaned", [False, True])
def test_request_under_way_fails_and_leaves_nothing(
    services: Services, alice: Person, late: Callable[..., None], cleaned: bool
) -> None:
    row = alice.row
    with no_clean_up(services):
        services.accounts.delete(alice.did)
    if cleaned:
        services.accounts.clean_up()
    seen = events.last_seq()

    with pytest.raises((AccountNotFoundError, RepoNotFoundError)):
        late(services, alice, row)

    services.accounts.clean_up()
    assert read_events(seen) == []
    assert rows_naming(alice.did, account_id=row.id) == {"event": 1, "plc_operation": 1}
    assert blob_files(services) == ["tmp"]


def test_import_that_has_received_its_file_fails(services: Services, alice: Person) -> None:
    fill(services, alice)
    row = alice.row
    with services.repo_export.export(row).file as file:
        car = file.read()

    class DeletesAtTheEnd(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            chunk = super().read(size)
            if not chunk and accounts.find_by_did(alice.did):
                services.accounts.delete(alice.did)
            return chunk

    with pytest.raises(AccountNotFoundError):
        services.repo_import.import_repo(row, DeletesAtTheEnd(car))
    services.accounts.clean_up()
    assert rows_naming(alice.did, account_id=row.id) == {"event": 1, "plc_operation": 1}


def test_upload_whose_account_goes_while_it_is_put_in_place(
    services: Services, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep, row = BlobFiles.keep, alice.row

    def keep_late(self: BlobFiles, *args: Any) -> None:
        services.accounts.delete(alice.did)
        keep(self, *args)

    monkeypatch.setattr(BlobFiles, "keep", keep_late)
    with pytest.raises(AccountNotFoundError):
        services.blobs.upload(row, io.BytesIO(b"late"), "text/plain")

    services.accounts.clean_up()
    assert blob_files(services) == ["tmp"]
    assert rows_naming(account_id=row.id) == {}


def test_writes_and_uploads_racing_with_the_deletion_leave_nothing(services: Services) -> None:
    for round_number in range(5):
        person = make_account(services, f"p{round_number}x")
        row = person.row

        def write(row: accounts.AccountRow = row) -> None:
            for number in range(20):
                value = {"$type": POST, "text": str(number), "createdAt": CREATED_AT}
                write = Write("create", POST, services.repos.next_rkey(), value)
                services.repos.apply_writes(row, [write])
                services.blobs.upload(row, io.BytesIO(str(number).encode()), "text/plain")

        def delete(did: str = person.did) -> None:
            services.accounts.delete(did)

        outcomes = race([write, write, delete])

        assert {type(o) for o in outcomes if o is not None} <= {
            AccountNotFoundError,
            RepoNotFoundError,
        }
        services.accounts.clean_up()
        assert rows_naming(person.did, account_id=row.id) == {"event": 1, "plc_operation": 1}
        assert blob_files(services) == ["tmp"]


def test_stop_comes_between_two_handfuls_of_files(
    services: Services, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = alice.row
    for number in range(60):
        services.blobs.upload(row, io.BytesIO(str(number).encode()), "text/plain")
    delete_some, calls = BlobFiles.delete_some, []

    def stop_after_one(self: BlobFiles, folder: str) -> bool:
        calls.append(folder)
        services.accounts._deletion._stopping.set()
        return delete_some(self, folder)

    monkeypatch.setattr(BlobFiles, "delete_some", stop_after_one)
    with no_clean_up(services):
        services.accounts.delete(alice.did)
    with suppress(StoppedError):  # the background may have been quicker, and stopped
        services.accounts.clean_up()
    services.accounts.close()

    assert len(calls) == 1
    assert len(blob_files(services)) == 2 + 60 - 25
    assert [left.did for left in deletions.list_unfinished()] == [alice.did]


# --- crashes -------------------------------------------------------------------------------------

STEPS = [
    (deletions, "delete_some"),
    (events, "delete_events"),
    (BlobFiles, "delete_some"),
    (deletions, "remove"),
]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("calls", [0, 1, 3])
def test_clean_up_that_fails_anywhere_is_finished_later(
    services: Services,
    alice: Person,
    bob: Person,
    monkeypatch: pytest.MonkeyPatch,
    step: tuple[Any, str],
    calls: int,
) -> None:
    fill(services, alice)
    fill(services, bob)
    ids = {alice.did: alice.row.id, bob.did: bob.row.id}
    real, made = getattr(*step), [0]

    def fail(*args: Any) -> Any:
        made[0] += 1
        if made[0] > calls:
            raise ZeroDivisionError
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(*step, fail)
        services.accounts.delete(alice.did)
        services.accounts.delete(bob.did)
        services.accounts.clean_up()

    services.accounts.clean_up()

    for did, account_id in ids.items():
        assert rows_naming(did, account_id=account_id) == {"event": 1, "plc_operation": 1}
    assert deletions.list_unfinished() == []
    assert blob_files(services) == ["tmp"]


def test_next_start_goes_on_with_it(services: Services, alice: Person) -> None:
    fill(services, alice)
    account_id = alice.row.id
    services.accounts.close()  # as if the process ended right after the commit
    services.accounts.delete(alice.did)
    assert len(deletions.list_unfinished()) == 1

    from pds.services import build_services

    again = build_services(services.config, services.clock)
    try:
        again.resume()
        again.accounts.clean_up()
    finally:
        again.close()

    assert rows_naming(alice.did, account_id=account_id) == {"event": 1, "plc_operation": 1}
