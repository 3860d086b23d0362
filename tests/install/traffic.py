"""Members and a relay, while the operator does something: one who posts, one who reads."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from tests.firehose_consumer import Consumer

PAUSE_S = 0.1
COLLECTION = "app.bsky.feed.post"


@dataclass
class Member:
    """Somebody with an account, at ``url`` with the TLS of ``trust``."""

    url: str
    trust: ssl.SSLContext
    did: str
    token: str = ""
    posted: set[str] = field(default_factory=set)  # paths of acknowledged posts
    answered_s: list[float] = field(default_factory=list)  # when each was acknowledged

    def sign_in(self, password: str) -> None:
        words = {"identifier": self.did, "password": password}
        self.token = self._send("com.atproto.server.createSession", words)["accessJwt"]

    def post(self, text: str) -> None:
        record = {"$type": COLLECTION, "text": text, "createdAt": "2026-01-01T00:00:00.000Z"}
        words = {"repo": self.did, "collection": COLLECTION, "record": record}
        uri: str = self._send("com.atproto.repo.createRecord", words)["uri"]
        self.answered_s.append(time.monotonic())
        self.posted.add(uri.removeprefix(f"at://{self.did}/"))

    def kept(self) -> set[str]:
        """The paths of all posts that the server has."""
        found: set[str] = set()
        cursor = ""
        while True:
            query = f"repo={self.did}&collection={COLLECTION}&limit=100{cursor}"
            page = self._send(f"com.atproto.repo.listRecords?{query}", None)
            uris = [record["uri"] for record in page["records"]]
            found.update(uri.removeprefix(f"at://{self.did}/") for uri in uris)
            if not page.get("cursor"):
                return found
            cursor = f"&cursor={page['cursor']}"

    def has_lost_nothing(self) -> bool:
        """Whether the server has all posts that it has acknowledged before it is asked."""
        posted = set(self.posted)
        return posted <= self.kept()

    def _send(self, method: str, body: Any) -> Any:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/xrpc/{method}", data, headers)
        with urllib.request.urlopen(request, timeout=20, context=self.trust) as reply:
            return json.load(reply)


@dataclass
class Relay:
    """Reads the firehose, checks each frame, and comes back where it stopped."""

    url: str
    trust: ssl.SSLContext
    consumer: Consumer
    problem: BaseException | None = None

    def read_until(self, is_over: threading.Event) -> None:
        while not is_over.is_set() and self.problem is None:
            try:
                self._read(is_over)
            except (OSError, WebSocketException):
                time.sleep(PAUSE_S)
            except BaseException as error:  # told where the test waits
                self.problem = error

    def _read(self, is_over: threading.Event) -> None:
        path = f"/xrpc/com.atproto.sync.subscribeRepos?cursor={self.consumer.last_seq}"
        address = self.url.replace("http", "ws", 1) + path
        host = self.url.removeprefix("https://")
        plain = socket.create_connection((host, 443), timeout=10)
        plain.settimeout(None)
        # Without this a refusal is read until its connection ends, which the front keeps open.
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 5, 0))
        how: dict[str, Any] = {"ssl": self.trust, "server_hostname": host, "compression": None}
        with plain, connect(address, sock=plain, **how) as stream:
            while not is_over.is_set():
                try:
                    frame = stream.recv(timeout=0.2)
                except TimeoutError:
                    continue
                assert isinstance(frame, bytes)
                self.consumer.accept(frame)

    def seen(self, did: str) -> set[str]:
        repo = self.consumer.repos.get(did)
        return set() if repo is None else set(repo.records.copy())


@contextmanager
def traffic(member: Member, relay: Relay) -> Iterator[None]:
    """The member posts and the relay reads during the block, and all is well after it."""
    stop_posting, stop_reading = threading.Event(), threading.Event()
    poster = threading.Thread(target=_post, args=(member, stop_posting))
    reader = threading.Thread(target=relay.read_until, args=(stop_reading,))
    poster.start()
    reader.start()
    try:
        yield
        stop_posting.set()
        poster.join()
        deadline = time.monotonic() + 60
        while not member.posted <= relay.seen(member.did):
            assert relay.problem is None, relay.problem
            assert time.monotonic() < deadline, "the relay does not see what was posted"
            time.sleep(0.1)
    finally:
        stop_posting.set()
        stop_reading.set()
        poster.join()
        reader.join()
    assert relay.problem is None, relay.problem
    assert member.has_lost_nothing()


def _post(member: Member, is_over: threading.Event) -> None:
    """Again and again, also where nobody answers: then what came of it is not known."""
    number = 0
    while not is_over.wait(PAUSE_S):
        number += 1
        try:
            member.post(f"number {number}")
        except (OSError, urllib.error.HTTPError, ValueError):
            time.sleep(PAUSE_S)


def longest_gap_s(member: Member) -> float:
    """The longest time in which no post was acknowledged."""
    times = member.answered_s
    return max(later - earlier for earlier, later in pairwise(times))
