"""What systemd is told, received on a real socket."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pds.service_manager import ServiceManager
from tests.server_process import ROOT, free_port


class Receiver:
    """The other end: systemd's."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.settimeout(20)

    def next(self) -> str:
        return self._socket.recv(4096).decode()

    def waiting(self) -> list[str]:
        self._socket.setblocking(False)
        found = []
        try:
            while True:
                found.append(self._socket.recv(4096).decode())
        except BlockingIOError:
            return found

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    made = Receiver(str(tmp_path / "notify"))
    yield made
    made.close()


@pytest.fixture
def address(tmp_path: Path) -> str:
    return str(tmp_path / "notify")


def test_it_says_ready_and_stopping(receiver: Receiver, address: str) -> None:
    manager = ServiceManager({"NOTIFY_SOCKET": address})

    manager.ready()
    manager.stopping()

    assert receiver.waiting() == ["READY=1", "STOPPING=1"]


def test_abstract_socket_is_reached() -> None:
    name = f"hearth-test-{os.getpid()}"
    receiver = Receiver("\0" + name)
    try:
        ServiceManager({"NOTIFY_SOCKET": "@" + name}).ready()
        assert receiver.waiting() == ["READY=1"]
    finally:
        receiver.close()


def test_signs_of_life_are_three_within_the_limit_however_often_asked(
    receiver: Receiver, address: str
) -> None:
    now = 100.0
    manager = ServiceManager(
        {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "60000000"}, monotonic=lambda: now
    )

    for _ in range(120):  # half a minute
        manager.alive()
        now += 0.25

    assert receiver.waiting() == ["WATCHDOG=1"] * 2


@pytest.mark.parametrize(
    "watchdog",
    [
        {},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"},
    ],
)
def test_no_signs_where_nobody_counts_on_ours(
    receiver: Receiver, address: str, watchdog: dict[str, str]
) -> None:
    ServiceManager({"NOTIFY_SOCKET": address, **watchdog}).alive()

    assert receiver.waiting() == []


@pytest.mark.parametrize("elsewhere", ["", "vsock:2:1234", "notify"])
def test_without_a_socket_to_reach_nothing_happens(
    elsewhere: str, caplog: pytest.LogCaptureFixture
) -> None:
    manager = ServiceManager({"NOTIFY_SOCKET": elsewhere, "WATCHDOG_USEC": "1000000"})

    manager.ready()
    manager.alive()
    manager.stopping()

    assert caplog.text == ""


def test_socket_that_has_gone_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()

    assert "systemd could not be told READY=1" in caplog.text


@pytest.mark.slow
def test_server_says_ready_when_it_listens_and_stays_alive_and_says_that_it_stops(
    receiver: Receiver, address: str, tmp_path: Path
) -> None:
    port = free_port()
    env = {name: value for name, value in os.environ.items() if not name.startswith("PDS_")}
    env |= {"PDS_DATA_DIRECTORY": str(tmp_path / "data"), "PDS_PORT": str(port)}
    env |= {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "3000000"}
    with subprocess.Popen(
        [sys.executable, "app.py"], cwd=ROOT, env=env, stdout=subprocess.DEVNULL
    ) as process:
        try:
            assert receiver.next() == "READY=1"
            socket.create_connection(("127.0.0.1", port), 5).close()
            started = time.monotonic()
            signs = [receiver.next() for _ in range(3)]
            took_s = time.monotonic() - started
            process.send_signal(signal.SIGTERM)
            last = receiver.next()
            while last == "WATCHDOG=1":
                last = receiver.next()
        finally:
            process.terminate()

    assert signs == ["WATCHDOG=1"] * 3
    assert took_s < 6
    assert last == "STOPPING=1"
