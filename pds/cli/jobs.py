"""``pdsadmin jobs …``: what the server does on a timer, now."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from pds.cli.output import json_option, show, table
from pds.cli.site import Site
from pds.jobs.schedule import JOBS, Job

_BY_NAME = {job.name: job for job in JOBS}


@click.group()
def jobs() -> None:
    """Jobs: what the server does on a timer."""


@jobs.command("list")
@json_option
def list_jobs(*, as_json: bool) -> None:
    """List the jobs, and how often a running server does them."""
    rows = [(job.name, job.interval, _purpose(job)) for job in JOBS]
    value = [
        {"name": job.name, "everySeconds": int(job.every.total_seconds()), "what": _purpose(job)}
        for job in JOBS
    ]
    show({"jobs": value}, table(["Job", "When", "What"], rows), as_json=as_json)


@jobs.command()
@click.argument("name", type=click.Choice(sorted(_BY_NAME)), metavar="NAME")
@json_option
@click.pass_obj
def run(site: Site, name: str, *, as_json: bool) -> None:
    """Do the job NAME now, beside a running server or without one."""
    began = time.monotonic()
    with site.services() as services, _log_shown():
        _BY_NAME[name].function(services)
    took_s = round(time.monotonic() - began, 1)
    show({"job": name, "seconds": took_s}, f"Done: {name}, in {took_s} s.", as_json=as_json)


@contextmanager
def _log_shown() -> Iterator[None]:
    """Let jobs say on stderr what they have done."""
    log, handler = logging.getLogger("pds"), logging.StreamHandler(sys.stderr)
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


def _purpose(job: Job) -> str:
    """The first line of its module's description."""
    description = sys.modules[job.function.__module__].__doc__ or ""
    return description.splitlines()[0].rstrip(".")
