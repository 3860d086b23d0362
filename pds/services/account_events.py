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
    sequencer.append(did, CommitEvent(first))
    _append_sync(sequencer, did, first)


def announce_activation(sequencer: Sequencer, account: AccountRow, head: RepoChange) -> None:
    """#account, #identity, #sync: relays drop what comes before "active".

    No #commit: after a move it would follow one that only this server knows, so whoever followed
    the repo on its old server would miss something between them and fetch all of it again.
    """
    did = account.did
    sequencer.append(did, AccountEvent(did, active=True, status=None))
    announce_identity(sequencer, did, account.handle)
    _append_sync(sequencer, did, head)


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


def _append_sync(sequencer: Sequencer, did: str, head: RepoChange) -> None:
    """The state of the repo, for consumers that did not know the parent of its head."""
    commit_car = write_car([head.commit], [(head.commit, head.commit_block)])
    sequencer.append(did, SyncEvent(did, head.rev, commit_car))
