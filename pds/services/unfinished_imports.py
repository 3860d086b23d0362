"""Take away what an import left that was cut off while it filled an empty repo.

The root still names the empty tree then, so nobody is misled; but an account must not become active
with records beside a repo that does not hold them.
"""

from __future__ import annotations

from functools import partial

from pds.services.slices import Slices
from pds.storage import blobs, import_staging
from pds.storage.database import transaction


def discard(account_id: int) -> None:
    """Empty the account's repo of what a cut-off import left; does nothing for any other."""
    if not import_staging.is_cut_off(account_id):
        return
    slices = Slices(lambda: False)
    for table in import_staging.FILLED_TABLES:
        slices.run(partial(_empty_some, table, account_id))
    with transaction():
        blobs.mark_all(account_id)


def discard_all() -> None:
    """``discard`` for every account. Call it before serving."""
    for account_id in import_staging.list_cut_off():
        discard(account_id)


def _empty_some(table: str, account_id: int, limit: int) -> int:
    if not import_staging.is_cut_off(account_id):  # another process may have been quicker
        return 0
    return import_staging.empty_some(table, account_id, limit)
