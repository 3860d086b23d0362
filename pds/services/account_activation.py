"""Switching an account on and off at its owner's wish, and telling how far a move has come."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from pds.atproto.syntax.datetime import datetime_us, format_datetime
from pds.errors import AccountNotFoundError, AccountTakedownError, PdsError
from pds.services import unfinished_imports
from pds.services.account_events import announce_activation, announce_status
from pds.services.blobs import Blobs
from pds.services.clock import Clock
from pds.services.keys import SigningKeys
from pds.services.repos import Repos
from pds.services.sequencer import Sequencer
from pds.storage import accounts, preferences
from pds.storage.accounts import AccountRow, HostedRepo
from pds.storage.database import transaction

DELETE_AFTER_AT_LEAST_US: Final = 3 * 24 * 3_600_000_000
"""Deactivating takes an access token only, deleting the password and a code by mail. This is the
time in which the owner can take back what somebody with a stolen token has done."""


class DocumentCheck(Protocol):
    """The part of ``Identity`` that is needed here."""

    def check_account_document(self, did: str, signing_key: str) -> None: ...


@dataclass(frozen=True, slots=True)
class AccountCheck:
    """How complete an account is on this server; a move is done when the numbers agree."""

    activated: bool
    valid_did: bool
    repo: HostedRepo
    repo_blocks: int
    indexed_records: int
    expected_blobs: int
    imported_blobs: int
    preferences: int


@dataclass(frozen=True, slots=True)
class Parts:
    """The services that activation is put together from."""

    identity: DocumentCheck
    repos: Repos
    blobs: Blobs
    keys: SigningKeys
    sequencer: Sequencer


class AccountActivation:
    """Activates, deactivates and checks accounts."""

    def __init__(self, parts: Parts, clock: Clock) -> None:
        self._parts = parts
        self._clock = clock

    def activate(self, did: str) -> None:
        """Make a deactivated account active; on an active one this does nothing.

        After a move the head commit is still signed by the key of the old server. An empty commit
        with this server's key and a later rev goes out with the activation, so that whoever
        verifies the repo by the new DID document succeeds at once.

        Raises:
            AccountNotFoundError, AccountTakedownError
            IncompatibleDidDocError, UnresolvableDidError: the DID does not point here (yet).
            UpstreamFailureError: the directory did not answer.

        Spec: https://atproto.com/guides/account-migration
        """
        account = _get(did)
        if account.is_taken_down:
            raise AccountTakedownError
        if account.deactivated_at is None:
            return
        key = self._parts.keys.get(account.id)
        self._parts.identity.check_account_document(did, key.did_key)
        with self._parts.repos.repo_lock(account.id):
            unfinished_imports.discard(account.id)
            with transaction():
                current = _get(did)
                if current.is_taken_down:
                    raise AccountTakedownError
                if current.deactivated_at is None:
                    return
                accounts.set_deactivated(account.id, None, None)
                change = self._parts.repos.recommit_in_transaction(_activated(current), key)
                announce_activation(self._parts.sequencer, current, change)

    def deactivate(
        self, did: str, delete_after: str | None, also: Callable[[int], None] | None = None
    ) -> None:
        """Make an account inactive at its owner's wish; sessions stay, so that it can come back.

        delete_after: when the owner wants it deleted, as a datetime; not sooner than
        ``DELETE_AFTER_AT_LEAST_US`` from now. On an account that is deactivated already only this
        is changed, and nothing is announced.
        also: called with the account's id, as part of the same change.

        Raises:
            AccountNotFoundError
        """
        account = _get(did)
        # The repo lock: a write that has begun is announced before the account goes silent.
        with self._parts.repos.repo_lock(account.id), transaction():
            current = _get(did)
            since = current.deactivated_at or format_datetime(self._clock())
            accounts.set_deactivated(current.id, since, self._deletion_time(delete_after))
            if also is not None:
                also(current.id)
            if current.deactivated_at is None:
                announce_status(
                    self._parts.sequencer, dataclasses.replace(current, deactivated_at=since)
                )

    def _deletion_time(self, wanted: str | None) -> str | None:
        if wanted is None:
            return None
        earliest_us = self._clock() + DELETE_AFTER_AT_LEAST_US
        return format_datetime(max(datetime_us(wanted), earliest_us))

    def check(self, did: str) -> AccountCheck:
        """How complete the account is here. AccountNotFoundError when it is not hosted."""
        account, hosted = _get(did), accounts.find_hosted(did)
        if hosted is None:
            raise AccountNotFoundError
        block_count, record_count = self._parts.repos.counts(account.id)
        expected_blobs, imported_blobs = self._parts.blobs.counts(account.id)
        return AccountCheck(
            activated=account.is_active,
            valid_did=self._has_valid_document(account),
            repo=hosted,
            repo_blocks=block_count,
            indexed_records=record_count,
            expected_blobs=expected_blobs,
            imported_blobs=imported_blobs,
            preferences=preferences.count(account.id),
        )

    def _has_valid_document(self, account: AccountRow) -> bool:
        """Whether activation would be possible now; a directory that is silent makes it no."""
        key = self._parts.keys.get(account.id)
        try:
            self._parts.identity.check_account_document(account.did, key.did_key)
        except PdsError:
            return False
        return True


def _get(did: str) -> AccountRow:
    account = accounts.find_by_did(did)
    if account is None:
        raise AccountNotFoundError
    return account


def _activated(account: AccountRow) -> AccountRow:
    return dataclasses.replace(account, deactivated_at=None, delete_after=None)
