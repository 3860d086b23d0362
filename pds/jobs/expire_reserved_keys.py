"""Forget signing keys that were reserved for accounts which never came."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pds.services import Services

logger = logging.getLogger("pds.jobs")


def expire_reserved_keys(services: Services) -> None:
    count = services.reserved_keys.expire()
    if count:
        logger.info("deleted %d reserved keys that nobody came for", count)
