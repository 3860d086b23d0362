"""Delete sessions and one-time codes that have lapsed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pds.services import Services

logger = logging.getLogger("pds.jobs")


def expire_tokens(services: Services) -> None:
    deleted = services.sessions.expire()
    if deleted:
        logger.info("deleted %d lapsed sessions", deleted)
    codes = services.email_tokens.expire()
    if codes:
        logger.info("deleted %d lapsed codes", codes)
