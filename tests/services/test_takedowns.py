"""Takedowns: what is hidden, from whom, and that all of it comes back."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

from pds.atproto.blob_ref import BlobRef
from pds.atproto.car import read_car
from pds.atproto.syntax.at_uri import AtUri, make_at_uri
from pds.errors import (
    AccountTakedownError,
    BlobNotFoundError,
    IncompatibleDidDocError,
    InvalidRequestError,
    NotFoundError,
    RecordNotFoundError,
)
from pds.services.record_writes import Write
from pds.services.takedowns import (
    AccountSubject,
    BlobSubject,
    RecordSubject,
    Subject,
    Takedown,
)
from pds.storage import blobs, database, events
from tests.allowed_apps import add_browser, allow_an_app
from tests.belongings import CREATED_AT, POST, fill
from tests.factories import Person, StillClock, make_newcomer, race, read_events
from tests.leftovers import all_rows, blob_files

if TYPE_CHECKING:
    from pds.services import Services

RKEY = "3jzfcijpj2z2a"
APPLIED = Takedown(True, "case 7")
REVERSED = Takedown(False)
UNKNOWN = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
OTHER_BLOB = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"


def update(
    services: Services,
    subject: Subject,
    takedown: Takedown | None = None,
    *,
    deactivated: bool | None = None,
) -> None:
    services.takedowns.update(subject, takedown, deactivated=deactivated)


def put_record(services: Services, person: Person, text: str, ref: BlobRef | None = None) -> None:
    value: dict[str, Any] = {"$type": POST, "text": text, "createdAt": CREATED_AT}
    if ref is not None:
        value["attached"] = ref.to_value()
    services.repos.apply_writes(person.row, [Write("put", POST, RKEY, value)])


def upload(services: Services, person: Person, content: bytes = b"a picture") -> BlobRef:
    return services.blobs.upload(person.row, io.BytesIO(content), "text/plain")


def record_of(person: Person) -> RecordSubject:
    return RecordSubject(AtUri(make_at_uri(person.did, POST, RKEY)))


def status(payload: dict[str, Any]) -> tuple[bool, str | None]:
    return payload["active"], payload.get("status")


# --- accounts ------------------------------------------------------------------------------------


def test_account_goes_silent_and_comes_back(services: Services, alice: Person) -> None:
    subject, seen = AccountSubject(alice.did), events.last_seq()

    update(services, subject, APPLIED)
    shown = services.takedowns.status(subject)
    assert (shown.takedown_ref, shown.deactivated) == ("case 7", False)
    update(services, subject, REVERSED)

    assert alice.row.is_active
    assert services.takedowns.status(subject).takedown_ref is None
    told = read_events(seen)
    assert [kind for kind, _ in told] == ["#account", "#account"]
    assert [status(payload) for _, payload in told] == [(False, "takendown"), (True, None)]


def test_takedown_without_a_reference_is_kept_under_its_time(
    services: Services, alice: Person
) -> None:
    update(services, AccountSubject(alice.did), Takedown(True))

    assert alice.row.takedown_ref == "2026-09-21T14:13:20.000Z"


@pytest.mark.parametrize("takedown", [APPLIED, REVERSED])
def test_everybody_is_signed_out_both_ways(
    services: Services, alice: Person, bob: Person, takedown: Takedown
) -> None:
    services.sessions.issue(alice.row)
    add_browser()
    for person in (alice, bob):
        allow_an_app(person)

    update(services, AccountSubject(alice.did), takedown)

    for table in ("session", "browser_account", "oauth_grant", "oauth_client_approval"):
        assert database.rows(f"SELECT account_id FROM {table}") == [(bob.row.id,)], table


def test_deactivated_account_is_that_again_after_a_reversal(
    services: Services, alice: Person
) -> None:
    services.accounts.deactivate(alice.did)
    seen = events.last_seq()

    update(services, AccountSubject(alice.did), APPLIED)
    update(services, AccountSubject(alice.did), REVERSED)

    told = [status(payload) for _, payload in read_events(seen)]
    assert told == [(False, "takendown"), (False, "deactivated")]


def test_takedown_and_deactivation_at_once_are_one_event(services: Services, alice: Person) -> None:
    seen = events.last_seq()

    update(services, AccountSubject(alice.did), APPLIED, deactivated=True)

    shown = services.takedowns.status(AccountSubject(alice.did))
    assert (shown.takedown_ref, shown.deactivated) == ("case 7", True)
    [(_, payload)] = read_events(seen)
    assert status(payload) == (False, "takendown")


def test_deactivated_and_active_again(services: Services, alice: Person) -> None:
    subject, seen = AccountSubject(alice.did), events.last_seq()

    update(services, subject, deactivated=True)
    assert alice.row.status == "deactivated"
    assert alice.row.delete_after is None
    update(services, subject, deactivated=False)

    assert alice.row.is_active
    kinds = [kind for kind, _ in read_events(seen)]
    assert kinds == ["#account", "#account", "#identity", "#sync"]


def test_owners_own_deactivation_is_not_changed(services: Services, alice: Person) -> None:
    services.accounts.deactivate(alice.did, "2027-01-01T00:00:00Z")
    before = alice.row

    update(services, AccountSubject(alice.did), deactivated=True)

    assert alice.row == before


def test_account_that_lives_elsewhere_is_not_activated(services: Services) -> None:
    newcomer = make_newcomer(services)
    services.accounts.create(newcomer.wants())
    before = all_rows()

    with pytest.raises(IncompatibleDidDocError):
        update(services, AccountSubject(newcomer.did), deactivated=False)
    assert all_rows() == before


def test_taken_down_account_is_not_activated(services: Services, alice: Person) -> None:
    update(services, AccountSubject(alice.did), APPLIED, deactivated=True)
    before = all_rows()

    with pytest.raises(InvalidRequestError, match="reverse that first"):
        update(services, AccountSubject(alice.did), deactivated=False)
    assert all_rows() == before


def test_account_is_announced_anew_when_nothing_is_to_change(
    services: Services, alice: Person
) -> None:
    seen, row = events.last_seq(), alice.row

    update(services, AccountSubject(alice.did))

    assert alice.row == row
    [(kind, payload)] = read_events(seen)
    assert (kind, status(payload)) == ("#account", (True, None))


def test_takedown_racing_with_writes_leaves_nothing_after_it(
    services: Services, alice: Person
) -> None:
    row = alice.row

    def write() -> None:
        for _ in range(20):
            value = {"$type": POST, "text": "x", "createdAt": CREATED_AT}
            rkey = services.repos.next_rkey()
            services.repos.apply_writes(row, [Write("create", POST, rkey, value)])

    race([write, write, lambda: update(services, AccountSubject(alice.did), APPLIED)])

    kinds = [kind for kind, _ in read_events()]
    assert kinds.count("#account") == 2
    assert "#commit" not in kinds[len(kinds) - kinds[::-1].index("#account") :]


def test_service_token_uploads_nothing_for_a_taken_down_account(
    services: Services, alice: Person
) -> None:
    """A service token says nothing of the account's state, so the upload itself looks."""
    update(services, AccountSubject(alice.did), APPLIED)
    before = all_rows(), blob_files(services)

    with pytest.raises(AccountTakedownError):
        upload(services, alice)
    assert (all_rows(), blob_files(services)) == before


