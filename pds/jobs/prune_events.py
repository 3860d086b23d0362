"""Keep the event log to its retention."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pds.services import Services

logger = logging.getLogger("pds.jobs")


def prune_events(services: Services) -> None:
    deleted = services.sequencer.prune()
    if deleted:
        logger.info("deleted %d events past their retention", deleted)
