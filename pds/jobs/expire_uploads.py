"""Delete uploads that no record has used within a day."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pds.services import Services

logger = logging.getLogger("pds.jobs")


def expire_uploads(services: Services) -> None:
    deleted = services.blobs.expire_uploads()
    if deleted:
        logger.info("deleted %d uploads that were never used", deleted)
