"""A database put back in time: relays are ahead; the doctor says so, and heals it meanwhile."""

from __future__ import annotations

import json
import shutil
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.relay import FakeRelay
from tests.fakes.web_server import web_server
from tests.firehose_consumer import Consumer
from tests.operator_process import pdsadmin
from tests.server_process import Account, ServerProcess, free_port

NOTICED_S = 15


@pytest.mark.slow
def test_a_relay_that_is_ahead_is_found_and_goes_on(tmp_path: Path) -> None:
    data, copy = tmp_path / "data", tmp_path / "copy"
    relay = FakeRelay()
    with web_server() as relay_server:
        relay_server.otherwise = relay.answer
        port = free_port()
        settings = {"PDS_CRAWLERS": relay_server.url, "PDS_PORT": str(port)}
        env_file = tmp_path / "pds.env"
        env_file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        env_file.chmod(0o600)
        with ServerProcess(data, port=port, settings=settings) as server:
            members = [server.create_account(f"member{number}") for number in range(3)]
            members[0].post("before the copy")
            server.stop()
            shutil.copytree(data, copy)
            server.start()
            consumer = Consumer(lambda did: _document(server, did))
            [*_, marker] = [member.post("after the copy") for member in members]
            last = (members[-1].did, marker["commit"]["rev"])
            consumer.follow(server.url, until=lambda: last in consumer.commits)
            server.kill()
            shutil.rmtree(data)
            copy.rename(data)
            server.start()
            consumer.last_seq += 10_000  # it had seen more than three posts
            relay.seq = consumer.last_seq

            found = pdsadmin("doctor", data=data, env_file=env_file)
            assert found.returncode == 2, found.stdout
            assert "BAD   relay-ahead: " in found.stdout
            assert "\n      pdsadmin doctor --fix" in found.stdout
            assert "\n1 to put right, 0 to look at; " in found.stdout

            with writing(members) as written:
                healed = pdsadmin("doctor", "--fix", "--json", data=data, env_file=env_file)
            assert (healed.returncode, healed.stderr) == (0, ""), healed.stdout
            report = json.loads(healed.stdout)
            assert report["outcome"] == "ok"
            [line] = report["healed"]
            assert f" {len(members)} repos were announced; {relay_server.url} was asked" in line
            assert relay.asked_to_crawl[-1] == "localhost"
            assert all(written.values()), written

            _consumer_goes_on(server, consumer, members)


@contextmanager
def writing(members: list[Account]) -> Iterator[dict[str, int]]:
    """Let members post all the time; how many posts of each were taken."""
    stop = threading.Event()
    written = {member.did: 0 for member in members}

    def write(member: Account) -> None:
        while not stop.is_set():
            member.post(f"meanwhile {written[member.did]}")
            written[member.did] += 1

    with ThreadPoolExecutor(len(members)) as pool:
        writers = [pool.submit(write, member) for member in members]
        try:
            yield written
        finally:
            stop.set()
        for writer in writers:
            writer.result()  # no write was refused


def _consumer_goes_on(server: ServerProcess, consumer: Consumer, members: list[Account]) -> None:
    """It takes the new stream from where it was, whatever it had seen before."""
    syncs = consumer.counts.get("#sync", 0)
    marker = members[1].post("after it was healed")
    last = (members[1].did, marker["commit"]["rev"])
    until = time.monotonic() + NOTICED_S
    while True:  # the server looks for others' events every two seconds
        try:
            consumer.follow(server.url, until=lambda: last in consumer.commits)
            break
        except AssertionError as error:
            if "FutureCursor" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.5)
    assert consumer.counts["#sync"] == syncs + len(members)
    assert consumer.infos == []


def _document(server: ServerProcess, did: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{server.url}/{did}", timeout=10) as reply:
        document: dict[str, Any] = json.loads(reply.read())
        return document
