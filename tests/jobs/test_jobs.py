"""What each job asks of the services, and what it says about it."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from pds.jobs.expire_did_cache import expire_did_cache
from pds.jobs.expire_oauth import expire_oauth
from pds.jobs.expire_reserved_keys import expire_reserved_keys
from pds.jobs.expire_tokens import expire_tokens
from pds.jobs.expire_uploads import expire_uploads
from pds.jobs.optimize_database import optimize_database
from pds.jobs.prune_events import prune_events
from pds.jobs.resume_identity_changes import resume_identity_changes
from pds.jobs.resume_sign_ups import resume_sign_ups
from pds.jobs.sweep_blobs import sweep_blobs
from pds.services.blob_sweep import SweepResult
from pds.services.oauth.expiry import Expired
from pds.storage import database, migrate

if TYPE_CHECKING:
    from pds.services import Services


def services_with(service: str, function: str, returns: object) -> tuple[Services, list[str]]:
    """Services of which only one function exists; the list fills with its calls."""
    calls: list[str] = []

    def record() -> object:
        calls.append(function)
        return returns

    fake = SimpleNamespace(**{service: SimpleNamespace(**{function: record})})
    return cast("Services", fake), calls


@pytest.mark.parametrize(
    ("job", "service", "function", "returns", "said"),
    [
        (prune_events, "sequencer", "prune", 7, "deleted 7 events past their retention"),
        (prune_events, "sequencer", "prune", 0, ""),
        (expire_uploads, "blobs", "expire_uploads", 2, "deleted 2 uploads that were never used"),
        (expire_uploads, "blobs", "expire_uploads", 0, ""),
        (resume_sign_ups, "accounts", "resume_pending", None, ""),
        (expire_reserved_keys, "reserved_keys", "expire", 1, "deleted 1 reserved keys"),
        (expire_reserved_keys, "reserved_keys", "expire", 0, ""),
        (resume_identity_changes, "identity_journal", "resume", None, ""),
        (expire_did_cache, "identity", "expire_cache", 4, ""),
        (sweep_blobs, "blobs", "sweep_files", SweepResult(5, 0), "removed 5 blob files"),
        (sweep_blobs, "blobs", "sweep_files", SweepResult(0, 1), ""),
    ],
)
def test_job_calls_its_service_once_and_reports_work_done(
    job: Callable[[Any], None],
    service: str,
    function: str,
    returns: object,
    said: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    services, calls = services_with(service, function, returns)

    with caplog.at_level(logging.INFO, "pds.jobs"):
        job(services)

    assert calls == [function]
    assert (said in caplog.text) if said else not caplog.records


@pytest.mark.parametrize(
    ("sessions", "codes", "said"),
    [
        (3, 0, ["deleted 3 lapsed sessions"]),
        (0, 2, ["deleted 2 lapsed codes"]),
        (1, 1, ["deleted 1 lapsed sessions", "deleted 1 lapsed codes"]),
        (0, 0, []),
    ],
)
def test_expire_tokens_drops_sessions_and_codes(
    sessions: int, codes: int, said: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    fake = SimpleNamespace(
        sessions=SimpleNamespace(expire=lambda: sessions),
        email_tokens=SimpleNamespace(expire=lambda: codes),
    )

    with caplog.at_level(logging.INFO, "pds.jobs"):
        expire_tokens(cast("Services", fake))

    assert [record.getMessage() for record in caplog.records] == said


@pytest.mark.parametrize(
    ("grants", "browsers", "said"),
    [
        (3, 2, ["ended 3 grants to apps", "forgot 2 browsers"]),
        (0, 1, ["forgot 1 browsers"]),
        (0, 0, []),
    ],
)
def test_expire_oauth_drops_grants_and_browsers(
    grants: int, browsers: int, said: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    expiry = SimpleNamespace(run=lambda: Expired(9, 9, grants))
    fake = SimpleNamespace(
        oauth=SimpleNamespace(expiry=expiry), browsers=SimpleNamespace(expire=lambda: browsers)
    )

    with caplog.at_level(logging.INFO, "pds.jobs"):
        expire_oauth(cast("Services", fake))

    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == len(said)
    assert all(start in message for start, message in zip(said, messages, strict=True))


@pytest.fixture
def database_file(tmp_path: Path) -> Iterator[Path]:
    file = tmp_path / "pds.sqlite"
    database.open_database(file)
    migrate.migrate()
    yield file
    database.close_database()


def add_events(count: int) -> None:
    with database.transaction():
        database.execute_many(
            "INSERT INTO event (did, kind, created_at_us, frame) VALUES (?, ?, ?, ?)",
            [("did:plc:x", "commit", number, b"frame") for number in range(count)],
        )


def test_optimize_database_makes_statistics_and_empties_the_log(database_file: Path) -> None:
    database.execute("PRAGMA wal_autocheckpoint = 0")
    add_events(50)

    optimize_database(cast("Services", SimpleNamespace()))

    other = sqlite3.connect(database_file)
    try:
        tables = {name for (name,) in other.execute("SELECT tbl FROM sqlite_stat1")}
        busy, in_log, copied = other.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    finally:
        other.close()
    assert "event" in tables
    assert (busy, in_log) == (0, copied)


def test_optimize_database_says_when_a_reader_keeps_the_log(
    database_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reader = sqlite3.connect(database_file, isolation_level=None)
    try:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM event").fetchone()
        add_events(5)
        with caplog.at_level(logging.INFO, "pds.jobs"):
            optimize_database(cast("Services", SimpleNamespace()))
    finally:
        reader.close()

    assert "a long read kept part of the write-ahead log" in caplog.text
