"""What waitress does per connection, changed in four places.

- A WebSocket upgrade leaves waitress: its channel forgets the socket and a thread of its own runs
  the application on it.
- A body larger than its method takes is not stored but read and thrown away, so that the client
  gets to read the answer; one that is absurdly large is refused at once.
- What waitress itself refuses is told in XRPC's form.
- A reply that comes from another service goes to a temporary file as far as the client is slow to
  take it, so that the other's connection and the thread between them are soon free.

waitress offers no hooks for this, so its version is pinned and tests cover each of them.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from waitress.buffers import OverflowableBuffer, ReadOnlyFileBasedBuffer
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.task import ErrorTask, WSGITask
from waitress.utilities import RequestEntityTooLarge

from pds.errors import NAMES
from pds.web import cors, websocket
from pds.web.bodies import TOO_LARGE
from pds.web.errors import error_body, oauth_error_body
from pds.web.responses import JSON
from pds.web.websocket import SocketWriter

if TYPE_CHECKING:
    from pds.web.server import HttpServer

logger = logging.getLogger("pds.requests")

# How far beyond its limit a body is read on, so that its sender gets to the answer.
DRAINED_BYTES = 64 * 1024 * 1024
UNREAD_READS, UNREAD_READ_BYTES = 16, 65_536


class LimitedBuffer(OverflowableBuffer):  # type: ignore[misc] # waitress is untyped
    """A body that is dropped, and only counted on, once it is larger than ``limit_bytes``."""

    def __init__(self, overflow: int, limit_bytes: int) -> None:
        super().__init__(overflow)
        self._limit_bytes = limit_bytes
        self.too_large = False

    def append(self, data: bytes) -> None:
        if self.too_large:
            return
        if len(self) + len(data) > self._limit_bytes:
            self.too_large = True
            self.close()
            self.buf, self.strbuf = None, b""
            return
        super().append(data)


class RequestParser(HTTPRequestParser):  # type: ignore[misc] # waitress is untyped
    """Reads one request, with the body limit of its method."""

    # Named again because waitress has no types.
    adj: Any
    body_rcv: Any
    error: Any
    expect_continue: bool

    def parse_header(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except ValueError as error:  # more digits than Python converts
            message = "Content-Length is invalid"
            raise ParsingError(message) from error
        if self.body_rcv is None:
            return
        limit = self.adj.body_limit(self.path)
        self.body_rcv.buf = LimitedBuffer(self.adj.inbuf_overflow, limit)
        if self.content_length > limit and (
            self.expect_continue or self.content_length > limit + DRAINED_BYTES
        ):
            self.error = RequestEntityTooLarge(TOO_LARGE)
            self.completed = True

    def received(self, data: bytes) -> int:
        consumed: int = super().received(data)
        if self.error is None and self.body_rcv is not None and self.body_rcv.buf.too_large:
            dropped_bytes = self.body_bytes_received
            if self.completed or dropped_bytes > self.adj.body_limit(self.path) + DRAINED_BYTES:
                self.error = RequestEntityTooLarge(TOO_LARGE)
                self.completed = True
        if self.error is not None:
            self.expect_continue = False  # "100 Continue" would invite what is being refused
        return consumed


class RefusalTask(ErrorTask):  # type: ignore[misc] # waitress is untyped
    """Answers a request that waitress could not read or would not take."""

    def execute(self) -> None:
        error = self.request.error
        message = str(error.body) if error.code != 500 else "Internal Server Error"
        audience = cors.audience(getattr(self.request, "path", ""))
        body = (
            oauth_error_body(error.code, message)
            if audience == "oauth"
            else error_body(NAMES.get(error.code, "InvalidRequest"), message)
        )
        self.channel.refused = True
        logger.info("refused: ip=%s status=%d", self.channel.addr[0], error.code)
        self.status = f"{error.code} {error.reason}"
        self.response_headers.append(("Content-Type", JSON))
        if audience != "nobody":
            self.response_headers.append(cors.ANY_ORIGIN)
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(b"" if self.request_is_head() else body)

    def request_is_head(self) -> bool:
        return getattr(self.request, "command", "") == "HEAD"


class RequestTask(WSGITask):  # type: ignore[misc] # waitress is untyped
    """Runs the application for one request."""

    # Named again because waitress has no types.
    wrote_header: bool
    chunked_response: bool

    def write(self, data: bytes) -> None:
        """Hand the head to the channel together with what follows: one packet, not two."""
        if self.complete and not self.wrote_header:
            self.channel.pending_head = self.build_response_header()
            self.wrote_header = True
        super().write(data)

    def finish(self) -> None:
        super().finish()
        if self.channel.pending_head:  # nothing followed
            self.channel.write_soon(b"")

    def build_response_header(self) -> bytes:
        # WSGI forbids applications to name this header; a 426 must have it.
        if self.status.startswith("426"):
            self.response_headers.append(("Upgrade", "websocket"))
        header: bytes = super().build_response_header()
        if self.request.command == "HEAD":
            self.chunked_response = False  # the end mark of a body would be one
        return header


class Channel(HTTPChannel):  # type: ignore[misc] # waitress is untyped
    """One connection."""

    parser_class = RequestParser
    task_class = RequestTask
    error_task_class = RefusalTask
    server: HttpServer
    request: Any
    requests: list[Any]
    socket: Any
    adj: Any
    total_outbufs_len: int
    current_outbuf_count: int
    pending_head = b""  # the head of an answer whose body has not come yet
    refused = False  # whether the last request was not even given to the application
    spools = False  # whether the answer comes from another service
    spooled_bytes = 0  # in the last buffer since the client fell behind
    request_started = 0.0  # when the first byte of the request being received came

    def received(self, data: bytes) -> bool:
        if self.request is None:
            self.request_started = time.monotonic()
        taken: bool = super().received(data)
        return taken

    def write_soon(self, data: bytes | ReadOnlyFileBasedBuffer) -> int:
        head, self.pending_head = self.pending_head, b""
        if head and isinstance(data, bytes):
            data = head + data
        elif head:
            super().write_soon(head)
        if self.spools and data:
            self._choose_buffer(len(data))
        written: int = super().write_soon(data)
        return written

    def _choose_buffer(self, size_bytes: int) -> None:
        """While the client is behind, let the last buffer grow: a large one becomes a file.

        waitress would begin a new one in memory for each megabyte.
        """
        is_behind = self.total_outbufs_len > self.adj.outbuf_high_watermark
        if is_behind and self.spooled_bytes < self.server.spool_bytes:
            self.spooled_bytes += size_bytes
            self.current_outbuf_count = 0
        elif self.spooled_bytes:
            self.spooled_bytes = 0
            self.current_outbuf_count = self.adj.outbuf_high_watermark  # begin a new one

    def _flush_outbufs_below_high_watermark(self) -> None:
        """Wait for the client; not so soon when what it is to get is kept in a file."""
        if not self.spools or self.total_outbufs_len > self.server.spool_bytes:
            super()._flush_outbufs_below_high_watermark()

    def readable(self) -> bool:
        return not self.server.stopping and bool(super().readable())

    def service(self) -> None:
        request = self.requests[0]
        if (
            request.error is None
            and request.command == "GET"
            and request.version == "1.1"
            and websocket.is_upgrade(request.headers)
            and self.server.is_subscription(request.path)
            and self._nothing_follows()
        ):
            self._hand_over(request)
        else:
            self.spools = request.error is None and self.server.asks_others(request.path)
            super().service()

    def _nothing_follows(self) -> bool:
        """Whether this request is all that the client has sent.

        The loop thread gives a request away before it is done with what it has received; it holds
        the lock until then.
        """
        with self.requests_lock:
            return len(self.requests) == 1 and self.request is None

    def handle_close(self) -> None:
        if self.refused and self.socket is not None:
            # Closing over unread bytes resets the connection, and the refusal with it.
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)
                for _ in range(UNREAD_READS):
                    if not self.socket.recv(UNREAD_READ_BYTES):
                        break
        super().handle_close()
        with self.requests_lock:
            if self.request is not None:  # half a request: its body may be in a temporary file
                self.request.close()
                self.request = None

    def writable(self) -> bool:
        # A worker that is writing wakes the loop when it is done. Until then the socket is ready
        # but the buffer taken, and the loop would spin.
        if self.requests and self.total_outbufs_len and not self.will_close:
            if not self.outbuf_lock.acquire(blocking=False):
                return False
            self.outbuf_lock.release()
        return bool(super().writable())

    def cancel(self) -> None:
        for request in self.requests:
            request.close()
        super().cancel()

    def _hand_over(self, request: RequestParser) -> None:
        """Let waitress forget the socket, and run the application on it."""
        environ = self.task_class(self, request).get_environment()
        sock, self.socket = self.socket, None
        self.del_channel()
        self.connected = False
        self.requests = []
        if sock is None or sock.fileno() < 0:
            return  # the client left meanwhile
        self.server.adopt(environ, SocketWriter(sock))


def run_on_socket(
    application: Callable[..., Iterable[bytes]], environ: dict[str, Any], writer: SocketWriter
) -> None:
    """Call the application with a socket of its own; write its answer if it did not upgrade."""
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        started[:] = [(status, headers)]
        return writer_function

    def writer_function(data: bytes) -> None:
        writer.send(data)

    environ["werkzeug.socket"] = writer
    chunks = application(environ, start_response)
    if not writer.used and started:
        status, headers = started[0]
        body = b"".join(chunks)
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers)]
        head = "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1")
        writer.send(head + body)
    close = getattr(chunks, "close", None)
    if close is not None:
        close()
    writer.close()


class Adopted:
    """The threads that run on sockets taken from waitress."""

    def __init__(self) -> None:
        self._threads: set[threading.Thread] = set()
        self._lock = threading.Lock()

    def start(self, target: Callable[[], None]) -> None:
        def run() -> None:
            try:
                target()
            finally:
                with self._lock:
                    self._threads.discard(threading.current_thread())

        thread = threading.Thread(target=run, name="websocket", daemon=True)
        with self._lock:
            self._threads.add(thread)
        thread.start()

    def join(self, timeout_s: float) -> int:
        """Wait for all to end; return how many did not in time."""
        deadline = time.monotonic() + timeout_s
        with self._lock:
            waiting = list(self._threads)
        for thread in waiting:
            thread.join(max(0.0, deadline - time.monotonic()))
        with self._lock:
            return len(self._threads)
