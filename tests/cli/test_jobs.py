"""pdsadmin jobs."""

from __future__ import annotations

import pytest

from pds.jobs.schedule import JOBS
from tests.cli.conftest import Operator


def test_jobs_are_listed_as_they_are_scheduled(operator: Operator) -> None:
    listed = operator.ask("jobs", "list")["jobs"]

    assert [(job["name"], job["everySeconds"]) for job in listed] == [
        (job.name, job.every.total_seconds()) for job in JOBS
    ]
    assert all(job["what"] for job in listed)
    assert "prune_events" in operator.run("jobs", "list").stdout


@pytest.mark.parametrize("name", [job.name for job in JOBS])
def test_job_is_done_now(operator: Operator, name: str) -> None:
    assert operator.ask("jobs", "run", name)["job"] == name


def test_job_says_what_it_did(operator: Operator) -> None:
    did = operator.create("alice")["did"]
    with operator.services(now_us=1_000_000_000_000_000) as services:  # in 2001
        services.sessions.issue(services.accounts.get_account(did))

    result = operator.run("jobs", "run", "expire_tokens")

    assert result.stderr == "deleted 1 lapsed sessions\n"
    assert result.stdout.startswith("Done: expire_tokens, in ")


def test_job_that_does_not_exist_is_a_wrong_use(operator: Operator) -> None:
    assert operator.run("jobs", "run", "nonsense").exit_code == 2
