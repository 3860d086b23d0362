"""Let relays go on that have seen more events than this database knows of.

That is so when the database was put back in time: restored from a backup or a copy. Numbers then go
on above every one that relays have seen, and each repo gets a new commit, whose rev is later than
any that was announced, with a #sync that says: this is the state now.

The server may be running meanwhile: a commit is made on the head that stands in its transaction,
and the server notices events that another process has written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from pds.services import account_events
from pds.services.account_listing import each_account
from pds.storage import events, repo_roots
from pds.storage.database import transaction

if TYPE_CHECKING:
    from pds.services import Services
    from pds.storage.accounts import AccountRow

MARGIN: Final = 1_000_000
"""How many events to leave out above the highest number that is known."""


def continue_above(seq: int) -> None:
    """Let the next event have a number above ``seq``."""
    with transaction():
        events.raise_to(seq)


def announce_all(services: Services, progress: Callable[[int, int], None]) -> int:
    """Say what every repo is now; return how many there are.

    progress: called with how many are done, of how many accounts.
    """
    accounts = list(each_account())
    announced = 0
    for done, account in enumerate(accounts):
        progress(done, len(accounts))
        announced += _announce(services, account)
    return announced


def _announce(services: Services, account: AccountRow) -> bool:
    if repo_roots.find_head(account.id) is None:
        return False
    with services.repos.repo_lock(account.id), transaction():
        change = services.repos.recommit_in_transaction(account, services.keys.get(account.id))
        if account.is_active:
            account_events.announce_activation(services.sequencer, account, change)
        else:
            account_events.announce_status(services.sequencer, account)
    return True
