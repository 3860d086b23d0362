from __future__ import annotations

import io
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pds.web import channel, server
from pds.xrpc.method import Auths, Body, Call, Method
from tests.web.conftest import methods
from tests.web.harness import Running, make_services, read_all, running

ECHO = "/xrpc/test.web.getEcho?name=a"
UPLOAD = "/xrpc/test.web.uploadFile"
GET = f"GET {ECHO} HTTP/1.1\r\nHost: a\r\n\r\n".encode()


class Gate:
    """A method that waits until the test lets it go."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()

    def __call__(self, _call: Call) -> dict[str, Any]:
        self.entered.set()
        assert self.open.wait(10)
        return {"done": True}


def only(handler: Any) -> dict[str, Method]:
    nsid = "test.web.getEcho"
    return {nsid: Method(nsid, "query", Auths.NONE, handler)}


def status_and_error(raw: bytes) -> tuple[int, str]:
    head, _, body = raw.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["error"]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"complete nonsense\r\n\r\n", (400, "InvalidRequest")),
        (b"GET / HTTP/1.1\r\nHost a\r\n\r\n", (400, "InvalidRequest")),
        (b"GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n", (400, "InvalidRequest")),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", (400, "InvalidRequest")),
        (b"POST / HTTP/1.1\r\nContent-Length: 5, 5\r\n\r\nabcde", (400, "InvalidRequest")),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", (501, "MethodNotImplemented")),
        (
            b"POST /xrpc/test.web.uploadFile HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            (400, "InvalidRequest"),
        ),
        (b"GET / HTTP/1.1\r\nA: " + b"a" * 70_000 + b"\r\n\r\n", (431, "InvalidRequest")),
        (
            b"POST / HTTP/1.1\r\nContent-Length: 99999999999999\r\n\r\n",
            (413, "PayloadTooLarge"),
        ),
    ],
)
def test_malformed_http_is_refused_in_the_form_of_xrpc(
    web: Running, raw: bytes, expected: tuple[int, str]
) -> None:
    assert status_and_error(web.exchange(raw)) == expected


def test_server_names_itself_without_a_version(web: Running) -> None:
    assert web.get(ECHO).headers["Server"] == "Hearth"
    assert web.get(ECHO).headers["X-Content-Type-Options"] == "nosniff"


def test_connection_serves_many_requests(web: Running) -> None:
    with web.connect() as sock:
        for _ in range(3):
            sock.sendall(GET)
            raw = sock.recv(65_536)  # head and body come in one packet
            assert raw.startswith(b"HTTP/1.1 200 ")
            assert raw.endswith(b"}")


def test_pipelined_requests_are_answered_in_order(web: Running) -> None:
    second = GET.replace(b"name=a", b"name=b")

    raw = web.exchange(GET + second)

    assert re.findall(rb'"name":"(\w)"', raw) == [b"a", b"b"]


def test_upload_given_up_half_way_leaves_nothing_behind(web: Running) -> None:
    head = f"POST {UPLOAD} HTTP/1.1\r\nHost: a\r\nContent-Length: 250000\r\n\r\n"
    before = open_files()

    for _ in range(20):
        with web.connect() as sock:
            sock.sendall(head.encode() + bytes(200_000))
    wait_for(lambda: not web.server._http.active_channels)

    assert web.post(UPLOAD, b"x", Content_Type="a/b").json["size"] == 1
    wait_for(lambda: open_files() <= before)


def test_large_upload_given_up_closes_its_temporary_file(monkeypatch: pytest.MonkeyPatch) -> None:
    nsid = "test.web.uploadFile"
    large = Method(nsid, "procedure", Auths.NONE, lambda _: None, body_limit_bytes=10_000_000)
    with running(make_services(), {nsid: large}) as web:
        before = open_files()
        head = f"POST {UPLOAD} HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n"
        with web.connect() as sock:
            sock.sendall(head.encode() + bytes(3_000_000))
            wait_for(lambda: open_files() > before + 2)

        wait_for(lambda: open_files() <= before)


def test_unfinished_requests_hold_no_thread(web: Running) -> None:
    dawdlers = [web.connect() for _ in range(20)]
    try:
        for index, sock in enumerate(dawdlers):
            sock.sendall(GET[: index + 10])

        assert web.get(ECHO).status == 200
    finally:
        for sock in dawdlers:
            sock.close()


def test_dawdlers_are_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "CLEANUP_EVERY_S", 0)
    monkeypatch.setattr(server, "HEADER_TIMEOUT_S", 0.2)
    monkeypatch.setattr(server, "BODY_GRACE_S", 0.2)
    monkeypatch.setattr(server, "LOOP_TURN_S", 0.05)
    with running(make_services(), methods()) as web, web.connect() as half_head:
        half_head.sendall(b"GET / HTTP/1.1\r\nHost: ")
        assert read_all(half_head) == b""

    with running(make_services(), methods()) as web, web.connect() as half_body:
        half_body.sendall(f"POST {UPLOAD} HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc".encode())

        assert read_all(half_body) == b""


def test_idle_connections_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "CLEANUP_EVERY_S", 0)
    monkeypatch.setattr(server, "CHANNEL_TIMEOUT_S", 0.3)
    monkeypatch.setattr(server, "LOOP_TURN_S", 0.05)
    with running(make_services(), methods()) as web, web.connect() as sock:
        sock.sendall(GET)

        assert read_all(sock).startswith(b"HTTP/1.1 200 ")


def test_reader_that_stops_reading_frees_its_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "CLEANUP_EVERY_S", 0)
    monkeypatch.setattr(server, "STALLED_READER_S", 0.3)
    monkeypatch.setattr(server, "LOOP_TURN_S", 0.05)
    ended = threading.Event()

    def endless() -> Iterator[bytes]:
        try:
            while True:
                yield bytes(65_536)
        finally:
            ended.set()

    methods = only(lambda _: Body(endless(), "a/b"))
    with running(make_services(), methods) as web, web.connect() as sock:
        sock.sendall(GET)

        assert ended.wait(5)


def test_slow_reader_of_a_file_holds_no_thread() -> None:
    file_bytes = 20_000_000

    def answer(call: Call) -> Any:
        if call.params["name"] == "b":
            return {}
        return Body(io.BytesIO(bytes(file_bytes)), "a/b", size_bytes=file_bytes)

    with running(make_services(), only(answer), threads=1) as web, web.connect() as slow:
        slow.sendall(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert slow.recv(1_000)

        assert web.get("/xrpc/test.web.getEcho?name=b").status == 200
        assert len(read_all(slow)) > file_bytes - 2_000


def test_stop_finishes_running_requests_and_takes_no_new_ones() -> None:
    gate = Gate()
    with running(make_services(), only(gate)) as web, web.connect() as busy, web.connect() as idle:
        busy.sendall(GET)
        assert gate.entered.wait(5)

        web.server.stop()
        assert read_all(idle) == b""
        with pytest.raises(ConnectionRefusedError):
            web.connect()
        gate.open.set()

        assert read_all(busy).endswith(b'{"done":true}')
        web.thread.join(5)
        assert not web.thread.is_alive()


def test_stop_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "FINISH_REQUESTS_S", 0.2)
    gate = Gate()
    with running(make_services(), only(gate)) as web, web.connect() as busy:
        busy.sendall(GET)
        assert gate.entered.wait(5)

        started = time.monotonic()
        web.stop()

        assert time.monotonic() - started < 5
        gate.open.set()


def test_stopping_twice_does_no_harm() -> None:
    with running(make_services(), methods()) as web:
        web.stop()
        web.stop()


def test_fault_in_the_loop_does_not_end_the_server(
    web: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = threading.Event()
    original = channel.Channel.received

    def fail_once(self: channel.Channel, data: bytes) -> bool:
        if not broken.is_set():
            broken.set()
            raise ZeroDivisionError
        return original(self, data)

    monkeypatch.setattr(channel.Channel, "received", fail_once)

    assert web.exchange(GET) == b""
    assert web.get(ECHO).status == 200


def test_listens_on_every_address_when_asked_to() -> None:
    sock = server._listen("*", 0)
    with sock:
        port = sock.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            pass


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def wait_for(condition: Any, timeout_s: float = 5.0) -> None:
    until = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)
