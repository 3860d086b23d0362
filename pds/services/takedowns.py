"""Takedowns: an account, a record or a blob is no longer shown, and nothing of it is lost.

- account: only its owner and the admin can read it, everybody is signed out (``endings``), and the
  network is told. Its owner can still log in (with ``allowTakendown``) to move away.
- record: hidden from getRecord and listRecords. It stays in the repo, whose tree and signature
  cover it, so exports and proofs still contain it. Editing it does not bring it back.
- blob: not served, not to be used by further records, not to be uploaded again. The file stays in
  its place: it is the row that opens it (see decision 10), and a reversal needs nothing moved.

Spec: https://atproto.com/specs/account#hosting-status
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from pds.atproto.cid import Cid
from pds.atproto.syntax.at_uri import AtUri
from pds.atproto.syntax.datetime import format_datetime
from pds.errors import AccountTakedownError, InvalidRequestError, NotFoundError
from pds.services.account_activation import AccountActivation
from pds.services.account_events import announce_status
from pds.services.clock import Clock
from pds.services.endings import Endings
from pds.services.repos import Repos
from pds.services.sequencer import Sequencer
from pds.storage import accounts, blobs, records
from pds.storage.accounts import AccountRow
from pds.storage.database import transaction


@dataclass(frozen=True, slots=True)
class AccountSubject:
    did: str


@dataclass(frozen=True, slots=True)
class RecordSubject:
    """A record, whatever its version: ``cid`` is the current one where we say it."""

    uri: AtUri
    cid: Cid | None = None


@dataclass(frozen=True, slots=True)
class BlobSubject:
    did: str
    cid: Cid


Subject = AccountSubject | RecordSubject | BlobSubject


@dataclass(frozen=True, slots=True)
class SubjectStatus:
    """``takedown_ref`` None: not taken down. ``deactivated`` is told of accounts only."""

    subject: Subject
    takedown_ref: str | None
    deactivated: bool | None = None


@dataclass(frozen=True, slots=True)
class Takedown:
    """``applied`` False takes one back. ``ref``: what it is kept under, the time by default."""

    applied: bool
    ref: str | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    """The services that takedowns are put together from."""

    activation: AccountActivation
    repos: Repos
    endings: Endings
    sequencer: Sequencer


class Takedowns:
    """Takes things down and says what is."""

    def __init__(self, parts: Parts, clock: Clock) -> None:
        self._parts = parts
        self._clock = clock

    # --- looking ---------------------------------------------------------------------------------

    def status(self, subject: Subject) -> SubjectStatus:
        """Raises NotFoundError when there is no such thing here."""
        if isinstance(subject, AccountSubject):
            account = _get_account(subject.did)
            return SubjectStatus(subject, account.takedown_ref, account.deactivated_at is not None)
        if isinstance(subject, RecordSubject):
            _, cid, takedown_ref = _get_record(subject)
            return SubjectStatus(dataclasses.replace(subject, cid=cid), takedown_ref)
        return SubjectStatus(subject, _get_blob(subject)[1])

    # --- changing --------------------------------------------------------------------------------

    def update(
        self, subject: Subject, takedown: Takedown | None, *, deactivated: bool | None
    ) -> None:
        """Take down or back, deactivate or activate. With neither, an account is announced anew.

        Raises:
            NotFoundError: there is no such thing here; nothing is announced.
            InvalidRequestError: a record or blob is to be deactivated, or a takedown comes with an
                activation, or the account to be activated is taken down.
            IncompatibleDidDocError, UnresolvableDidError, UpstreamFailureError: the account to be
                activated has a DID that does not point here.
        """
        if isinstance(subject, AccountSubject):
            self._update_account(subject.did, takedown, deactivated=deactivated)
            return
        if deactivated is not None:
            message = "Only accounts can be deactivated"
            raise InvalidRequestError(message)
        if takedown is None:
            self.status(subject)
            return
        with transaction():
            if isinstance(subject, RecordSubject):
                account, _, _ = _get_record(subject)
                records.set_takedown(account.id, *_path(subject), self._ref(takedown))
            else:
                account, _ = _get_blob(subject)
                blobs.set_takedown(account.id, subject.cid, self._ref(takedown))

    def _update_account(
        self, did: str, takedown: Takedown | None, *, deactivated: bool | None
    ) -> None:
        if takedown is not None and deactivated is False:
            message = "A takedown and an activation exclude each other"
            raise InvalidRequestError(message)
        if deactivated is False:
            self._activate(did)
            return
        account = _get_account(did)
        # The repo lock: a write that has begun is announced before the account goes silent.
        with self._parts.repos.repo_lock(account.id), transaction():
            current = _get_account(did)
            if takedown is not None:
                current = dataclasses.replace(current, takedown_ref=self._ref(takedown))
                accounts.set_takedown(current.id, current.takedown_ref)
                self._parts.endings.end_everything(current.id)
            if deactivated and current.deactivated_at is None:
                now = format_datetime(self._clock())
                current = dataclasses.replace(current, deactivated_at=now)
                accounts.set_deactivated(current.id, now, None)
            announce_status(self._parts.sequencer, current)

    def _activate(self, did: str) -> None:
        _get_account(did)
        try:
            self._parts.activation.activate(did)
        except AccountTakedownError as error:
            message = "The account is taken down, reverse that first"
            raise InvalidRequestError(message) from error

    def _ref(self, takedown: Takedown) -> str | None:
        if not takedown.applied:
            return None
        return takedown.ref or format_datetime(self._clock())


def _get_account(identifier: str) -> AccountRow:
    account = accounts.find_account(identifier)
    if account is None:
        message = "Subject not found"
        raise NotFoundError(message)
    return account


def _path(subject: RecordSubject) -> tuple[str, str]:
    """(collection, record key)."""
    collection, rkey = subject.uri.collection, subject.uri.rkey
    if collection is None or rkey is None:
        message = "The subject's URI names no record"
        raise InvalidRequestError(message)
    return collection, rkey


def _get_record(subject: RecordSubject) -> tuple[AccountRow, Cid, str | None]:
    """Its account, its current CID and its takedown."""
    collection, rkey = _path(subject)
    account = _get_account(subject.uri.authority)
    found = records.find_record(account.id, collection, rkey)
    if found is None:
        message = "Subject not found"
        raise NotFoundError(message)
    return account, found[0], found[2]


def _get_blob(subject: BlobSubject) -> tuple[AccountRow, str | None]:
    """Its account and its takedown."""
    account = _get_account(subject.did)
    found = blobs.find_blob(account.id, subject.cid)
    if found is None:
        message = "Subject not found"
        raise NotFoundError(message)
    return account, found.takedown_ref
