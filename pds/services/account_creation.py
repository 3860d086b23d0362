"""Sign-up: a new account here, with a new DID or with one that is moving in.

A did:plc account exists in two places, this database and the PLC directory, and no transaction
spans both. So a sign-up goes in this order, and a crash anywhere leaves something
``resume_pending`` can finish or undo:

1. check everything that can be refused, the invite code and names of inactive accounts included;
2. transaction 1: the account as *pending* with its signed genesis operation, its key, the invite;
3. the operation goes to the directory (sending the same one twice is harmless);
4. transaction 2: the account stops being pending and gets its repo, its session and its events.

Until 4 nobody sees the account, but its handle and address are taken. An account that moves in has
its DID already: one transaction, born deactivated, announced when it is activated.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from pds.atproto.crypto.keypair import PrivateKey
from pds.atproto.did_document import render_plc_document
from pds.atproto.plc import Operation, data_of
from pds.atproto.repo import RepoChange
from pds.atproto.syntax.datetime import format_datetime
from pds.errors import (
    AuthRequiredError,
    InvalidInviteCodeError,
    InvalidRequestError,
    PdsError,
    UpstreamFailureError,
)
from pds.services.account_events import announce_new_account
from pds.services.clock import Clock
from pds.services.devices import UNKNOWN_DEVICE, Device
from pds.services.flood_breaker import FloodBreaker
from pds.services.handles import Handles
from pds.services.in_progress import InProgress
from pds.services.invites import Invites
from pds.services.keys import SigningKeys
from pds.services.mail import Mail
from pds.services.passwords import hash_password
from pds.services.repos import Repos
from pds.services.resuming import resume_each
from pds.services.sequencer import Sequencer
from pds.services.session_tokens import Tokens
from pds.services.sessions import Sessions
from pds.services.sign_up_checks import (
    EmailTakenError,
    check_email,
    check_free,
    check_new_password,
    check_recovery_key,
)
from pds.storage import accounts, reserved_keys
from pds.storage.accounts import AccountRow, NewAccountRow
from pds.storage.database import transaction

logger = logging.getLogger("pds.accounts")


class Directory(Protocol):
    """The part of ``Identity`` that a sign-up needs."""

    def did_document(self, did: str, *, force: bool = False) -> dict[str, Any]: ...
    def new_genesis(
        self, handle: str, signing_key: str, recovery_key: str | None = None
    ) -> tuple[str, Operation]: ...
    def submit_genesis(self, did: str, operation: Operation) -> None: ...
    def is_registered(self, did: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What somebody asks for. ``issuer`` is the DID that signed the request, if any did.

    by_operator: asked for on the server's own machine; needs no invite, may have a reserved name.
    """

    handle: str
    email: str | None
    password: str | None
    did: str | None = None
    issuer: str | None = None
    invite_code: str | None = None
    recovery_key: str | None = None
    by_operator: bool = False
    device: Device = UNKNOWN_DEVICE


@dataclass(frozen=True, slots=True)
class CreatedAccount:
    did: str
    handle: str
    did_document: dict[str, Any]
    tokens: Tokens


@dataclass(frozen=True, slots=True)
class _Checked:
    """A request that passed; ``handle`` and ``email`` are as they will be stored."""

    handle: str
    email: str
    password_scrypt: str | None
    invite_code: str | None
    recovery_key: str | None
    device: Device
    by_operator: bool
    key: PrivateKey


@dataclass(frozen=True, slots=True)
class Parts:
    """The services a sign-up is put together from."""

    directory: Directory
    handles: Handles
    invites: Invites
    keys: SigningKeys
    repos: Repos
    sequencer: Sequencer
    sessions: Sessions
    breaker: FloodBreaker
    mail: Mail


