"""Let relays go on that have seen more events than this database knows of.

That is so when the database was put back in time: restored from a backup or a copy. Numbers then go
on above every one that relays have seen, and each repo gets a new commit, whose rev is later than
any that was announced, with a #sync that says: this is the state now.

The server may be running meanwhile: a commit is made on the head that stands in its transaction,
and the server notices events that another process has written. What it writes itself between the
first number and a repo's #sync would follow on a commit that relays do not know as the newest, so
all repos of a server of usual size are announced in one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from pds.services import account_events
from pds.services.account_listing import each_account
from pds.storage import events, repo_roots, server_state
from pds.storage.database import transaction

if TYPE_CHECKING:
    from pds.services import Services
    from pds.storage.accounts import AccountRow

MARGIN: Final = 1_000_000
"""How many events to leave out above the highest number that is known."""

_ANNOUNCED: Final = "announced_anew_up_to"  # the id of an account, while others are left

Progress = Callable[[int, int], None]

AT_ONCE: Final = 200  # repos in one transaction: as long as a busy server waits without trouble


def go_on_above(services: Services, seq: int, progress: Progress) -> int:
    """Give the next event a number above ``seq``, and say what every repo is; return how many.

    progress: called with how many accounts are done, and of how many. When it is broken off between
    transactions, ``finish`` does the rest.
    """
    return _announce_all(services, seq, list(each_account()), progress)


def is_unfinished() -> bool:
    """Whether it was broken off, so that some repos have not been announced."""
    return server_state.find_value(_ANNOUNCED) is not None


def finish(services: Services, progress: Progress) -> int:
    """Do what is left to do after it was broken off; return how many repos that were."""
    after_id = int(server_state.find_value(_ANNOUNCED) or 0)
    left = [account for account in each_account() if account.id > after_id]
    return _announce_all(services, events.last_seq(), left, progress)


def _announce_all(
    services: Services, seq: int, accounts: Sequence[AccountRow], progress: Progress
) -> int:
    announced = done = 0
    for batch in _batches(accounts):
        progress(done, len(accounts))
        with ExitStack() as stack:
            for account in batch:
                stack.enter_context(services.repos.repo_lock(account.id))
            stack.enter_context(transaction())
            events.raise_to(seq)
            announced += sum(_announce(services, account) for account in batch)
            done += len(batch)
            if done < len(accounts):
                server_state.save_value(_ANNOUNCED, str(batch[-1].id))
            else:
                server_state.delete_value(_ANNOUNCED)
    return announced


def _batches(accounts: Sequence[AccountRow]) -> Iterator[Sequence[AccountRow]]:
    """At least one, be it empty: numbers go on in any case."""
    for start in range(0, max(1, len(accounts)), AT_ONCE):
        yield accounts[start : start + AT_ONCE]


def _announce(services: Services, account: AccountRow) -> bool:
    """The caller holds the repo lock and the transaction."""
    if repo_roots.find_head(account.id) is None:
        return False
    change = services.repos.recommit_in_transaction(account, services.keys.get(account.id))
    if account.is_active:
        account_events.announce_activation(services.sequencer, account, change)
    else:
        account_events.announce_status(services.sequencer, account)
    return True
