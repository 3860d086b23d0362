"""Changes of identity that are cut off: by the directory, by a lost reply, by a crash."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from pds.atproto.plc import Operation
from pds.errors import (
    AccountNotFoundError,
    HandleNotAvailableError,
    InvalidRequestError,
    PdsError,
    UpstreamFailureError,
)
from pds.network.plc_directory import OperationRefusedError
from pds.services import identity_journal
from pds.services.handle_changes import HandleChanges
from pds.services.identity import Identity
from pds.services.identity_journal import ChangeUnderWayError, IdentityJournal
from pds.storage import accounts
from pds.storage.database import rows, transaction
from tests.factories import Person, dump_tables, make_account, new_account, race, read_events

if TYPE_CHECKING:
    from pds.services import Services


class Crash(BaseException):
    """The process ends here: nothing after it runs, as far as the database can tell."""


class Line:
    """The server's real directory, behind a line that can fail.

    ``before`` and ``after`` run around the delivery of an operation and may raise.
    """

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self.before: Callable[[], None] = lambda: None
        self.after: Callable[[], None] = lambda: None
        self.is_silent = False

    def handle_operation(self, did: str, handle: str) -> Operation | None:
        return self._identity.handle_operation(did, handle)

    def submit_operation(self, did: str, operation: Operation) -> None:
        self.before()
        self._identity.submit_operation(did, operation)
        self.after()

    def holds_operation(self, did: str, operation: Operation) -> bool:
        if self.is_silent:
            raise UpstreamFailureError
        return self._identity.holds_operation(did, operation)


def raising(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


@pytest.fixture
def line(services: Services) -> Line:
    return Line(services.identity)


@pytest.fixture
def journal(services: Services, line: Line) -> IdentityJournal:
    return IdentityJournal(line, services.sequencer, services.mail, services.clock)


@pytest.fixture
def changes(services: Services, line: Line, journal: IdentityJournal) -> HandleChanges:
    return HandleChanges(line, services.handles, journal)


def state() -> dict[str, list[tuple[Any, ...]]]:
    return dump_tables("account", "event", "plc_operation", "identity_change")


def handle_in_directory(services: Services, did: str) -> str | None:
    return services.identity.parsed_document(did, force=True).handle


def assert_changed_once(services: Services, person: Person, handle: str, after_seq: int) -> None:
    """Directory, database and network agree on the new handle, and nothing is left to do."""
    assert person.row.handle == handle_in_directory(services, person.did) == handle
    told = [(kind, payload["did"], payload["handle"]) for kind, payload in read_events(after_seq)]
    assert told == [("#identity", person.did, handle)]
    assert rows("SELECT * FROM identity_change") == []
    assert len(rows("SELECT * FROM plc_operation WHERE did = ?", (person.did,))) == 2


# --- the directory says no, or nothing -----------------------------------------------------------


def test_change_without_the_directorys_yes_leaves_nothing(
    alice: Person, changes: HandleChanges, line: Line
) -> None:
    before = state()
    line.before = raising(OperationRefusedError("Invalid operation: no"))

    with pytest.raises(OperationRefusedError, match="no"):
        changes.change(alice.did, "alice2.test")

    assert state() == before


def test_lost_reply_does_not_lose_the_change(
    services: Services, alice: Person, changes: HandleChanges, line: Line
) -> None:
    line.after = raising(UpstreamFailureError())

    changes.change(alice.did, "alice2.test")

    assert_changed_once(services, alice, "alice2.test", 4)


@pytest.mark.parametrize("arrived", [True, False])
def test_change_of_unknown_outcome_stays_until_the_directory_speaks(
    services: Services,
    alice: Person,
    changes: HandleChanges,
    journal: IdentityJournal,
    line: Line,
    arrived: bool,
) -> None:
    setattr(line, "after" if arrived else "before", raising(UpstreamFailureError()))
    line.is_silent = True
    with pytest.raises(UpstreamFailureError):
        changes.change(alice.did, "alice2.test")
    before = state()
    assert len(before["identity_change"]) == 1
    assert alice.row.handle == "alice.test"

    journal.resume()
    assert state() == before

    line.before = line.after = lambda: None
    journal.resume()
    assert_changed_once(services, alice, "alice2.test", 4)


def test_later_change_first_brings_the_open_one_to_its_end(
    services: Services, alice: Person, changes: HandleChanges, line: Line
) -> None:
    line.before = raising(UpstreamFailureError())
    with pytest.raises(UpstreamFailureError):
        changes.change(alice.did, "alice2.test")
    with pytest.raises(UpstreamFailureError):
        changes.change(alice.did, "alice3.test")

    line.before = lambda: None
    changes.change(alice.did, "alice3.test")

    assert alice.row.handle == handle_in_directory(services, alice.did) == "alice3.test"
    assert [payload["handle"] for _, payload in read_events(4)] == ["alice2.test", "alice3.test"]


# --- the server crashes --------------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["before", "after"])
def test_change_cut_off_around_the_directory_is_finished_at_the_next_start(
    services: Services, alice: Person, changes: HandleChanges, line: Line, moment: str
) -> None:
    setattr(line, moment, raising(Crash()))
    with pytest.raises(Crash):
        changes.change(alice.did, "alice2.test")
    assert alice.row.handle == "alice.test"
    assert len(read_events()) == 4

    services.resume()

    assert_changed_once(services, alice, "alice2.test", 4)
    before = state()
    services.resume()
    assert state() == before


def test_half_of_the_last_transaction_is_never_seen(
    services: Services,
    alice: Person,
    changes: HandleChanges,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(identity_journal, "announce_identity", lambda *_: raising(Crash())())
        with pytest.raises(Crash):
            changes.change(alice.did, "alice2.test")
    assert alice.row.handle == "alice.test"

    services.resume()

    assert_changed_once(services, alice, "alice2.test", 4)


def test_cut_off_change_that_the_directory_refuses_is_dropped(
    alice: Person, changes: HandleChanges, journal: IdentityJournal, line: Line
) -> None:
    before = state()
    line.before = raising(Crash())
    with pytest.raises(Crash):
        changes.change(alice.did, "alice2.test")

    line.before = raising(OperationRefusedError())
    journal.resume()

    assert state() == before


def test_cut_off_change_of_a_deleted_account_goes_with_it(
    services: Services, alice: Person, changes: HandleChanges, line: Line
) -> None:
    line.before = raising(Crash())
    with pytest.raises(Crash):
        changes.change(alice.did, "alice2.test")
    with transaction():
        accounts.delete(alice.row.id)

    services.resume()

    assert make_account(services, "alice2").handle == "alice2.test"


# --- who comes first -----------------------------------------------------------------------------


def test_handle_is_reserved_while_a_change_is_under_way(
    services: Services, alice: Person, bob: Person, changes: HandleChanges, line: Line
) -> None:
    refused: list[Exception] = []

    def try_to_take() -> None:
        for attempt, error in (
            (partial(services.handle_changes.change, bob.did, "new.test"), HandleNotAvailableError),
            (partial(services.accounts.create, new_account("new")), InvalidRequestError),
        ):
            with pytest.raises(error, match=r"Handle already taken: new\.test") as raised:
                attempt()
            refused.append(raised.value)

    line.after = try_to_take
    changes.change(alice.did, "new.test")

    assert len(refused) == 2
    assert alice.row.handle == "new.test"
    assert make_account(services, "alice", email="again@example.com").handle == "alice.test"


def test_handle_of_a_cut_off_change_is_reserved(
    services: Services, alice: Person, bob: Person, changes: HandleChanges, line: Line
) -> None:
    line.before = raising(Crash())
    with pytest.raises(Crash):
        changes.change(alice.did, "new.test")

    with pytest.raises(HandleNotAvailableError):
        services.handle_changes.change(bob.did, "new.test")


def test_one_of_several_accounts_gets_a_handle_that_all_want(services: Services) -> None:
    people = [make_account(services, name) for name in ("alice", "bob", "carol")]
    seq = len(read_events())

    outcomes = race(
        [partial(services.handle_changes.change, person.did, "new.test") for person in people]
        + [partial(services.accounts.create, new_account("new"))]
    )

    errors = [outcome for outcome in outcomes if isinstance(outcome, PdsError)]
    assert len(errors) == 3
    assert {str(error) for error in errors} == {"Handle already taken: new.test"}
    [(did,)] = rows("SELECT did FROM account WHERE handle = 'new.test'")
    assert handle_in_directory(services, did) == "new.test"
    assert rows("SELECT * FROM identity_change") == []
    assert {payload.get("did") or payload["repo"] for _, payload in read_events(seq)} == {did}
    assert len(rows("SELECT * FROM plc_operation")) == 4


def test_second_change_of_one_account_is_refused_while_the_first_goes_on(
    services: Services, alice: Person, changes: HandleChanges, line: Line
) -> None:
    refused: list[Exception] = []

    def change_meanwhile() -> None:
        with pytest.raises(ChangeUnderWayError) as raised:
            changes.change(alice.did, "alice3.test")
        refused.append(raised.value)

    line.before = change_meanwhile
    changes.change(alice.did, "alice2.test")

    assert refused
    assert_changed_once(services, alice, "alice2.test", 4)


def test_second_change_by_another_process_comes_after_the_first(
    services: Services, alice: Person, changes: HandleChanges, line: Line
) -> None:
    def change_meanwhile() -> None:
        services.handle_changes.change(alice.did, "alice3.test")

    line.before = change_meanwhile
    changes.change(alice.did, "alice2.test")

    assert alice.row.handle == handle_in_directory(services, alice.did) == "alice3.test"
    assert [payload["handle"] for _, payload in read_events(4)] == ["alice2.test", "alice3.test"]
    assert rows("SELECT * FROM identity_change") == []


def test_change_that_is_still_going_on_is_not_resumed(
    services: Services, alice: Person, changes: HandleChanges, journal: IdentityJournal, line: Line
) -> None:
    seen: list[int] = []

    def resume_meanwhile() -> None:
        journal.resume()
        seen.append(len(rows("SELECT * FROM identity_change")))

    line.after = resume_meanwhile
    changes.change(alice.did, "alice2.test")

    assert seen == [1]
    assert_changed_once(services, alice, "alice2.test", 4)


def test_another_process_may_finish_first(
    services: Services, alice: Person, changes: HandleChanges, line: Line
) -> None:
    line.after = services.identity_journal.resume  # has no idea of our being at work

    changes.change(alice.did, "alice2.test")

    assert_changed_once(services, alice, "alice2.test", 4)


def test_account_that_goes_meanwhile_is_not_found(
    services: Services, alice: Person, journal: IdentityJournal
) -> None:
    account = alice.row
    operation = services.identity.handle_operation(alice.did, "alice2.test")
    assert operation is not None
    with transaction():
        accounts.delete(account.id)

    for change in (
        partial(journal.send, account, operation, "alice2.test"),
        partial(journal.record, account, "alice2.test"),
    ):
        with pytest.raises(AccountNotFoundError):
            change()
    assert rows("SELECT * FROM identity_change") == []
