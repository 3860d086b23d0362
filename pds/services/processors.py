"""One processor for the interpreter, the others for work that does not need it.

Only one thread at a time can run Python. Spread over several processors, threads that take turns at
that spend as much time on handing over as on working: with eight clients a small read cost 0.69 ms
of processor time, and 0.29 once all threads stayed on one processor. Password hashing releases the
interpreter and goes to threads of its own, which may run anywhere.

Threads inherit where they may run, so ``share_one`` comes before any other thread is started.
Where the system does not know such things (macOS), nothing happens.
"""

from __future__ import annotations

import logging
import os

logger = logging.getLogger("pds.processors")

_everywhere: set[int] = set()


def share_one() -> None:
    """Keep this thread, and those that it starts, on one processor."""
    if not hasattr(os, "sched_getaffinity"):
        return
    allowed = os.sched_getaffinity(0)
    if len(allowed) > 1:
        _everywhere.update(allowed)
        # By process number, so that two servers on one machine do not choose the same.
        _stay_on({sorted(allowed)[os.getpid() % len(allowed)]})


def roam() -> None:
    """Let the calling thread run on every processor again."""
    if _everywhere:
        _stay_on(_everywhere)


def _stay_on(allowed: set[int]) -> None:
    """A wish, not a need: some containers forbid it, and the server runs all the same."""
    try:
        os.sched_setaffinity(0, allowed)
    except OSError as error:
        logger.info("the system does not let threads choose a processor: %s", error)