# --- records -------------------------------------------------------------------------------------


def test_record_is_hidden_but_still_provable(services: Services, alice: Person) -> None:
    put_record(services, alice, "bad")
    head, seen = services.repos.get_head(alice.row.id), events.last_seq()

    update(services, record_of(alice), APPLIED)

    with pytest.raises(RecordNotFoundError):
        services.records.get(alice.did, POST, RKEY)
    assert _listed(services, alice) == []
    shown = services.takedowns.status(record_of(alice))
    assert shown.takedown_ref == "case 7"
    assert isinstance(shown.subject, RecordSubject)
    _, blocks = read_car(services.repo_export.record_proof(alice.row, POST, RKEY))
    assert shown.subject.cid in blocks
    assert services.repos.get_head(alice.row.id) == head
    assert read_events(seen) == []


def test_record_comes_back(services: Services, alice: Person) -> None:
    put_record(services, alice, "good after all")
    before = all_rows()

    update(services, record_of(alice), APPLIED)
    update(services, record_of(alice), REVERSED)

    assert all_rows() == before
    assert services.records.get(alice.did, POST, RKEY).value["text"] == "good after all"


def test_editing_a_record_does_not_bring_it_back(services: Services, alice: Person) -> None:
    put_record(services, alice, "bad")
    update(services, record_of(alice), APPLIED)

    put_record(services, alice, "worse")

    with pytest.raises(RecordNotFoundError):
        services.records.get(alice.did, POST, RKEY)


