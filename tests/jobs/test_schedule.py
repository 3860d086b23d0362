"""The timer: every job runs, one at a time, and none can stop the others or the server."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from pds.jobs.schedule import JOBS, Job, Schedule, run_job
from pds.services.clock import system_clock
from pds.services.slices import StoppedError

if TYPE_CHECKING:
    from pds.services import Services

SERVICES = cast("Services", SimpleNamespace(clock=system_clock))
OFTEN = timedelta(milliseconds=10)
NOW = timedelta(0)


def test_job_runs_again_and_again_until_stopped() -> None:
    thrice = threading.Semaphore(0)
    seen: list[object] = []

    def work(services: Services) -> None:
        seen.append(services)
        thrice.release()

    before = set(threading.enumerate())
    schedule = Schedule(SERVICES, (Job("work", OFTEN, work),), NOW)
    schedule.start()
    timers = set(threading.enumerate()) - before
    for _ in range(3):
        assert thrice.acquire(timeout=5)
    assert any(timer.is_alive() for timer in timers)
    schedule.stop()

    assert all(services is SERVICES for services in seen)
    assert not any(timer.is_alive() for timer in timers)  # nobody is left who could start one


def test_job_that_stops_with_the_server_has_not_failed(caplog: pytest.LogCaptureFixture) -> None:
    def stop(_services: Services) -> None:
        raise StoppedError

    run_job(Job("stop", OFTEN, stop), SERVICES)

    assert caplog.text == ""


def test_failing_job_is_logged_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    second_time = threading.Event()
    runs = []

    def fail(_services: Services) -> None:
        runs.append(1)
        if len(runs) == 2:
            second_time.set()
        message = "disk on fire"
        raise OSError(message)

    with caplog.at_level(logging.ERROR, "pds.jobs"):
        schedule = Schedule(SERVICES, (Job("fail", OFTEN, fail),), NOW)
        schedule.start()
        assert second_time.wait(5)
        schedule.stop()

    assert "job fail failed" in caplog.text
    assert "disk on fire" in caplog.text


def test_stop_does_not_wait_for_a_job_that_takes_long() -> None:
    running, finish, done = threading.Event(), threading.Event(), threading.Event()

    def linger(_services: Services) -> None:
        running.set()
        finish.wait(10)
        done.set()

    schedule = Schedule(SERVICES, (Job("linger", OFTEN, linger),), NOW)
    schedule.start()
    assert running.wait(5)

    schedule.stop(timeout_s=0.01)

    assert not done.is_set()
    finish.set()
    schedule_threads = [t for t in threading.enumerate() if t.name in ("APScheduler", "jobs-stop")]
    for thread in schedule_threads:
        thread.join(5)


def test_run_job_raises_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_services: Services) -> None:
        raise KeyError

    run_job(Job("fail", OFTEN, fail), SERVICES)

    assert "job fail failed" in caplog.text


def test_names_are_unique_and_the_functions_own() -> None:
    assert len({job.name for job in JOBS}) == len(JOBS)
    assert [job.name for job in JOBS] == [job.function.__name__ for job in JOBS]


@pytest.mark.parametrize(
    ("every", "words"),
    [
        (timedelta(minutes=5), "every 5 minutes"),
        (timedelta(hours=1), "every hour"),
        (timedelta(hours=6), "every 6 hours"),
        (timedelta(days=1), "every day"),
    ],
)
def test_interval_in_words(every: timedelta, words: str) -> None:
    assert Job("any", every, lambda _: None).interval == words
