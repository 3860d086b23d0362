"""Remove blob files that a crash left behind; report blobs whose file is gone."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pds.services import Services

logger = logging.getLogger("pds.jobs")


def sweep_blobs(services: Services) -> None:
    result = services.blobs.sweep_files()
    if result.files_removed:
        logger.info("removed %d blob files that belong to nothing", result.files_removed)
