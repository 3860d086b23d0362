"""Pump the frames of a subscription into a WebSocket.

Tricky bits
- Each subscriber has a thread of its own, so a slow one holds up nobody.
- Catching up slowly is allowed, falling behind is not: only a subscriber that has once reached the
  live edge can be too slow, and only when it stays too far behind for some seconds, because one
  burst of writes may put everybody behind for a moment.
Spec: https://atproto.com/specs/event-stream
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from flask import Response

from pds.atproto.firehose_frames import encode_error
from pds.errors import NotEnoughResourcesError, PdsError, RateLimitExceededError
from pds.web.errors import describe
from pds.web.request_log import ENVIRON_KEY, RequestInfo
from pds.web.websocket import (
    GOING_AWAY,
    INTERNAL_ERROR,
    POLICY_VIOLATION,
    Connection,
    StalledError,
)
from pds.xrpc.method import Method, StreamOpener

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from pds.services.sequencer import Subscription
    from pds.web.xrpc import Dispatcher

logger = logging.getLogger("pds.firehose")

PING_EVERY_S = 30.0
LOOK_UP_S = 5.0  # how soon a thread notices that its client has left
TOO_SLOW_AFTER_S = 5.0

MAX_SUBSCRIBERS = 1_000
MAX_SUBSCRIBERS_PER_ADDRESS = 50

_LOOPBACK = ("127.", "::1")


class Seats:
    """How many subscribers there may be: in all, and from one address (loopback is exempt)."""

    def __init__(
        self,
        in_all: int = MAX_SUBSCRIBERS,
        per_address: int = MAX_SUBSCRIBERS_PER_ADDRESS,
    ) -> None:
        self._in_all = in_all
        self._per_address = per_address
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()

    def count(self) -> int:
        """How many are taken."""
        with self._lock:
            return self._taken.total()

    @contextmanager
    def take(self, address: str) -> Iterator[None]:
        """Hold one seat.

        Raises:
            NotEnoughResourcesError: all are taken.
            RateLimitExceededError: this address has its share already.
        """
        with self._lock:
            if self._taken.total() >= self._in_all:
                message = "Too many subscribers"
                raise NotEnoughResourcesError(message)
            if self._taken[address] >= self._per_address and not address.startswith(_LOOPBACK):
                message = "Too many subscriptions from this address"
                raise RateLimitExceededError(message)
            self._taken[address] += 1
        try:
            yield
        finally:
            with self._lock:
                self._taken[address] -= 1
                if not self._taken[address]:
                    del self._taken[address]


class Firehose:
    """Serves subscriptions over WebSockets."""

    def __init__(self, dispatcher: Dispatcher, buffer_events: int, seats: Seats) -> None:
        """buffer_events: how far a live subscriber may lag behind."""
        self._dispatcher = dispatcher
        self._buffer_events = buffer_events
        self._seats = seats

    def count_subscribers(self) -> int:
        """How many read now."""
        return self._seats.count()

    def serve(self, environ: WSGIEnvironment, method: Method) -> Response:
        """Run one subscription to its end. Called in a thread of its own.

        Raises:
            NotEnoughResourcesError, RateLimitExceededError: before the handshake.
        """
        info: RequestInfo = environ[ENVIRON_KEY]
        info.nsid = method.nsid
        self._dispatcher.admit(environ, method)
        with self._seats.take(info.client_ip):
            # Before the handshake: to the client the stream begins when it is told that it is
            # connected, and whatever is written from then on belongs to it.
            opened = self._open(environ, info, method)
            try:
                outcome = self._run(Connection(environ), opened, info)
            finally:
                if not isinstance(opened, Exception):
                    opened.close()
        logger.info("subscriber left: id=%s ip=%s why=%s", info.id, info.client_ip, outcome)
        info.log("101", "-", time.perf_counter() - info.started)
        return Response(status=101)

    def _open(
        self, environ: WSGIEnvironment, info: RequestInfo, method: Method
    ) -> Subscription | Exception:
        """The subscription, or why there is none, which only an error frame can tell."""
        try:
            call = self._dispatcher.new_call(environ, info, method)
            return cast("StreamOpener", method.handler)(call)
        except Exception as error:  # noqa: BLE001 # the edge: told after the handshake
            return error

    def _run(
        self, connection: Connection, opened: Subscription | Exception, info: RequestInfo
    ) -> str:
        """Pump until one side ends; why it ended, for the log."""
        if isinstance(opened, Exception):
            return _tell_and_close(connection, opened, info)
        try:
            return _Pump(connection, opened, self._buffer_events).run()
        except Exception as error:  # noqa: BLE001 # the edge: told to the client as an error frame
            return _tell_and_close(connection, error, info)


def _tell_and_close(connection: Connection, error: Exception, info: RequestInfo) -> str:
    status, name, message = describe(error, info.id)
    code = POLICY_VIOLATION if status < 500 else INTERNAL_ERROR
    connection.close(code, name, last_frame=encode_error(name, message))
    return name


class ConsumerTooSlowError(PdsError):
    error = "ConsumerTooSlow"
    default_message = "Stream consumer too slow"


class _Pump:
    """Moves frames from one subscription into one connection until either ends."""

    def __init__(
        self, connection: Connection, subscription: Subscription, buffer_events: int
    ) -> None:
        self._connection = connection
        self._subscription = subscription
        self._buffer_events = buffer_events
        self._behind_since: float | None = None

    def run(self) -> str:
        """Pump. Returns why it ended, for the log.

        Raises:
            ConsumerTooSlowError
        """
        connection, subscription = self._connection, self._subscription
        try:
            self._send(subscription.opening_frames)
            next_ping = time.monotonic() + PING_EVERY_S
            while connection.connected and not subscription.stopped:
                frames = subscription.wait_frames(LOOK_UP_S)
                self._send(frames)
                now = time.monotonic()
                if now >= next_ping:
                    connection.ping()
                    next_ping = now + PING_EVERY_S
        except StalledError:
            if not subscription.stopped:
                raise ConsumerTooSlowError from None
        except OSError:
            connection.close(GOING_AWAY)
            return "disconnected"
        if subscription.stopped:
            connection.close(GOING_AWAY, "the server is stopping")
            return "stopping"
        connection.close(GOING_AWAY)
        return "disconnected"

    def _send(self, frames: list[bytes]) -> None:
        if frames:
            self._connection.send_frames(frames, self._is_hopeless)
        if self._is_too_slow():
            raise ConsumerTooSlowError

    def _is_hopeless(self) -> bool:
        """Whether to stop waiting for room in the socket."""
        return self._subscription.stopped or self._is_too_slow()

    def _is_too_slow(self) -> bool:
        subscription = self._subscription
        if not (subscription.is_live and subscription.behind > self._buffer_events):
            self._behind_since = None
            return False
        now = time.monotonic()
        if self._behind_since is None:
            self._behind_since = now
        return now - self._behind_since >= TOO_SLOW_AFTER_S
