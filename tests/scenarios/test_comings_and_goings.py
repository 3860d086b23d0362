"""Two hundred accounts come, live, and go: not a row and not a file of them is left."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

from pds.atproto.syntax.at_uri import AtUri, make_at_uri
from pds.services.record_writes import Write
from pds.services.takedowns import AccountSubject, BlobSubject, RecordSubject, Takedown
from pds.storage import database, email_tokens, events, identity_changes
from pds.storage.identity_changes import IdentityChangeRow
from tests.allowed_apps import add_browser, allow_an_app
from tests.belongings import CREATED_AT, POST, fill
from tests.factories import Person, StillClock, make_account, make_code, read_events
from tests.leftovers import all_rows, files, rows_naming, table_names

if TYPE_CHECKING:
    from pds.services import Services

COUNT = 200
RKEY = "3jzfcijpj2z2a"
DAY_S = 24 * 3_600
PREFERENCE = {"$type": "app.bsky.actor.defs#adultContentPref", "enabled": True}

# What tells of accounts that are gone, and why.
STAYS = {
    "event": "the event that says it was deleted, until the retention takes it",
    "plc_operation": "the log of the built-in directory: the DID goes on",
}
# What names no account; keys are reserved only as long as there is none.
OTHERS = {"server_state", "reserved_key", "browser", "oauth_seen", "permission_set"}


def move_in(services: Services, number: int, inviter: Person | None) -> Person:
    """An account with something in every table."""
    person = make_account(services, f"guest{number}")
    row = person.row
    value = {"$type": POST, "text": person.handle, "createdAt": CREATED_AT}
    ref = services.blobs.upload(row, io.BytesIO(person.did.encode()), "text/plain")
    services.repos.apply_writes(
        row, [Write("create", POST, RKEY, {**value, "attached": ref.to_value()})]
    )
    services.blobs.upload(row, io.BytesIO(b"never used"), "text/plain")
    services.app_passwords.create(person.did, "phone", privileged=False)
    services.preferences.put(row, [PREFERENCE], full_access=True)
    services.email_tokens.request(row, "delete_account")
    services.identity.did_document(person.did)
    services.invites.create(2, [person.did])
    allow_an_app(person)
    came_by = make_code(services) if inviter is None else code_of(inviter)
    change = IdentityChangeRow(row.id, f"other{number}.test", {"type": "x"}, 0)
    with database.transaction():
        services.invites.use(came_by, person.did)
        identity_changes.add_change(change)
    return person


def code_of(person: Person) -> str:
    [(code,)] = database.rows("SELECT code FROM invite_code WHERE for_account = ?", (person.did,))
    return str(code)


def take_down_some(services: Services, person: Person) -> None:
    """Its record and its blob; then the account itself."""
    row = person.row
    [cid], _ = services.blobs.list_blobs(row, since=None, limit=10, cursor=None)
    for subject in (
        RecordSubject(AtUri(make_at_uri(person.did, POST, RKEY))),
        BlobSubject(person.did, cid),
        AccountSubject(person.did),
    ):
        services.takedowns.update(subject, Takedown(True), deactivated=None)


def leave(services: Services, person: Person, number: int) -> None:
    """In one of the ways there are: by the admin, by the owner, when taken down."""
    way = number % 4
    if way == 0:
        services.accounts.delete(person.did)
    elif way == 1:
        code = email_tokens.find_token(person.row.id, "delete_account")
        assert code is not None
        services.accounts.delete_own(person.did, person.password, code.token)
    elif way == 2:
        take_down_some(services, person)
        services.accounts.delete(person.did)
    else:
        services.accounts.deactivate(person.did, "2026-12-24T00:00:00Z")


@pytest.mark.slow
def test_nothing_is_left_of_two_hundred_accounts(
    services: Services, alice: Person, bob: Person, clock: StillClock
) -> None:
    fill(services, alice)
    services.accounts.deactivate(bob.did)
    add_browser()
    rows_before, files_before = all_rows(), files(services.config.data_directory)
    seen = events.last_seq()

    guests: list[Person] = []
    for number in range(COUNT):
        inviter = guests[-1] if number % 10 else None
        guests.append(move_in(services, number, inviter))
    ids = [guest.row.id for guest in guests]
    touched = set(rows_naming(guests[1].did, "guest1.", account_id=ids[1]))
    assert touched | joined_by_key() | OTHERS | {"deletion"} >= set(table_names()), (
        "let a guest have something in the new table, so that this test covers it"
    )

    for number, guest in enumerate(guests):
        leave(services, guest, number)
    clock.advance(365 * DAY_S)
    assert services.accounts.delete_lapsed() == COUNT // 4
    services.accounts.clean_up()

    told = read_events(seen)
    assert sorted(payload["did"] for _, payload in told) == sorted(guest.did for guest in guests)
    assert {payload["status"] for _, payload in told} == {"deleted"}
    for guest, account_id in zip(guests[:4], ids[:4], strict=True):  # one of each way
        assert rows_naming(guest.did, account_id=account_id) == dict.fromkeys(STAYS, 1)
    left = all_rows()
    for name in STAYS:
        assert len(left.pop(name)) == len(rows_before.pop(name)) + COUNT
    # Codes that brought others: the admin's, and guests' that are closed now and nobody's.
    codes = {(owner, closed) for _, _, closed, owner, _, _ in left.pop("invite_code")}
    assert codes == {("admin", 0), ("deleted", 1)}
    del rows_before["invite_code"]
    assert left == rows_before
    assert files(services.config.data_directory) == files_before


def joined_by_key() -> set[str]:
    """Tables whose rows name no account but hang on one that does: these go with it."""
    return {
        name
        for name in table_names()
        if any(key[2] in ("session", "invite_code") for key in foreign_keys(name))
    }


def foreign_keys(table: str) -> list[tuple[Any, ...]]:
    return database.rows(f"PRAGMA foreign_key_list({table})")
