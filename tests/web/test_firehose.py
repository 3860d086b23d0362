from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from simple_websocket import Client, ConnectionClosed

from pds.atproto.firehose_frames import decode_frame, encode_error
from pds.errors import FutureCursorError, NotEnoughResourcesError, RateLimitExceededError
from pds.web import firehose, websocket
from pds.web.server import HttpServer
from pds.xrpc.method import Auths, Call, Method
from tests.web.conftest import methods
from tests.web.harness import Running, make_services, read_all, running
from tests.web.streams import HANDSHAKE, NSID, PATH, Place, Stream, open_raw, subscriber, wait_for


@pytest.fixture
def stream() -> Stream:
    return Stream()


@pytest.fixture
def web(stream: Stream) -> Iterator[Running]:
    table = {NSID: Method(NSID, "subscription", Auths.NONE, stream.open), **methods()}
    with running(make_services(sequencer=stream), table) as server:
        yield server


def error_and_close(client: Client) -> tuple[dict[str, Any], int, str]:
    frame = client.receive(5)
    header, payload = decode_frame(frame)
    assert header == {"op": -1}
    with pytest.raises(ConnectionClosed) as closed:
        client.receive(5)
    return payload, int(closed.value.reason), str(closed.value.message)


def test_frames_arrive_in_order_from_the_cursor_on(web: Running, stream: Stream) -> None:
    frames = [bytes([index]) * size for index, size in enumerate((1, 125, 126, 65_535, 65_536, 9))]
    stream.add(*frames)

    with subscriber(web, "?cursor=1") as client:
        assert [client.receive(5) for _ in frames[1:]] == frames[1:]
        stream.add(b"live")
        assert client.receive(5) == b"live"


def test_opening_frames_come_first(web: Running, stream: Stream) -> None:
    stream.add(b"one")

    with subscriber(web, "?cursor=0") as client:
        assert [client.receive(5), client.receive(5)] == [b"opening", b"one"]


def test_every_subscriber_gets_every_frame(web: Running, stream: Stream) -> None:
    stream.add(b"before")
    with subscriber(web) as one, subscriber(web) as two, subscriber(web, "?cursor=0") as three:
        assert [three.receive(5), three.receive(5)] == [b"opening", b"before"]
        stream.add(b"x")

        assert [client.receive(5) for client in (one, two, three)] == [b"x"] * 3


