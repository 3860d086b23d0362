"""A service that never answers holds up those who ask it, and nobody else."""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from tests.factories import StillClock
from tests.fakes.upstream import Upstream
from tests.fakes.web_server import Route
from tests.proxy_stage import LIST_CONVOS, SEARCH, ProxyStage, open_proxy_stage
from tests.web.harness import Answer

THREADS = 2  # so four calls to a peer, two to strangers, one to each stranger, and four that wait
CALLS = 24
SPOOL_BYTES = 20_000_000
PIECE = bytes(range(250)) * 400


@pytest.fixture
def proxy(tmp_path: Path, clock: StillClock, open_database: Path) -> Iterator[ProxyStage]:
    del open_database
    with open_proxy_stage(
        tmp_path, clock, threads=str(THREADS), proxy_max_response_size=str(SPOOL_BYTES)
    ) as opened:
        yield opened


@contextmanager
def silent(service: Upstream, nsid: str) -> Iterator[threading.Event]:
    """Nothing is answered until the event is set; then everything is."""
    answer = threading.Event()

    def route(handler: Any) -> None:
        answer.wait(10)
        handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    service.routes[f"/xrpc/{nsid}"] = route
    try:
        yield answer
    finally:
        answer.set()


@contextmanager
def many_calls(proxy: ProxyStage, nsid: str, to: str | None) -> Iterator[list[Future[Answer]]]:
    with ThreadPoolExecutor(CALLS) as pool:
        yield [pool.submit(proxy.ask, nsid, to=to) for _ in range(CALLS)]


def wait_for(service: Upstream, calls: int) -> None:
    until = time.monotonic() + 5
    while len(service.asked) < calls:
        assert time.monotonic() < until
        time.sleep(0.005)


def post_something(proxy: ProxyStage) -> Answer:
    record = {"$type": "app.bsky.feed.post", "text": "x", "createdAt": "2026-01-01T00:00:00.000Z"}
    body = {"repo": proxy.alice.did, "collection": "app.bsky.feed.post", "record": record}
    return proxy.stage.post("com.atproto.repo.createRecord", body, by=proxy.alice)


def test_a_silent_app_view_holds_up_nothing_else(proxy: ProxyStage) -> None:
    with silent(proxy.app_view, SEARCH) as answer, many_calls(proxy, SEARCH, None) as calls:
        wait_for(proxy.app_view, 2 * THREADS)

        assert proxy.stage.web.get("/xrpc/_health").status == 200
        assert post_something(proxy).status == 200
        assert proxy.ask(LIST_CONVOS, to=f"{proxy.stranger.did}#bsky_chat").status == 200

        refused = first(calls, CALLS - 2 * THREADS)
        answer.set()
        statuses = Counter(call.result().status for call in calls)

    assert {reply.error for reply in refused} == {
        (
            503,
            "NotEnoughResources",
            f"Too many calls to {proxy.app_view.url} are under way, try again shortly",
        )
    }
    assert {reply.headers["Retry-After"] for reply in refused} == {"5"}
    assert statuses == {200: 2 * THREADS, 503: CALLS - 2 * THREADS}
    assert len(proxy.app_view.asked) == 2 * THREADS


def test_a_silent_stranger_leaves_room_for_another(proxy: ProxyStage) -> None:
    to = f"{proxy.stranger.did}#bsky_chat"
    with silent(proxy.stranger, LIST_CONVOS) as answer, many_calls(proxy, LIST_CONVOS, to) as calls:
        wait_for(proxy.stranger, THREADS // 2)

        assert proxy.ask(SEARCH).status == 200
        first(calls, CALLS - THREADS // 2)
        answer.set()

    assert Counter(call.result().status for call in calls)[200] == THREADS // 2


def test_a_slot_is_free_again_however_a_call_ends(proxy: ProxyStage) -> None:
    """Many more calls than slots, each ending in another way, and then one that must succeed."""
    path = f"/xrpc/{SEARCH}"
    endings: list[Route | Callable[[Any], None]] = [
        (200, {}, b"{}"),
        (400, {}, b"{}"),
        (500, {}, b"x" * 200_000),
        hang_up,
        half,
        (304, {}, b""),
    ]
    for number in range(8 * THREADS):
        proxy.app_view.routes[path] = endings[number % 6]
        try:
            proxy.ask(SEARCH, verb="GET" if number % 7 else "HEAD")
        except http.client.HTTPException:
            assert number % 6 == 4  # half a reply

    proxy.app_view.routes.clear()
    assert proxy.ask(SEARCH).status == 200


def test_a_client_that_leaves_frees_its_slot(proxy: ProxyStage) -> None:
    token = proxy.alice.access_jwt
    request = f"GET /xrpc/{SEARCH} HTTP/1.1\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    proxy.app_view.routes[f"/xrpc/{SEARCH}"] = (200, {}, bytes(30_000_000))
    for _ in range(4 * THREADS):
        with proxy.stage.web.connect() as sock:
            sock.sendall(request)
            assert sock.recv(100)
    proxy.app_view.routes.clear()

    until = time.monotonic() + 10
    while proxy.ask(SEARCH).status != 200:
        assert time.monotonic() < until


def large(size_bytes: int, sent: threading.Event) -> Callable[[Any], None]:
    """A reply of so many bytes; the event says that all of them are out."""

    def route(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size_bytes)
        for _ in range(size_bytes // len(PIECE)):
            handler.wfile.write(PIECE)
        sent.set()

    return route


@contextmanager
def sleeping_reader(proxy: ProxyStage) -> Iterator[http.client.HTTPResponse]:
    """An answer of which nothing has been read yet."""
    connection = http.client.HTTPConnection("127.0.0.1", proxy.stage.web.port, timeout=10)
    headers = {"Authorization": f"Bearer {proxy.alice.access_jwt}"}
    try:
        connection.request("GET", f"/xrpc/{SEARCH}", headers=headers)
        yield connection.getresponse()
    finally:
        connection.close()


def test_a_reader_that_sleeps_holds_nothing_of_the_other_service(proxy: ProxyStage) -> None:
    sent = threading.Event()
    proxy.app_view.routes[f"/xrpc/{SEARCH}"] = large(15_000_000, sent)
    with sleeping_reader(proxy) as answer:
        assert sent.wait(5)
        assert answer.read() == PIECE * 150


def test_more_than_is_kept_comes_at_the_readers_pace(proxy: ProxyStage) -> None:
    sent = threading.Event()
    proxy.app_view.routes[f"/xrpc/{SEARCH}"] = large(60_000_000, sent)
    with sleeping_reader(proxy) as answer:
        assert not sent.wait(0.5)
        for _ in range(600):
            assert answer.read(len(PIECE)) == PIECE
        assert answer.read() == b""
    assert sent.is_set()


def first(calls: list[Future[Answer]], count: int) -> list[Answer]:
    """The replies of the first calls to end."""
    done = [call.result() for call in islice(as_completed(calls, 10), count)]
    assert len(done) == count
    return done


def hang_up(handler: Any) -> None:
    handler.close_connection = True


def half(handler: Any) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\nhalf")
    handler.close_connection = True
