"""The table of what happens on a timer, and the thread that does it.

Jobs run one after another in one thread: none is urgent, all of them write. A job that fails is
logged whole and tried again at its next time. A job only calls a service, so that the same work can
be asked for in another way.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from apscheduler.executors.debug import DebugExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from pds.jobs.delete_lapsed_accounts import delete_lapsed_accounts
from pds.jobs.expire_did_cache import expire_did_cache
from pds.jobs.expire_oauth import expire_oauth
from pds.jobs.expire_reserved_keys import expire_reserved_keys
from pds.jobs.expire_tokens import expire_tokens
from pds.jobs.expire_uploads import expire_uploads
from pds.jobs.finish_deletions import finish_deletions
from pds.jobs.optimize_database import optimize_database
from pds.jobs.prune_events import prune_events
from pds.jobs.refresh_permission_sets import refresh_permission_sets
from pds.jobs.resume_identity_changes import resume_identity_changes
from pds.jobs.resume_sign_ups import resume_sign_ups
from pds.jobs.sweep_blobs import sweep_blobs
from pds.jobs.watch_disk import watch_disk
from pds.services.maintenance import release_connection
from pds.services.slices import StoppedError

if TYPE_CHECKING:
    from pds.services import Services

logger = logging.getLogger("pds.jobs")

FIRST_AFTER = timedelta(minutes=1)  # a start is busy enough; a restart every night must not starve
APART = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Job:
    """One row: the first run is soon after the start, the next ones ``every`` so often."""

    name: str
    every: timedelta
    function: Callable[[Services], None]

    @property
    def interval(self) -> str:
        """How often, in words: "every 5 minutes", "every hour", "every day"."""
        hours = self.every.total_seconds() / 3600
        if hours < 1:
            minutes = round(60 * hours)
            return "every minute" if minutes == 1 else f"every {minutes} minutes"
        return {1.0: "every hour", 24.0: "every day"}.get(hours, f"every {hours:g} hours")


JOBS = (
    Job("watch_disk", timedelta(minutes=1), watch_disk),
    Job("prune_events", timedelta(hours=1), prune_events),
    Job("resume_sign_ups", timedelta(hours=1), resume_sign_ups),
    Job("resume_identity_changes", timedelta(hours=1), resume_identity_changes),
    Job("finish_deletions", timedelta(minutes=5), finish_deletions),
    Job("delete_lapsed_accounts", timedelta(hours=1), delete_lapsed_accounts),
    Job("expire_uploads", timedelta(hours=1), expire_uploads),
    Job("expire_tokens", timedelta(hours=6), expire_tokens),
    Job("expire_oauth", timedelta(hours=1), expire_oauth),
    Job("expire_reserved_keys", timedelta(days=1), expire_reserved_keys),
    Job("expire_did_cache", timedelta(hours=1), expire_did_cache),
    Job("refresh_permission_sets", timedelta(hours=1), refresh_permission_sets),
    Job("sweep_blobs", timedelta(days=1), sweep_blobs),
    Job("optimize_database", timedelta(days=1), optimize_database),
)


class Schedule:
    """Runs the jobs from ``start`` until ``stop``."""

    def __init__(
        self, services: Services, jobs: tuple[Job, ...] = JOBS, first_after: timedelta = FIRST_AFTER
    ) -> None:
        logging.getLogger("apscheduler").setLevel(logging.WARNING)  # it reports every run otherwise
        # DebugExecutor runs a job in the scheduler's own thread. That gives their order, and the
        # thread is a daemon: a long job cannot keep the process from ending (a pool's would).
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": DebugExecutor()},
            job_defaults={"coalesce": True, "misfire_grace_time": None},
        )
        started = datetime.fromtimestamp(services.clock() / 1_000_000, UTC)
        for place, job in enumerate(jobs):
            self._scheduler.add_job(
                run_job,
                "interval",
                seconds=job.every.total_seconds(),
                args=(job, services),
                id=job.name,
                next_run_time=started + first_after + place * APART,
            )

    def start(self) -> None:
        self._scheduler.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Start no more jobs; wait at most ``timeout_s`` for the one that is running."""
        stopper = threading.Thread(target=self._scheduler.shutdown, name="jobs-stop", daemon=True)
        stopper.start()
        stopper.join(timeout_s)


def run_job(job: Job, services: Services) -> None:
    """Run one job now. What goes wrong is logged, never raised."""
    try:
        job.function(services)
    except StoppedError:
        pass  # the next start goes on with it
    except Exception:
        logger.exception("job %s failed; it will be tried again in %s", job.name, job.every)
    finally:
        release_connection()