def test_record_named_by_handle_is_found(services: Services, alice: Person) -> None:
    put_record(services, alice, "bad")

    update(services, RecordSubject(AtUri(f"at://alice.test/{POST}/{RKEY}")), APPLIED)

    assert services.takedowns.status(record_of(alice)).takedown_ref == "case 7"


def _listed(services: Services, person: Person) -> list[Any]:
    return services.records.list_page(person.did, POST, limit=10, cursor=None, reverse=False)


# --- blobs ---------------------------------------------------------------------------------------


def test_blob_is_not_served_used_or_uploaded_again(services: Services, alice: Person) -> None:
    ref = upload(services, alice)
    put_record(services, alice, "with picture", ref)

    update(services, BlobSubject(alice.did, ref.cid), APPLIED)

    with pytest.raises(BlobNotFoundError):
        services.blobs.open_blob(alice.row, ref.cid)
    with pytest.raises(InvalidRequestError, match="taken down"):
        upload(services, alice)
    with pytest.raises(BlobNotFoundError):
        put_record(services, alice, "again", ref)
    assert services.takedowns.status(BlobSubject(alice.did, ref.cid)).takedown_ref == "case 7"


def test_blob_comes_back(services: Services, alice: Person) -> None:
    ref = upload(services, alice)
    put_record(services, alice, "with picture", ref)
    before = all_rows()

    update(services, BlobSubject(alice.did, ref.cid), APPLIED)
    services.blobs.sweep_files()
    update(services, BlobSubject(alice.did, ref.cid), REVERSED)

    assert all_rows() == before
    with services.blobs.open_blob(alice.row, ref.cid).open(0, ref.size) as file:
        assert file.read() == b"a picture"


def test_blob_of_one_account_is_not_that_of_another(
    services: Services, alice: Person, bob: Person
) -> None:
    ref = upload(services, alice)
    put_record(services, bob, "same picture", upload(services, bob))

    update(services, BlobSubject(alice.did, ref.cid), APPLIED)

    assert services.blobs.open_blob(bob.row, ref.cid).size_bytes == len(b"a picture")


def test_blob_whose_record_went_is_kept_until_the_takedown_is_reversed(
    services: Services, alice: Person, clock: StillClock
) -> None:
    ref = upload(services, alice)
    put_record(services, alice, "with picture", ref)
    update(services, BlobSubject(alice.did, ref.cid), APPLIED)
    put_record(services, alice, "without")
    clock.advance(48 * 3_600)
    services.blobs.expire_uploads()
    assert blobs.find_blob(alice.row.id, ref.cid) is not None

    update(services, BlobSubject(alice.did, ref.cid), REVERSED)
    services.blobs.expire_uploads()

    assert blobs.find_blob(alice.row.id, ref.cid) is None
    assert blob_files(services) == [alice.did, "tmp"]


def test_deletion_takes_what_was_taken_down_too(services: Services, alice: Person) -> None:
    ref = upload(services, alice)
    put_record(services, alice, "with picture", ref)
    update(services, BlobSubject(alice.did, ref.cid), APPLIED)
    update(services, record_of(alice), APPLIED)

    services.accounts.delete(alice.did)
    services.accounts.clean_up()

    assert blob_files(services) == ["tmp"]
    assert database.rows("SELECT * FROM blob UNION ALL SELECT * FROM blob") == []


# --- what is not there ---------------------------------------------------------------------------


def test_what_is_not_here_is_not_found_and_not_announced(services: Services, alice: Person) -> None:
    fill(services, alice)
    cid = upload(services, alice).cid
    unknown: list[Subject] = [
        AccountSubject(UNKNOWN),
        RecordSubject(AtUri(f"at://{UNKNOWN}/{POST}/{RKEY}")),
        RecordSubject(AtUri(f"at://{alice.did}/{POST}/nothing")),
        BlobSubject(UNKNOWN, cid),
        BlobSubject(alice.did, type(cid).parse(OTHER_BLOB)),
    ]
    before = all_rows()

    for subject in unknown:
        for takedown in (APPLIED, REVERSED, None):
            with pytest.raises(NotFoundError):
                update(services, subject, takedown)
        with pytest.raises(NotFoundError):
            services.takedowns.status(subject)
    for wish in (True, False):
        with pytest.raises(NotFoundError):
            update(services, AccountSubject(UNKNOWN), deactivated=wish)
    assert all_rows() == before
