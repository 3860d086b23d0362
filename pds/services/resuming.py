"""Taking up what was cut off, one after another, with a directory that may be silent.

A server that starts does this before it serves. Each question to a silent directory costs its whole
time limit, so a few are enough to know; the hourly job asks again.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
from typing import TypeVar

from pds.errors import UpstreamFailureError

logger = logging.getLogger("pds.identity")

MAX_FAILURES = 3

Item = TypeVar("Item")


def resume_each(waiting: Sequence[Item], resume: Callable[[Item], None]) -> None:
    """Call ``resume`` for each until it has failed three times for want of an answer.

    The order is random, so that a few which fail every time do not keep the others waiting.
    """
    failures = 0
    for done, item in enumerate(random.sample(waiting, len(waiting)), start=1):
        try:
            resume(item)
        except UpstreamFailureError as error:
            failures += 1
            logger.warning("something cut off stays open: %s", error)
            if failures == MAX_FAILURES:
                logger.warning("left %d cut-off changes for the next time", len(waiting) - done)
                return