class AccountCreation:
    """Creates accounts."""

    def __init__(
        self,
        parts: Parts,
        clock: Clock,
        *,
        invite_required: bool,
        check_room: Callable[[], None] = lambda: None,
    ) -> None:
        """check_room: refuses sign-ups while the disk is nearly full."""
        self._parts = parts
        self._clock = clock
        self._invite_required = invite_required
        self._check_room = check_room
        self._in_progress = InProgress()

    def create(self, new: NewAccount) -> CreatedAccount:
        """Create an account and its first session; all of it or nothing.

        Raises:
            InvalidRequestError: the e-mail address, a name that is taken, the recovery key.
            InvalidPasswordError, InvalidInviteCodeError
            SignUpClosedError: too many have come, or the operator has closed it.
            InvalidHandleError, HandleNotAvailableError, UnsupportedDomainError
            AuthRequiredError: ``did`` is given but did not sign the request.
            UnresolvableDidError, AlreadyExistsError: about that DID.
            UpstreamFailureError: the directory did not answer.
            NotEnoughResourcesError: the disk is nearly full.

        Spec: https://atproto.com/guides/account-lifecycle#creation
        """
        if not new.by_operator:
            self._check_room()
        try:
            checked, document = self._check(new)
            if new.did is None:
                return self._create_with_new_did(checked)
            return self._move_in(new.did, checked, document)
        except EmailTakenError as error:
            if new.by_operator:  # who may know
                raise InvalidRequestError(f"Email already taken: {new.email}") from error
            self._tell_owner(new.email or "")
            raise

    def resume_pending(self) -> None:
        """Finish, or undo, the sign-ups that a crash cut off between the two transactions.

        One that cannot be decided because the directory is silent stays pending for the next time.
        """
        resume_each(accounts.list_pending(), self._resume_unless_going_on)

    def _resume_unless_going_on(self, pending: AccountRow) -> None:
        with self._in_progress.claim(pending.did) as is_ours:
            if is_ours:
                self._resume(pending)

    # --- checks ----------------------------------------------------------------------------------

    def _check(self, new: NewAccount) -> tuple[_Checked, dict[str, Any]]:
        """Refuse what can be refused before anything has happened.

        The second part is the DID document of an account that moves in, else empty.
        """
        check_new_password(new.password)
        if not new.by_operator:
            self._parts.breaker.check()
        if self._invite_required and not (new.invite_code or new.by_operator):
            message = "No invite code provided"
            raise InvalidInviteCodeError(message)
        if new.invite_code:  # before anything that tells who has an account here
            self._parts.invites.check(new.invite_code)
        email = check_email(new.email)
        if new.did is not None and new.did != new.issuer:
            message = f"Missing auth to create account with did: {new.did}"
            raise AuthRequiredError(message)
        if new.recovery_key is not None:
            check_recovery_key(new.recovery_key)
        handle = self._parts.handles.check_new(new.handle, did=new.did, by_admin=new.by_operator)
        check_free(handle, email, new.did)
        if not new.by_operator:
            self._parts.breaker.admit()
        document = {} if new.did is None else self._parts.directory.did_document(new.did)
        password_scrypt = None if new.password is None else hash_password(new.password)
        keys = self._parts.keys
        checked = _Checked(
            handle=handle,
            email=email,
            password_scrypt=password_scrypt,
            invite_code=new.invite_code,
            recovery_key=new.recovery_key,
            device=new.device,
            by_operator=new.by_operator,
            key=keys.create() if new.did is None else keys.create_for(new.did),
        )
        return checked, document

    # --- a new DID -------------------------------------------------------------------------------

    def _create_with_new_did(self, checked: _Checked) -> CreatedAccount:
        did, operation = self._parts.directory.new_genesis(
            checked.handle, checked.key.did_key, checked.recovery_key
        )
        first_commit = self._parts.repos.initial(did, checked.key)
        with self._in_progress.claim(did):
            with transaction():
                account_id = self._insert(did, checked, operation=operation)
            self._register(account_id, did, operation, is_counted=not checked.by_operator)
            with transaction():
                self._finish(account_id, did, checked.handle, first_commit)
                tokens = self._parts.sessions.issue_in_transaction(account_id, did, checked.device)
        document = render_plc_document(did, data_of(did, operation))
        return CreatedAccount(did, checked.handle, document, tokens)

    def _register(
        self, account_id: int, did: str, operation: Operation, *, is_counted: bool
    ) -> None:
        """Submit the genesis operation, or undo transaction 1 and raise why it failed."""
        try:
            self._parts.directory.submit_genesis(did, operation)
        except PdsError as error:
            if isinstance(error, UpstreamFailureError) and self._is_registered(did):
                return  # only the reply was lost
            self._undo(account_id, did, is_counted=is_counted)
            logger.warning("the directory did not take %s: %s", did, error)
            raise

    def _is_registered(self, did: str) -> bool:
        """Whether the operation arrived although the directory's reply did not.

        A directory that stays silent counts as no: the DID may then exist without an account. That
        harms nobody, while keeping the row would lock the person out of the handle.
        """
        try:
            return self._parts.directory.is_registered(did)
        except UpstreamFailureError:
            return False

    def _resume(self, pending: AccountRow) -> None:
        operation = json.loads(pending.pending_operation or "null")
        try:
            self._parts.directory.submit_genesis(pending.did, operation)
        except UpstreamFailureError:
            raise
        except PdsError as error:
            if not self._parts.directory.is_registered(pending.did):
                self._undo(pending.id, pending.did, is_counted=False)  # or by now long forgotten
                logger.warning("undid the cut-off sign-up of %s: %s", pending.did, error)
                return
        first_commit = self._parts.repos.initial(pending.did, self._parts.keys.get(pending.id))
        with transaction():
            self._finish(pending.id, pending.did, pending.handle, first_commit)
        logger.info("finished the cut-off sign-up of %s", pending.did)

    def _finish(self, account_id: int, did: str, handle: str | None, first: RepoChange) -> None:
        """Transaction 2, without the session. The caller holds it.

        Nothing is left to do when another process has resumed the same sign-up meanwhile.
        """
        if not accounts.clear_pending(account_id):
            return
        self._parts.repos.store_initial(account_id, first)
        announce_new_account(self._parts.sequencer, did, handle, first)

    def _undo(self, account_id: int, did: str, *, is_counted: bool) -> None:
        with transaction():
            if accounts.delete_pending(account_id):
                self._parts.invites.give_back(did)
                if is_counted:
                    self._parts.breaker.uncount()

    # --- an existing DID -------------------------------------------------------------------------

    def _move_in(self, did: str, checked: _Checked, document: dict[str, Any]) -> CreatedAccount:
        # No deleteAfter: an unfinished move waits for its owner as long as it takes.
        first_commit = self._parts.repos.initial(did, checked.key)
        with transaction():
            account_id = self._insert(did, checked, operation=None)
            self._parts.repos.store_initial(account_id, first_commit)
            tokens = self._parts.sessions.issue_in_transaction(account_id, did, checked.device)
        return CreatedAccount(did, checked.handle, document, tokens)

    def _tell_owner(self, email: str) -> None:
        """Tell who has the address that somebody wanted to sign up with it; nobody else learns."""
        with transaction():
            owner = accounts.find_by_email(email)
            if owner is not None:
                self._parts.mail.notify(owner, "sign_up_attempt")

    def _insert(self, did: str, checked: _Checked, *, operation: Operation | None) -> int:
        """Add the row, its key and the use of the invite. The caller holds the transaction.

        With ``operation`` the account is pending, without it deactivated. Room, names and invite
        are checked once more: since the first check somebody else may have taken them.
        """
        if not checked.by_operator:
            self._parts.breaker.count()
        now = format_datetime(self._clock())
        check_free(checked.handle, checked.email, did)
        account_id = accounts.insert(
            NewAccountRow(
                did=did,
                handle=checked.handle,
                email=checked.email,
                password_scrypt=checked.password_scrypt,
                created_at=now,
                deactivated_at=now if operation is None else None,
                pending_operation=None if operation is None else json.dumps(operation),
                recovery_did_key=checked.recovery_key,
            )
        )
        self._parts.keys.store(account_id, checked.key)
        reserved_keys.remove_reserved(did)
        if checked.invite_code:
            self._parts.invites.use(checked.invite_code, did)
        return account_id
