"""Forget what apps and browsers have let lapse."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pds.services import Services

logger = logging.getLogger("pds.jobs")


def expire_oauth(services: Services) -> None:
    expired = services.oauth.expiry.run()
    if expired.grants:
        logger.info("ended %d grants to apps whose time was over", expired.grants)
    browsers = services.browsers.expire()
    if browsers:
        logger.info("forgot %d browsers in which nobody is signed in any more", browsers)
