"""Refresh the planner's statistics and shorten the write-ahead log."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pds.services.maintenance import optimize_database as optimize

if TYPE_CHECKING:
    from pds.services import Services

logger = logging.getLogger("pds.jobs")


def optimize_database(services: Services) -> None:
    del services
    if not optimize():
        logger.info("a long read kept part of the write-ahead log; it goes with the next run")