def test_what_is_written_once_the_client_is_connected_reaches_it(
    web: Running, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start_slowly(self: Place, *args: Any) -> None:
        time.sleep(0.2)
        start(self, *args)

    start = Place.__init__
    monkeypatch.setattr(Place, "__init__", start_slowly)

    with subscriber(web) as client:
        stream.add(b"at once")
        assert client.receive(5) == b"at once"


def test_handshake_succeeds_however_soon_a_worker_has_it(
    web: Running, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    def give_away_and_linger(self: HttpServer, task: Any) -> None:
        give_away(self, task)
        time.sleep(0.1)  # the loop thread; the worker goes ahead

    give_away = HttpServer.add_task
    monkeypatch.setattr(HttpServer, "add_task", give_away_and_linger)

    with subscriber(web) as client:
        stream.add(b"x")
        assert client.receive(5) == b"x"


def test_ordinary_requests_go_on_beside_subscribers(web: Running) -> None:
    with subscriber(web), subscriber(web), subscriber(web), subscriber(web), subscriber(web):
        assert web.get("/xrpc/test.web.getEcho?name=a").status == 200


def test_future_cursor_is_an_error_frame_and_close_1008(web: Running) -> None:
    with subscriber(web, "?cursor=7") as client:
        assert error_and_close(client) == (
            {"error": "FutureCursor", "message": str(FutureCursorError())},
            1008,
            "FutureCursor",
        )


def test_bad_cursor_is_an_error_frame(web: Running) -> None:
    with subscriber(web, "?cursor=x") as client:
        payload, code, reason = error_and_close(client)

    assert (payload["error"], code, reason) == ("InvalidRequest", 1008, "InvalidRequest")


def test_bug_is_an_error_frame_that_tells_nothing(stream: Stream) -> None:
    def fail(_call: Call) -> Any:
        raise ZeroDivisionError

    table = {NSID: Method(NSID, "subscription", Auths.NONE, fail)}
    with running(make_services(), table) as web, subscriber(web) as client:
        assert error_and_close(client) == (
            {"error": "InternalServerError", "message": "Internal Server Error"},
            1011,
            "InternalServerError",
        )


def test_stopping_closes_subscribers_with_1001(web: Running, stream: Stream) -> None:
    with subscriber(web) as client:
        web.stop()

        with pytest.raises(ConnectionClosed) as closed:
            client.receive(5)
        assert closed.value.reason == 1001
    assert stream.closed == 1


def test_subscription_is_closed_when_the_client_leaves(web: Running, stream: Stream) -> None:
    with subscriber(web):
        pass
    stream.add(b"wake")

    wait_for(lambda: stream.closed == 1)


def test_aborted_client_is_noticed(web: Running, stream: Stream) -> None:
    with open_raw(web) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    stream.add(b"wake")

    wait_for(lambda: stream.closed == 1)


def test_quiet_subscriber_is_pinged(
    web: Running, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firehose, "PING_EVERY_S", 0.05)
    monkeypatch.setattr(firehose, "LOOK_UP_S", 0.02)

    with open_raw(web) as sock:
        assert sock.recv(2) == b"\x89\x00"
        assert sock.recv(2) == b"\x89\x00"


def test_no_compression_is_agreed_on(web: Running) -> None:
    offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"

    with open_raw(web, offer) as sock:
        assert sock is not None  # open_raw has checked the answer's head


def test_messages_of_the_client_are_ignored_and_not_kept(web: Running, stream: Stream) -> None:
    with subscriber(web, "?cursor=0") as client:
        assert client.receive(5) == b"opening"
        for _ in range(50):
            client.send(b"x" * 1_000)
        client.send("text")
        stream.add(b"still here")

        assert client.receive(5) == b"still here"


def test_client_that_keeps_talking_is_dropped(
    web: Running, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "MAX_CLIENT_MESSAGES", 5)
    with open_raw(web) as sock:
        sock.sendall(b"\x82\x81\0\0\0\0a" * 20)
        time.sleep(0.1)
        stream.add(b"wake")

        read_all(sock)
        wait_for(lambda: stream.closed == 1)


def test_oversized_client_message_ends_the_connection(web: Running) -> None:
    with subscriber(web) as client:
        client.send(b"x" * 70_000)

        with pytest.raises(ConnectionClosed) as closed:
            client.receive(5)
        assert closed.value.reason == 1009


def test_live_consumer_that_stays_behind_is_told_and_dropped(
    web: Running, stream: Stream, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(firehose, "TOO_SLOW_AFTER_S", 0.2)
    monkeypatch.setattr(websocket, "POLL_S", 0.02)
    stream.add(b"first")
    caplog.set_level("INFO", "pds.firehose")

    with open_raw(web, path=f"{PATH}?cursor=0", receive_buffer=4_096) as sock:
        assert sock.recv(9, socket.MSG_WAITALL) == b"\x82\x07opening"
        assert sock.recv(7, socket.MSG_WAITALL) == b"\x82\x05first"
        stream.add(*[bytes(100_000)] * 150)  # more than the sockets' buffers hold
        time.sleep(0.7)
        received = read_all(sock)

    assert received.endswith(b"\x88\x11\x03\xf0ConsumerTooSlow")
    assert encode_error("ConsumerTooSlow", "Stream consumer too slow") in received
    wait_for(lambda: any("ConsumerTooSlow" in line.getMessage() for line in caplog.records))
    assert stream.closed == 1


def test_slow_consumer_that_is_catching_up_is_left_alone(
    web: Running, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firehose, "TOO_SLOW_AFTER_S", 0.05)
    monkeypatch.setattr(websocket, "POLL_S", 0.02)
    frames = [bytes([index % 256]) * 50_000 for index in range(300)]
    stream.add(b"", *frames)

    with open_raw(web, path=f"{PATH}?cursor=1", receive_buffer=4_096) as sock:
        time.sleep(0.5)
        expected = sum(len(frame) + 4 for frame in frames)
        received = 0
        while received < expected:
            received += len(sock.recv(1_000_000))

        assert received == expected


def test_stalled_consumer_does_not_hold_up_others_or_the_stop(
    web: Running, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_raw(web, receive_buffer=4_096), subscriber(web, "?cursor=0") as reader:
        assert reader.receive(5) == b"opening"
        stream.add(*[bytes(100_000)] * 150)
        for _ in range(150):
            assert len(reader.receive(5)) == 100_000
        stream.add(b"next")
        assert reader.receive(5) == b"next"

        started = time.monotonic()
        web.stop()
        assert time.monotonic() - started < 6


def test_plain_get_is_426_with_an_xrpc_error(web: Running) -> None:
    answer = web.get(PATH)

    assert answer.error[:2] == (426, "UpgradeRequired")
    assert answer.headers["Upgrade"] == "websocket"
    assert answer.headers["Sec-WebSocket-Version"] == "13"


def test_post_is_405(web: Running) -> None:
    assert web.post(PATH).error == (
        405,
        "InvalidRequest",
        "Incorrect HTTP method (POST) expected GET",
    )


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 8"),
        ("MDEyMzQ1Njc4OWFiY2RlZg==", "short"),
        ("Connection: keep-alive, Upgrade", "Connection: keep-alive"),
        ("Upgrade: websocket", "Upgrade: h2c"),
        ("GET", "POST"),
    ],
)
def test_incomplete_upgrade_is_an_ordinary_request(web: Running, wrong: str, right: str) -> None:
    raw = web.exchange((HANDSHAKE.replace(wrong, right) + "\r\n").encode())

    assert raw.split(b"\r\n")[0] in (
        b"HTTP/1.1 426 UPGRADE REQUIRED",
        b"HTTP/1.1 405 METHOD NOT ALLOWED",
    )


def test_upgrade_on_other_methods_is_an_ordinary_request(web: Running) -> None:
    head = HANDSHAKE.replace(PATH, "/xrpc/test.web.getEcho?name=a")

    assert web.exchange((head + "\r\n").encode()).startswith(b"HTTP/1.1 200 ")


def test_handshake_without_host_is_400(web: Running) -> None:
    raw = web.exchange((HANDSHAKE.replace("Host: a\r\n", "") + "\r\n").encode())

    assert raw.startswith(b"HTTP/1.1 400 ")
    assert b'"InvalidRequest"' in raw


def test_seats_are_limited_in_all_and_per_address() -> None:
    seats = firehose.Seats(in_all=3, per_address=1)

    with seats.take("203.0.113.1"), seats.take("127.0.0.1"):
        with pytest.raises(RateLimitExceededError), seats.take("203.0.113.1"):
            pytest.fail("a second seat")
        with (
            seats.take("127.0.0.1"),
            pytest.raises(NotEnoughResourcesError),
            seats.take("203.0.113.2"),
        ):
            pytest.fail("a fourth seat")
    with seats.take("203.0.113.1"):
        assert seats.count() == 1


def test_subscriber_without_a_seat_gets_an_http_error(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firehose.Seats.__init__, "__defaults__", (1, 1))
    table = {NSID: Method(NSID, "subscription", Auths.NONE, stream.open)}
    with running(make_services(sequencer=stream), table) as web, subscriber(web):
        raw = web.exchange((HANDSHAKE + "\r\n").encode())

    assert raw.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nConnection: close\r\n" in raw
    assert b'"NotEnoughResources"' in raw
