"""Stored bytes over HTTP: whole, in part, unchanged, and no more read from the store than that."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import pytest

from pds.errors import BlobNotFoundError
from pds.xrpc.method import Auths, Call, Method, Stored
from tests.web.harness import Answer, Running, make_services, read_all, running

CONTENT = bytes(range(256)) * 1_000
SIZE = len(CONTENT)
PATH = "/xrpc/test.web.getEcho?name=a"
TAG = '"bafytag"'


@dataclass
class Store:
    """Says what was opened, and hands out files that go on after what was asked for."""

    opened: list[tuple[int, int]] = field(default_factory=list)
    closed: threading.Event = field(default_factory=threading.Event)
    is_lost: bool = False
    content: bytes = CONTENT

    def open(self, start: int, size: int) -> BinaryIO:
        if self.is_lost:
            raise BlobNotFoundError
        self.opened.append((start, size))
        file = _Closing(self.content, self.closed)
        file.seek(start)
        return file

    def reply(self, _: Call) -> Any:
        return Stored(self.open, len(self.content), TAG.strip('"'), "video/mp4", {"X-Own": "1"})


class _Closing(io.BytesIO):
    def __init__(self, content: bytes, closed: threading.Event) -> None:
        super().__init__(content)
        self._closed = closed

    def close(self) -> None:
        self._closed.set()
        super().close()


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def served(store: Store) -> Iterator[Running]:
    methods = {"test.web.getEcho": Method("test.web.getEcho", "query", Auths.OPTIONAL, store.reply)}
    with running(make_services(), methods, threads=1) as web:
        yield web


def test_whole(served: Running, store: Store) -> None:
    answer = served.get(PATH)

    assert (answer.status, answer.body) == (200, CONTENT)
    assert answer.headers["Content-Length"] == str(SIZE)
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.headers["ETag"] == TAG
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["X-Own"] == "1"
    assert "Content-Range" not in answer.headers
    assert store.closed.wait(5)


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-", 0, SIZE),
        ("bytes=1000-1999", 1_000, 2_000),
        ("bytes=255000-", 255_000, SIZE),
        ("bytes=255999-", SIZE - 1, SIZE),
        ("bytes=200000-999999999999", 200_000, SIZE),
        ("bytes=-1", SIZE - 1, SIZE),
        ("bytes=-999999999", 0, SIZE),
        ("BYTES = 5 - 9", 5, 10),
    ],
)
def test_part(served: Running, store: Store, wanted: str, start: int, end: int) -> None:
    answer = served.get(PATH, Range=wanted)

    assert (answer.status, answer.body) == (206, CONTENT[start:end])
    assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{SIZE}"
    assert answer.headers["Content-Length"] == str(end - start)
    assert answer.headers["ETag"] == TAG
    assert store.opened == [(start, end - start)]


@pytest.mark.parametrize(
    "wanted",
    [
        "bytes=0-9,20-29",
        "bytes=9-5",
        "bytes=-0",
        "bytes=a-b",
        "bytes",
        "bytes=",
        "lines=1-2",
        "bytes=0-" + "9" * 5_000,
        "bytes=٣-٤",
    ],
)
def test_several_parts_and_nonsense_are_answered_with_the_whole(
    served: Running, wanted: str
) -> None:
    answer = served.get(PATH, Range=wanted.encode().decode("latin-1"))

    assert (answer.status, answer.body) == (200, CONTENT)


@pytest.mark.parametrize("wanted", [f"bytes={SIZE}-", "bytes=999999999-9999999999"])
def test_part_after_the_end_is_refused(served: Running, store: Store, wanted: str) -> None:
    answer = served.get(PATH, Range=wanted)

    assert answer.error == (416, "RangeNotSatisfiable", f"There are only {SIZE} bytes")
    assert answer.headers["Content-Range"] == f"bytes */{SIZE}"
    assert answer.headers["Cache-Control"] == "private"
    assert store.opened == []


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        (TAG, 206),
        ('"other"', 200),
        (f"W/{TAG}", 200),
        ("Wed, 25 Nov 2026 10:00:00 GMT", 200),
    ],
)
def test_part_only_of_the_bytes_the_client_began_with(
    served: Running, condition: str, status: int
) -> None:
    assert served.get(PATH, Range="bytes=0-9", If_Range=condition).status == status


@pytest.mark.parametrize("known", [TAG, f"W/{TAG}", f'"a", {TAG}', "*"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_unchanged_bytes_are_not_sent_again(
    served: Running, store: Store, method: str, known: str
) -> None:
    headers = {"If-None-Match": known, "Range": "bytes=0-9"}
    answer = served.request(method, PATH, headers=headers)

    assert (answer.status, answer.body) == (304, b"")
    assert answer.headers["ETag"] == TAG
    assert answer.headers["X-Own"] == "1"
    assert "Content-Type" not in answer.headers
    assert "Content-Length" not in answer.headers
    assert store.opened == []


def test_other_tag_brings_the_bytes(served: Running) -> None:
    assert served.get(PATH, If_None_Match='"other"').body == CONTENT


def test_head_tells_the_size_and_opens_nothing(served: Running, store: Store) -> None:
    answer = served.request("HEAD", PATH, headers={"Range": "bytes=0-9"})

    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["Content-Length"] == str(SIZE)
    assert store.opened == []


def test_no_bytes_at_all() -> None:
    store = Store(content=b"")
    methods = {"test.web.getPlain": Method("test.web.getPlain", "query", Auths.NONE, store.reply)}
    with running(make_services(), methods) as web:
        answer = web.get("/xrpc/test.web.getPlain")

        assert (answer.status, answer.body) == (200, b"")
        assert answer.headers["Content-Length"] == "0"
        assert web.get("/xrpc/test.web.getPlain", Range="bytes=0-").status == 416


def test_lost_bytes_are_told_before_anything_is_sent(served: Running, store: Store) -> None:
    store.is_lost = True

    assert served.get(PATH).error[:2] == (400, "BlobNotFound")


def test_connection_goes_on_after_a_part(served: Running) -> None:
    """A part ends where it was said to; what follows on the connection is the next answer."""
    part = PATH.encode()
    raw = served.exchange(
        b"GET %b HTTP/1.1\r\nHost: a\r\nRange: bytes=10-19\r\n\r\n" % part
        + b"GET %b HTTP/1.1\r\nHost: a\r\nRange: bytes=-5\r\nConnection: close\r\n\r\n" % part
    )

    first, _, second = raw.partition(CONTENT[10:20])
    assert first.startswith(b"HTTP/1.1 206 ")
    assert second.startswith(b"HTTP/1.1 206 ")
    assert second.endswith(CONTENT[-5:])


def test_slow_reader_of_a_part_holds_no_thread() -> None:
    store = Store(content=bytes(20_000_000))

    def answer(call: Call) -> Any:
        return {} if call.params["name"] == "b" else store.reply(call)

    methods = {"test.web.getEcho": Method("test.web.getEcho", "query", Auths.NONE, answer)}
    with running(make_services(), methods, threads=1) as web, web.connect() as slow:
        slow.sendall(
            f"GET {PATH} HTTP/1.1\r\nHost: a\r\nRange: bytes=1000000-\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        assert slow.recv(1_000)

        assert web.get("/xrpc/test.web.getEcho?name=b").status == 200
        assert len(read_all(slow)) > 18_990_000
        assert store.closed.wait(5)


def test_pages_elsewhere_may_read_what_they_need(served: Running) -> None:
    answer: Answer = served.get(PATH, Origin="https://app.example")

    exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"Accept-Ranges", "Content-Range", "ETag"} <= set(exposed)
