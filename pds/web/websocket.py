"""One WebSocket connection on a socket that the HTTP server has let go of.

simple-websocket does the handshake and reads what the client says; frames are written here, because
it writes one frame per system call, ignores short writes and knows no time limit.

Tricky bits
- Its reading thread answers pings and closes on its own, so it writes too: one lock for both.
- When a write is given up in the middle of a frame, nothing may follow but the rest of that frame.
- A peer that is gone is noticed by TCP: pings keep data in flight, and the kernel gives up when
  they stay unacknowledged (``TCP_USER_TIMEOUT``). A slow peer still acknowledges, so it is not
  mistaken for a dead one while a ping waits behind megabytes of frames.
Spec: https://www.rfc-editor.org/rfc/rfc6455
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import select
import socket
import struct
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any

from simple_websocket import ConnectionError as HandshakeError
from simple_websocket import Server as HandshakeServer
from wsproto.utilities import ProtocolError

from pds.errors import InvalidRequestError

UNACKNOWLEDGED_MS = 60_000
STALLED_S = 30.0
POLL_S = 0.5
CLOSE_WAIT_S = 1.0

MAX_CLIENT_MESSAGE_BYTES = 65_536
MAX_CLIENT_MESSAGES = 10_000

GOING_AWAY = 1001
POLICY_VIOLATION = 1008
INTERNAL_ERROR = 1011

_BINARY, _CLOSE, _PING = 0x82, 0x88, 0x89


class StalledError(Exception):
    """The peer takes no more, or not fast enough; the connection can only be closed."""


def is_upgrade(headers: Mapping[str, str]) -> bool:
    """Whether a request asks for a WebSocket in a way that will work.

    headers: as waitress keeps them, upper case with underscores.
    """
    try:
        key = base64.b64decode(headers.get("SEC_WEBSOCKET_KEY", ""), validate=True)
    except (binascii.Error, ValueError):
        return False
    connection = headers.get("CONNECTION", "").lower().split(",")
    return (
        headers.get("UPGRADE", "").lower() == "websocket"
        and "upgrade" in (token.strip() for token in connection)
        and headers.get("SEC_WEBSOCKET_VERSION") == "13"
        and len(key) == 16
    )


def frame_header(opcode: int, size: int) -> bytes:
    """The head of an unmasked, unfragmented frame."""
    if size < 126:
        return bytes((opcode, size))
    if size < 65_536:
        return struct.pack("!BBH", opcode, 126, size)
    return struct.pack("!BBQ", opcode, 127, size)


class SocketWriter:
    """The socket as simple-websocket sees it: whole writes, one at a time, never for ever."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._lock = threading.Lock()
        self._given_up = False
        self._unfinished = b""
        self.used = False
        sock.setblocking(True)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)

    def fileno(self) -> int:
        return self._socket.fileno()

    def recv(self, size: int) -> bytes:
        return self._socket.recv(size)

    def send(self, data: bytes) -> int:
        """Send all of ``data``. For simple-websocket; OSError ends its reading thread."""
        self.used = True
        with self._lock:
            if self._given_up:
                message = "the connection is being closed"
                raise BrokenPipeError(message)
            self._write(data, (len(data),), lambda: False)
        return len(data)

    def send_frames(self, frames: Sequence[bytes], is_hopeless: Callable[[], bool]) -> None:
        """Send each of ``frames`` as one binary message.

        Raises:
            StalledError: nothing moved for 30 s, or ``is_hopeless`` said so while waiting.
            OSError: the connection is gone.
        """
        parts = [part for frame in frames for part in (frame_header(_BINARY, len(frame)), frame)]
        ends = tuple(accumulate(len(part) for part in parts))[1::2]
        with self._lock:
            self._write(b"".join(parts), ends, is_hopeless)

    def ping(self) -> None:
        self.send(frame_header(_PING, 0))

    def send_last(self, data: bytes) -> bool:
        """Finish the frame that was cut off and send ``data`` after it; whether that worked soon.

        Nothing can be sent after it.
        """
        deadline = time.monotonic() + CLOSE_WAIT_S
        with self._lock:
            data, self._unfinished, self._given_up = self._unfinished + data, b"", True
            try:
                self._write(data, (len(data),), lambda: time.monotonic() > deadline)
            except (StalledError, OSError):
                return False
        return True

    def close(self) -> None:
        """End the connection in both directions; whoever reads from it wakes.

        The socket stays open until ``release``: simple-websocket calls this from its own thread,
        and the number of a closed socket may belong to another connection a moment later.
        """
        with contextlib.suppress(OSError):  # it ended by itself
            self._socket.shutdown(socket.SHUT_RDWR)

    def release(self) -> None:
        """Give the socket back. Called once, when no thread uses it any more."""
        self._socket.close()

    def _write(self, data: bytes, ends: Sequence[int], is_hopeless: Callable[[], bool]) -> None:
        """Send ``data``; when given up on, remember the rest of the frame that was begun."""
        view = memoryview(data)
        sent = 0
        moved_at = time.monotonic()
        while sent < len(view):
            try:
                sent += self._socket.send(view[sent:], socket.MSG_DONTWAIT)
                moved_at = time.monotonic()
                continue
            except BlockingIOError:
                stalled = time.monotonic() - moved_at > STALLED_S
            if stalled or is_hopeless():
                end = ends[bisect_left(ends, sent)]
                self._unfinished, self._given_up = bytes(view[sent:end]), True
                raise StalledError
            self._wait_for_room()

    def _wait_for_room(self) -> None:
        poll = select.poll()
        poll.register(self._socket.fileno(), select.POLLOUT)
        poll.poll(POLL_S * 1000)


