"""Sign-ups that are cut off: by the directory, by a lost reply, by a crash."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from pds.atproto.plc import Operation
from pds.errors import AuthRequiredError, InvalidRequestError, PdsError, UpstreamFailureError
from pds.network.plc_directory import OperationConflictError, OperationRefusedError
from pds.services.account_creation import AccountCreation, Parts
from pds.services.devices import UNKNOWN_DEVICE, Device
from pds.services.identity import Identity
from pds.services.keys import SigningKeys
from pds.services.session_tokens import Tokens
from pds.services.sessions import Sessions
from pds.storage import accounts, events
from pds.storage.database import rows
from tests.factories import dump_tables, make_code, new_account, read_events
from tests.firehose_consumer import Consumer

if TYPE_CHECKING:
    from pds.services import Services

ALL_EVENTS = ["#identity", "#account", "#commit", "#sync"]


class Crash(BaseException):
    """The process ends here: nothing after it runs, as far as the database can tell."""


class Directory:
    """The server's real directory, behind a line that can fail.

    ``before`` and ``after`` run around the delivery of a genesis operation and may raise.
    """

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self.before: Callable[[], None] = lambda: None
        self.after: Callable[[], None] = lambda: None
        self.is_silent = False

    def did_document(self, did: str, *, force: bool = False) -> dict[str, Any]:
        return self._identity.did_document(did, force=force)

    def new_genesis(
        self, handle: str, signing_key: str, recovery_key: str | None = None
    ) -> tuple[str, Operation]:
        return self._identity.new_genesis(handle, signing_key, recovery_key)

    def submit_genesis(self, did: str, operation: Operation) -> None:
        self.before()
        self._identity.submit_genesis(did, operation)
        self.after()

    def is_registered(self, did: str) -> bool:
        if self.is_silent:
            raise UpstreamFailureError
        return self._identity.is_registered(did)


def raising(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


@pytest.fixture
def directory(services: Services) -> Directory:
    return Directory(services.identity)


@pytest.fixture
def parts(services: Services, directory: Directory) -> Parts:
    return Parts(
        directory,
        services.handles,
        services.invites,
        SigningKeys(services.identity.rotation_key),
        services.repos,
        services.sequencer,
        services.sessions,
        services.flood_breaker,
        services.mail,
    )


@pytest.fixture
def creation(services: Services, parts: Parts) -> AccountCreation:
    return AccountCreation(parts, services.clock, invite_required=False)


def restarted(services: Services) -> None:
    """What a server does at its next start, with the directory answering."""
    services.accounts.resume_pending()


# --- the directory says no, or nothing -----------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        OperationRefusedError("Invalid operation: no"),
        OperationConflictError(),
        UpstreamFailureError(),
    ],
)
def test_sign_up_without_the_directorys_yes_leaves_nothing(
    services: Services, creation: AccountCreation, directory: Directory, error: PdsError
) -> None:
    code = make_code(services)
    before = dump_tables()
    directory.before = raising(error)

    with pytest.raises(type(error)) as raised:
        creation.create(new_account(invite_code=code))

    assert raised.value is error
    assert dump_tables() == before
    directory.before = lambda: None
    assert creation.create(new_account(invite_code=code)).handle == "alice.test"


def test_directory_that_falls_silent_leaves_the_names_free(
    creation: AccountCreation, directory: Directory
) -> None:
    directory.after = raising(UpstreamFailureError())
    directory.is_silent = True

    with pytest.raises(UpstreamFailureError):
        creation.create(new_account())

    assert rows("SELECT id FROM account") == []
    assert read_events() == []
    directory.after = lambda: None
    assert creation.create(new_account()).handle == "alice.test"


def test_lost_reply_does_not_lose_the_account(
    services: Services, creation: AccountCreation, directory: Directory
) -> None:
    directory.after = raising(UpstreamFailureError())

    created = creation.create(new_account())

    assert services.accounts.get_account(created.did).is_active
    assert [kind for kind, _ in read_events()] == ALL_EVENTS


# --- the server crashes --------------------------------------------------------------------------


def crash_in_sign_up(creation: AccountCreation, code: str | None = None) -> None:
    with pytest.raises(Crash):
        creation.create(new_account(invite_code=code))


@pytest.mark.parametrize("moment", ["before", "after"])
def test_sign_up_cut_off_around_the_directory_is_finished_at_the_next_start(
    services: Services, creation: AccountCreation, directory: Directory, moment: str
) -> None:
    code = make_code(services)
    setattr(directory, moment, raising(Crash()))
    crash_in_sign_up(creation, code)

    assert services.accounts.find_account("alice.test") is None
    with pytest.raises(AuthRequiredError):
        services.sessions.login("alice.test", "password of alice")
    with pytest.raises(InvalidRequestError, match="Handle already taken"):
        services.accounts.create(new_account(email="other@example.com"))
    assert read_events() == []

    restarted(services)

    account = services.accounts.get_account("alice.test")
    assert account.is_active
    assert services.identity.is_registered(account.did)
    assert services.sessions.login("alice.test", "password of alice").account == account
    assert [kind for kind, _ in read_events()] == ALL_EVENTS
    assert rows("SELECT used_by FROM invite_code_use") == [(account.did,)]
    consumer = Consumer(services.identity.did_document)
    for _, frame in events.frames_between(0, events.last_seq(), 1_000_000):
        consumer.accept(frame)


def test_resuming_again_changes_nothing(
    services: Services, creation: AccountCreation, directory: Directory
) -> None:
    directory.after = raising(Crash())
    crash_in_sign_up(creation)
    restarted(services)
    before = dump_tables()

    restarted(services)
    assert dump_tables() == before


def test_sign_up_that_another_process_finishes_first_is_made_once(
    services: Services, creation: AccountCreation, directory: Directory
) -> None:
    directory.after = lambda: services.accounts.resume_pending()

    created = creation.create(new_account())

    assert [kind for kind, _ in read_events()] == ALL_EVENTS
    assert rows("SELECT count(*) FROM block") == [(1,)]
    assert services.sessions.verify_access(created.tokens.access_jwt).did == created.did


def test_sign_up_finished_by_another_process_is_not_undone(
    services: Services, creation: AccountCreation, directory: Directory
) -> None:
    def finished_elsewhere() -> None:
        services.accounts.resume_pending()
        raise UpstreamFailureError

    directory.after = finished_elsewhere
    directory.is_silent = True

    with pytest.raises(UpstreamFailureError):
        creation.create(new_account())

    assert services.accounts.get_account("alice.test").is_active


class FailingSessions(Sessions):
    """Fails in the last step of transaction 2."""

    def __init__(self) -> None:
        """Needs nothing: the only method called raises."""

    def issue_in_transaction(
        self, account_id: int, did: str, device: Device = UNKNOWN_DEVICE
    ) -> Tokens:
        raise Crash


def test_half_of_the_last_transaction_is_never_seen(services: Services, parts: Parts) -> None:
    creation = AccountCreation(
        dataclasses.replace(parts, sessions=FailingSessions()),
        services.clock,
        invite_required=False,
    )
    crash_in_sign_up(creation)

    assert read_events() == []
    assert rows("SELECT * FROM repo_root") == rows("SELECT * FROM refresh_token") == []
    assert len(accounts.list_pending()) == 1
    restarted(services)
    assert services.accounts.get_account("alice.test").is_active


def test_cut_off_sign_up_that_the_directory_refuses_is_undone(
    services: Services, creation: AccountCreation, directory: Directory
) -> None:
    code = make_code(services)
    before = dump_tables()
    directory.before = raising(Crash())
    crash_in_sign_up(creation, code)

    directory.before = raising(OperationRefusedError())
    creation.resume_pending()

    assert dump_tables() == before
    services.invites.check(code)


def test_cut_off_sign_up_that_is_registered_is_finished_although_refused_now(
    services: Services, creation: AccountCreation, directory: Directory
) -> None:
    directory.after = raising(Crash())
    crash_in_sign_up(creation)

    directory.before = raising(OperationConflictError())
    creation.resume_pending()

    assert services.accounts.get_account("alice.test").is_active


def test_cut_off_sign_up_waits_while_the_directory_is_silent(
    services: Services, creation: AccountCreation, directory: Directory
) -> None:
    directory.before = raising(Crash())
    crash_in_sign_up(creation)
    before = dump_tables()

    for error in [UpstreamFailureError(), OperationRefusedError()]:
        directory.before = raising(error)
        directory.is_silent = True
        creation.resume_pending()
        assert dump_tables() == before

    directory.before, directory.is_silent = (lambda: None), False
    creation.resume_pending()
    assert services.accounts.get_account("alice.test").is_active


def test_sign_up_that_is_still_going_on_is_not_resumed(
    services: Services, creation: AccountCreation, directory: Directory
) -> None:
    seen: list[int] = []

    def resume_meanwhile() -> None:
        creation.resume_pending()
        seen.append(len(accounts.list_pending()))

    directory.after = resume_meanwhile
    created = creation.create(new_account())

    assert seen == [1]
    assert [kind for kind, _ in read_events()] == ALL_EVENTS
    assert services.accounts.get_account(created.did).is_active
