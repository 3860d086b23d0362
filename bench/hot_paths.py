"""Time the hot paths inside one process, without HTTP: for profiling, and to see a change.

    .venv/bin/python bench/hot_paths.py [RECORDS]

Prints the best and the median of several rounds in microseconds of processor time, which says more
than wall time on a machine that does other things as well. docs/performance.md has the comparison
with the reference server, over HTTP.
"""

from __future__ import annotations

import io
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from pds.config import Config  # noqa: E402
from pds.local_secrets import load_or_create  # noqa: E402
from pds.services import Services, build_services  # noqa: E402
from pds.services.account_creation import NewAccount  # noqa: E402
from pds.services.record_writes import Write  # noqa: E402
from pds.storage import database, migrate  # noqa: E402
from pds.storage.accounts import AccountRow  # noqa: E402

POST = "app.bsky.feed.post"
BATCH = 200


def post(services: Services, number: int) -> Write:
    text = f"post {number} the quick brown fox jumps over a lazy dog while many small clouds drift"
    value = {"text": text, "createdAt": "2026-01-01T00:00:00.000Z", "langs": ["en"]}
    return Write("create", POST, services.repos.next_rkey(), value)


def prepare(directory: Path, records: int) -> tuple[Services, AccountRow]:
    """A server with one account and ``records`` posts."""
    settings = load_or_create(directory) | {"PDS_DATA_DIRECTORY": str(directory)}
    config = Config.from_env(settings)
    database.open_database(directory / "pds.sqlite")
    migrate.migrate()
    services = build_services(config)
    services.accounts.create(
        NewAccount(handle="bench.test", email="bench@mail.org", password="a long password")
    )
    account = services.accounts.get_account("bench.test")
    for start in range(0, records, BATCH):
        count = min(BATCH, records - start)
        services.repos.apply_writes(account, [post(services, start + n) for n in range(count)])
    return services, account


def show(name: str, work: Callable[[], object], rounds: int) -> None:
    times = []
    for _ in range(rounds):
        start = time.process_time_ns()
        work()
        times.append((time.process_time_ns() - start) / 1_000)
    print(f"{name:34} best {min(times):10.0f} µs   median {statistics.median(times):10.0f} µs")


def run(services: Services, account: AccountRow) -> None:
    repos, records = services.repos, services.records
    newest = records.list_page(account.did, POST, limit=100, cursor=None, reverse=False)
    rkeys = [record.uri.rpartition("/")[2] for record in newest]
    show("apply_writes, 1 create", lambda: repos.apply_writes(account, [post(services, 0)]), 200)
    show(
        f"apply_writes, {BATCH} creates",
        lambda: repos.apply_writes(account, [post(services, n) for n in range(BATCH)]),
        10,
    )
    token = services.sessions.issue(account).access_jwt
    show("check an access token", lambda: services.sessions.verify_access(token), 1_000)
    show("get a record", lambda: records.get(account.did, POST, rkeys[50]), 1_000)
    show(
        "list 100 records",
        lambda: records.list_page(account.did, POST, limit=100, cursor=rkeys[0], reverse=False),
        200,
    )
    show("prove a record", lambda: services.repo_export.record_proof(account, POST, rkeys[0]), 200)
    show("export the repo", lambda: services.repo_export.export(account).file.close(), 10)  # noqa: PLW0108 # a new export each time
    picture = b"\xff\xd8\xff\xe0" + bytes(1_000_000)
    show(
        "upload 1 MB",
        lambda: services.blobs.upload(account, io.BytesIO(picture), "image/jpeg"),
        20,
    )


def main() -> None:
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as directory:
        print(f"building a repo of {records} records …")
        services, account = prepare(Path(directory), records)
        run(services, account)
        services.close()
        database.close_database()


if __name__ == "__main__":
    main()
