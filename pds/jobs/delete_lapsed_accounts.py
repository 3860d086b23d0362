"""Delete deactivated accounts at the time their owners have set."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pds.services import Services


def delete_lapsed_accounts(services: Services) -> None:
    services.accounts.delete_lapsed()
