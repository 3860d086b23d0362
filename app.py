"""Start: settings → database → services → jobs → server."""

from __future__ import annotations

import ctypes
import errno
import gc
import logging
import sys
from collections.abc import Mapping
from pathlib import Path

from pds.config import Config
from pds.environment import load_environment
from pds.errors import NotEnoughResourcesError
from pds.jobs.back_up import BackupRunner
from pds.jobs.request_crawls import CrawlRequester
from pds.jobs.schedule import Schedule
from pds.jobs.send_mail import MailSender
from pds.service_manager import ServiceManager
from pds.services import build_services, processors
from pds.settings import ConfigError
from pds.storage import database, migrate
from pds.storage.directories import make_directories
from pds.storage.migrate import NewerDatabaseError
from pds.storage.process_lock import AlreadyRunningError, ProcessLock
from pds.web.app import create_app
from pds.web.server import serve
from pds.xrpc.loading import load_methods

logger = logging.getLogger("pds")

# Shorter turns than Python's 5 ms: a small request beside a long one waits less.
SWITCH_INTERVAL_S = 0.001

# From glibc's malloc.h.
M_MMAP_THRESHOLD = -3
M_ARENA_MAX = -8


def main() -> int:
    """Run the server until it is told to stop; the exit status."""
    try:
        environ = load_environment()
        config = Config.from_env(environ)
        make_directories(named_directories(config))
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    logging.basicConfig(
        level=config.log_level.upper(),
        stream=sys.stdout,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    for warning in config.warnings:
        logger.warning("%s", warning)
    try:
        lock = ProcessLock(config.data_directory / "pds.lock")
    except AlreadyRunningError as error:
        logger.error("%s; stop it first, or choose another PDS_DATA_DIRECTORY", error)  # noqa: TRY400 # nothing to trace
        return 2
    try:
        run(config, environ)
    except (ConfigError, NewerDatabaseError) as error:
        logger.error("%s", error)  # noqa: TRY400 # nothing to trace
        return 2
    except NotEnoughResourcesError:
        logger.error("cannot start without writing the database; see the reason above")  # noqa: TRY400 # nothing to trace
        return 1
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES):
            raise
        logger.error(  # noqa: TRY400 # nothing to trace
            "cannot listen on port %d: %s; set PDS_PORT or PDS_BIND_ADDRESS", config.port, error
        )
        return 2
    finally:
        lock.release()
    return 0


def named_directories(config: Config) -> dict[str, Path]:
    """Where this server keeps what it keeps on disk, by the setting that says so."""
    found = {"PDS_DATA_DIRECTORY": config.data_directory}
    if config.blobstore_s3_bucket is None:
        found["PDS_BLOBSTORE_DISK_LOCATION"] = config.blobstore_disk_location
    return found


def run(config: Config, environ: Mapping[str, str]) -> None:
    """Serve with ``config`` until told to stop, then leave a tidy file behind.

    environ: what ``config`` was read from; backups keep it.
    """
    if config.share_processor:
        processors.share_one()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    keep_heap_small()
    database.open_database(config.data_directory / "pds.sqlite")
    try:
        for step in migrate.migrate():
            logger.info("database: applied %s", step)
        load_methods()
        services = build_services(config)
        services.resume()
        gc.collect()
        gc.freeze()  # what is here now stays: the collector need not look at it again and again
        schedule = Schedule(services)
        schedule.start()
        sender = MailSender(services)
        sender.start()
        requester = CrawlRequester(services)
        requester.start()
        backups = BackupRunner(services, environ)
        backups.start()
        try:
            serve(create_app(services), services, ServiceManager(environ))
        finally:
            schedule.stop()
            sender.stop()
            requester.stop()
            backups.stop()
            services.close()
    finally:
        database.close_database()


def keep_heap_small() -> None:
    """Make glibc give large blocks back to the system, and share few heaps among the threads.

    Without this each thread that has ever hashed a password keeps the 16 MB that took. Elsewhere
    than on glibc there is nothing to set.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(M_MMAP_THRESHOLD, 1_048_576)
    mallopt(M_ARENA_MAX, 2)


if __name__ == "__main__":
    sys.exit(main())
