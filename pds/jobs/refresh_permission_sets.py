"""Look again at the permission sets that apps make use of, before anybody waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pds.services import Services


def refresh_permission_sets(services: Services) -> None:
    services.oauth.permission_sets.refresh_in_use()
