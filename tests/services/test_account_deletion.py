"""Deleting accounts: gone at once, nothing left soon after, whatever comes between."""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING, Any

import pytest

from pds.errors import (
    AlreadyExistsError,
    ExpiredTokenError,
    InvalidInviteCodeError,
    NotFoundError,
)
from pds.storage import accounts, database, events
from tests.belongings import CREATED_AT, fill, no_clean_up, post
from tests.factories import (
    Person,
    StillClock,
    make_account,
    make_code,
    make_newcomer,
    race,
    read_events,
)
from tests.leftovers import all_rows, blob_files, rows_naming
from tests.over_http import Wire, wire
from tests.web.harness import Answer

if TYPE_CHECKING:
    from pds.services import Services

UNKNOWN = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"


# --- at once -------------------------------------------------------------------------------------


def test_account_is_gone_at_once_and_said_to_be(services: Services, alice: Person) -> None:
    fill(services, alice)
    row, seen = alice.row, events.last_seq()

    with no_clean_up(services):
        services.accounts.delete(alice.did)

        assert accounts.find_by_did(alice.did) is None
        left = rows_naming(alice.did, account_id=row.id)
        assert set(left) == {
            *("deletion", "record", "record_blob", "block", "blob"),
            *("event", "did_cache", "plc_operation"),
        } & set(left)
    [(kind, payload)] = read_events(seen)
    assert (kind, payload["did"], payload["seq"]) == ("#account", alice.did, seen + 1)
    assert (payload["active"], payload["status"]) == (False, "deleted")


def test_names_are_free_at_once_but_the_did_is_not(services: Services) -> None:
    newcomer = make_newcomer(services)
    services.accounts.create(newcomer.wants())
    with no_clean_up(services):
        services.accounts.delete(newcomer.did)

        make_account(services, "carol")
        before = all_rows()
        with pytest.raises(AlreadyExistsError, match="still being deleted"):
            services.accounts.create(newcomer.wants("caroline"))
        assert all_rows() == before

    services.accounts.clean_up()
    assert services.accounts.create(newcomer.wants("caroline")).did == newcomer.did


def test_unknown_account_is_told_so_and_nothing_is_announced(
    services: Services, alice: Person
) -> None:
    before = all_rows()

    with pytest.raises(NotFoundError):
        services.accounts.delete(UNKNOWN)
    assert all_rows() == before
    assert alice.row.is_active


def test_sign_up_that_is_not_finished_is_not_an_account(services: Services) -> None:
    with database.transaction():
        accounts.insert(
            accounts.NewAccountRow(UNKNOWN, "p.test", None, None, CREATED_AT, None, "{}")
        )
    before = all_rows()

    with pytest.raises(NotFoundError):
        services.accounts.delete(UNKNOWN)
    assert all_rows() == before


def test_concurrent_deletions_announce_once(services: Services, alice: Person) -> None:
    seen = events.last_seq()

    outcomes = race([lambda: services.accounts.delete(alice.did)] * 4)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == [
        "NoneType",
        *["NotFoundError"] * 3,
    ]
    services.accounts.clean_up()
    assert len(read_events(seen)) == 1


@pytest.mark.parametrize("status", ["deactivated", "takendown"])
def test_inactive_accounts_can_be_deleted(services: Services, alice: Person, status: str) -> None:
    if status == "deactivated":
        services.accounts.deactivate(alice.did)
    else:
        with database.transaction():
            accounts.set_takedown(alice.row.id, "ref")

    services.accounts.delete(alice.did)

    assert read_events()[-1][1]["status"] == "deleted"


# --- after the clean-up --------------------------------------------------------------------------


def test_nothing_is_left_but_the_tombstone(services: Services, alice: Person, bob: Person) -> None:
    fill(services, bob)
    services.accounts.deactivate(bob.did)
    before, files = all_rows(), blob_files(services)
    carol = make_account(services, "carol")
    carol_id = carol.row.id
    fill(services, carol)
    services.identity.did_document(carol.did)

    services.accounts.delete(carol.did)
    services.accounts.clean_up()

    # The directory's log is public and for good; the tombstone goes with the retention.
    left = rows_naming(carol.did, "carol", account_id=carol_id)
    assert left == {"event": 1, "plc_operation": 1}
    assert [payload["status"] for _, payload in read_events() if payload.get("did") == carol.did]
    after = all_rows()
    for table in ("event", "plc_operation"):
        assert len(after.pop(table)) == len(before.pop(table)) + 1
    assert after == before
    assert blob_files(services) == files
    assert alice.row.is_active


