"""What the network is told about an account's beginning, its status and its repo's state.

Spec: https://atproto.com/specs/sync#firehose
"""

from __future__ import annotations

from pds.atproto.car import write_car
from pds.atproto.firehose_frames import AccountEvent, CommitEvent, IdentityEvent, SyncEvent
from pds.atproto.repo import RepoChange
from pds.services.sequencer import DELETED, Sequencer
from pds.storage.accounts import AccountRow

INVALID_HANDLE = "handle.invalid"

# Every function here appends events; the caller holds the transaction.


def announce_new_account(
    sequencer: Sequencer, did: str, handle: str | None, first: RepoChange
) -> None:
    """#identity, #account, #commit, #sync: who it is, that it lives here, what it holds."""
    announce_identity(sequencer, did, handle)
    sequencer.append(did, AccountEvent(did, active=True, status=None))
    _append_head(sequencer, did, first)


def announce_activation(sequencer: Sequencer, account: AccountRow, head: RepoChange) -> None:
    """#account, #identity, #commit, #sync: relays drop what comes before "active"."""
    did = account.did
    sequencer.append(did, AccountEvent(did, active=True, status=None))
    announce_identity(sequencer, did, account.handle)
    _append_head(sequencer, did, head)


def announce_identity(sequencer: Sequencer, did: str, handle: str | None) -> None:
    """#identity: look the DID and its handle up again."""
    sequencer.append(did, IdentityEvent(did, handle or INVALID_HANDLE))


def announce_status(sequencer: Sequencer, account: AccountRow) -> None:
    """#account with the status the account has now."""
    sequencer.append(
        account.did, AccountEvent(account.did, active=account.is_active, status=account.status)
    )


def announce_deletion(sequencer: Sequencer, did: str) -> int:
    """The last #account: relays and app views drop what they hold of it. Returns its seq."""
    return sequencer.append(did, AccountEvent(did, active=False, status=DELETED))


def _append_head(sequencer: Sequencer, did: str, change: RepoChange) -> None:
    """The commit, then #sync with the same head, for consumers that did not know its parent."""
    sequencer.append(did, CommitEvent(change))
    commit_car = write_car([change.commit], [(change.commit, change.commit_block)])
    sequencer.append(did, SyncEvent(did, change.rev, commit_car))
