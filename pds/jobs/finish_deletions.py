"""Go on removing what deleted accounts have left, where that failed or was begun elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pds.services import Services


def finish_deletions(services: Services) -> None:
    services.accounts.start_clean_up()