def test_did_that_comes_back_finds_nothing_old(services: Services) -> None:
    newcomer = make_newcomer(services)
    first = services.accounts.create(newcomer.wants()).tokens
    services.accounts.delete(newcomer.did)
    services.accounts.clean_up()

    services.accounts.create(newcomer.wants())

    old = services.sessions.verify_refresh(first.refresh_jwt)
    assert old.token_id is not None
    with pytest.raises(ExpiredTokenError):
        services.sessions.refresh(newcomer.did, old.token_id)
    row = accounts.find_by_did(newcomer.did)
    assert row is not None
    assert services.repos.counts(row.id) == (2, 0)


def test_nothing_from_before_lets_the_returned_owner_in(services: Services) -> None:
    newcomer = make_newcomer(services)
    first = services.accounts.create(newcomer.wants()).tokens
    made = services.app_passwords.create(newcomer.did, "phone", privileged=True)
    row = accounts.find_by_did(newcomer.did)
    assert row is not None
    services.email_tokens.request(row, "delete_account")
    services.accounts.delete(newcomer.did)
    services.accounts.clean_up()
    services.accounts.create(newcomer.wants(password="a new password"))
    with wire(services) as http:
        answers = {
            "access token": http.get("com.atproto.server.getSession", f"Bearer {first.access_jwt}"),
            "refresh token": http.post(
                "com.atproto.server.refreshSession", f"Bearer {first.refresh_jwt}"
            ),
            "app password": log_in(http, newcomer.did, made.password),
            "old password": log_in(http, newcomer.did, "password of carol"),
            "new password": log_in(http, newcomer.did, "a new password"),
        }

    assert {name: answer.status for name, answer in answers.items()} == {
        "access token": 400,
        "refresh token": 400,
        "app password": 401,
        "old password": 401,
        "new password": 200,
    }
    assert services.email_tokens.pending() == []


def log_in(http: Wire, did: str, password: str) -> Answer:
    body = {"identifier": did, "password": password}
    return http.post("com.atproto.server.createSession", None, body)


def test_owner_who_returns_too_soon_is_told_so(services: Services) -> None:
    newcomer = make_newcomer(services)
    services.accounts.create(newcomer.wants())
    body = {
        "handle": "carol.test",
        "did": newcomer.did,
        "email": "carol@example.com",
        "password": "password",
    }
    with wire(services) as http, no_clean_up(services):
        services.accounts.delete(newcomer.did)
        before = all_rows()
        header = f"Bearer {newcomer.token(services)}"
        reply = http.post("com.atproto.server.createAccount", header, body)

        assert reply.error[:2] == (400, "AlreadyExists")
        assert "still being deleted" in reply.error[2]
        assert all_rows() == before


def test_clean_up_with_nothing_to_do_changes_nothing(services: Services, alice: Person) -> None:
    fill(services, alice)
    before = all_rows(), blob_files(services)

    assert services.accounts.clean_up() == 0
    assert (all_rows(), blob_files(services)) == before


def test_long_did_has_its_folder_removed(services: Services) -> None:
    did = "did:web:" + "a" * 300 + ".example.com"
    with database.transaction():
        account_id = accounts.insert(
            accounts.NewAccountRow(did, "long.test", None, None, CREATED_AT)
        )
    row = accounts.find_by_id(account_id)
    assert row is not None
    services.blobs.upload(row, io.BytesIO(b"x"), "text/plain")

    services.accounts.delete(did)
    services.accounts.clean_up()

    assert blob_files(services) == ["tmp"]


# --- the firehose --------------------------------------------------------------------------------


def test_replay_shows_one_event_of_the_account_and_all_of_the_others(
    services: Services, alice: Person, bob: Person
) -> None:
    fill(services, alice)
    fill(services, bob)
    of_bob = [payload for _, payload in read_events() if _did(payload) == bob.did]
    subscription = services.sequencer.subscribe(0)

    services.accounts.delete(alice.did)
    services.accounts.clean_up()
    post(services, bob, "after")

    seen = _drain(subscription)
    assert [p["status"] for p in seen if _did(p) == alice.did] == ["deleted"]
    assert [p for p in seen if _did(p) == bob.did][:-1] == of_bob


def test_live_subscriber_misses_and_repeats_nothing(
    services: Services, alice: Person, bob: Person
) -> None:
    subscription = services.sequencer.subscribe(None)
    start = events.last_seq()
    fill(services, alice)
    seen = _drain(subscription)
    services.accounts.delete(alice.did)
    post(services, bob, "after")
    services.accounts.clean_up()
    seen += _drain(subscription)
    post(services, bob, "later")
    seen += _drain(subscription)

    assert [payload["seq"] for payload in seen] == list(range(start + 1, events.last_seq() + 1))