class _IgnoredMessages(list[Any]):
    """Where messages of the client go: nowhere. Too many of them end the connection."""

    def __init__(self) -> None:
        super().__init__()
        self._count = 0

    def append(self, _message: Any) -> None:
        self._count += 1
        if self._count > MAX_CLIENT_MESSAGES:
            message = "a client that keeps talking to an event stream"
            raise ConnectionAbortedError(message)


class _ReadingThread(threading.Thread):
    """simple-websocket's second thread; it must not keep the process alive."""

    def __init__(self, target: Callable[[], None]) -> None:
        super().__init__(target=target, name="websocket-reader", daemon=True)


class _Peer(HandshakeServer):  # type: ignore[misc] # simple-websocket is untyped
    """simple-websocket's side of a connection, with ears closed from the start."""

    def handshake(self) -> None:
        super().handshake()
        self.input_buffer = _IgnoredMessages()


class Connection:
    """A WebSocket after the handshake. Used by one thread."""

    def __init__(self, environ: dict[str, Any]) -> None:
        """Shake hands. ``environ["werkzeug.socket"]`` is the SocketWriter.

        Raises:
            InvalidRequestError: the client's part of it is wrong.
            OSError: the client is gone already.
        """
        environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)  # no compression: costs, gains little
        self._writer: SocketWriter = environ["werkzeug.socket"]
        try:
            self._peer = _Peer(
                environ, thread_class=_ReadingThread, max_message_size=MAX_CLIENT_MESSAGE_BYTES
            )
        except (ProtocolError, HandshakeError) as error:
            message = "The WebSocket handshake is not valid"
            raise InvalidRequestError(message) from error

    @property
    def connected(self) -> bool:
        """Whether the client is, as far as known, still there."""
        return bool(self._peer.connected and self._peer.thread.is_alive())

    def send_frames(
        self, frames: Sequence[bytes], is_hopeless: Callable[[], bool] = lambda: False
    ) -> None:
        """Send binary messages; see ``SocketWriter.send_frames``."""
        self._writer.send_frames(frames, is_hopeless)

    def ping(self) -> None:
        self._writer.ping()

    def close(self, code: int, reason: str = "", *, last_frame: bytes | None = None) -> None:
        """Send ``last_frame`` and the close, wait shortly for the client's, and hang up."""
        if self.connected:
            farewell = b""
            if last_frame is not None:
                farewell = frame_header(_BINARY, len(last_frame)) + last_frame
            payload = struct.pack("!H", code) + reason.encode()[:123]
            if self._writer.send_last(farewell + frame_header(_CLOSE, len(payload)) + payload):
                self._peer.thread.join(CLOSE_WAIT_S)
        self._writer.close()
        self._peer.thread.join(CLOSE_WAIT_S)