def _did(payload: dict[str, Any]) -> str:
    return str(payload.get("did") or payload.get("repo"))


def _drain(subscription: Any) -> list[dict[str, Any]]:
    from pds.atproto.firehose_frames import decode_frame

    found = []
    while frames := subscription.wait_frames(0):
        found += [decode_frame(frame)[1] for frame in frames]
    return found


# --- invite codes --------------------------------------------------------------------------------


def invited(services: Services, code: str, name: str) -> Person:
    person = make_account(services, name)
    with database.transaction():
        services.invites.use(code, person.did)
    return person


def test_use_of_a_code_stays_spent(services: Services) -> None:
    code = make_code(services, 2)
    person = invited(services, code, "dora")

    services.accounts.delete(person.did)

    assert database.rows("SELECT available_uses, disabled FROM invite_code") == [(1, 0)]
    invited(services, code, "dora")
    with pytest.raises(InvalidInviteCodeError):
        services.invites.check(code)


def test_codes_of_the_account_stop_working(services: Services, alice: Person, bob: Person) -> None:
    [(_, [used, unused])] = services.invites.create(2, [alice.did], code_count=2)
    with database.transaction():
        services.invites.use(used, bob.did)

    services.accounts.delete(alice.did)

    for code in (used, unused):
        with pytest.raises(InvalidInviteCodeError):
            services.invites.check(code)
    stored = database.rows("SELECT code, for_account, created_by, disabled FROM invite_code")
    assert stored == [(used, "deleted", "deleted", 1)]
    assert [row[:2] for row in database.rows("SELECT * FROM invite_code_use")] == [(used, bob.did)]


# --- deleteAfter ---------------------------------------------------------------------------------

DAY_S = 24 * 3_600


def test_account_is_deleted_when_its_owner_wanted_it(
    services: Services, alice: Person, bob: Person, clock: StillClock, caplog: Any
) -> None:
    services.accounts.deactivate(alice.did, "2027-01-01T00:00:00+02:00")
    services.accounts.deactivate(bob.did)
    assert alice.row.delete_after == "2026-12-31T22:00:00.000Z"
    assert services.accounts.delete_lapsed() == 0

    clock.advance(365 * DAY_S)
    assert services.accounts.delete_lapsed() == 1

    assert accounts.find_by_did(alice.did) is None
    assert bob.row.status == "deactivated"
    assert read_events()[-1][1]["status"] == "deleted"
    [record] = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert alice.did in record.getMessage()


def test_owner_who_comes_back_is_kept(services: Services, alice: Person, clock: StillClock) -> None:
    services.accounts.deactivate(alice.did, "2027-01-01T00:00:00Z")
    services.accounts.activate(alice.did)
    clock.advance(365 * DAY_S)

    assert services.accounts.delete_lapsed() == 0
    assert alice.row.is_active


def test_taken_down_account_waits_for_a_decision(
    services: Services, alice: Person, clock: StillClock
) -> None:
    services.accounts.deactivate(alice.did, "2027-01-01T00:00:00Z")
    with database.transaction():
        accounts.set_takedown(alice.row.id, "ref")
    clock.advance(365 * DAY_S)
    assert services.accounts.delete_lapsed() == 0

    with database.transaction():
        accounts.set_takedown(alice.row.id, None)
    assert services.accounts.delete_lapsed() == 1


@pytest.mark.parametrize("wanted", ["2020-01-01T00:00:00Z", "0000-01-01T00:00:00Z"])
def test_owner_has_three_days_to_come_back(
    services: Services, alice: Person, clock: StillClock, wanted: str
) -> None:
    services.accounts.deactivate(alice.did, wanted)
    clock.advance(3 * DAY_S - 1)
    assert services.accounts.delete_lapsed() == 0

    clock.advance(1)
    assert services.accounts.delete_lapsed() == 1


def test_account_that_changes_at_the_last_moment_is_kept(
    services: Services, alice: Person, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.accounts.deactivate(alice.did, "2027-01-01T00:00:00Z")
    clock.advance(365 * DAY_S)
    list_lapsed = accounts.list_lapsed

    def list_then_activate(now: str) -> Any:
        found = list_lapsed(now)
        services.accounts.activate(alice.did)
        return found

    monkeypatch.setattr(accounts, "list_lapsed", list_then_activate)

    assert services.accounts.delete_lapsed() == 0
    assert alice.row.is_active
