"""Sockets that go only where they may, and urllib3 pools made of them.

Tricky bits
- The check happens where the connection is made, on the very address that is connected to: a name
  that resolves to something else the second time (DNS rebinding) gains nothing. TLS still
  verifies the name.
- urllib3's read timeout begins anew with every byte. A peer that drips could hold a thread for
  hours, so each receive is cut to what is left of the calling thread's deadline.
- A kept connection may be closed by the peer in the very moment in which it is used again. Those
  that have been idle for a while are not used again; which was a kept one is remembered, as a
  failure on it says nothing about the peer.
- ``getaddrinfo`` knows no timeout, so it runs in a thread that may be left behind.
"""

from __future__ import annotations

import functools
import math
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from pds.network.public_addresses import is_public

Address = tuple[socket.AddressFamily, tuple[Any, ...]]
"""Family and the address as sockets take it: (IP, port, …)."""

Resolve = Callable[[str, int], list[Address]]
"""Host and port → addresses, best first. Raises OSError."""

MAX_IDLE_S = 4.0  # of a kept connection; servers commonly close theirs after 5

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)
_target: ContextVar[str | None] = ContextVar("target", default=None)
_was_kept: ContextVar[bool] = ContextVar("was_kept", default=False)


class RefusedAddress(Exception):  # noqa: N818 # never leaves the package: FetchError wraps it
    """A name leads only to addresses that requests may not go to."""


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Cut everything that this thread's guarded sockets do in the block to ``seconds`` in all."""
    token = _deadline.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


def restart_deadline(seconds: float) -> None:
    """Begin the innermost ``deadline`` anew: ``seconds`` from now."""
    _deadline.set(time.monotonic() + seconds)


@contextmanager
def verbatim(target: str) -> Iterator[None]:
    """Send this path and query, character for character, in the requests of the block.

    urllib3 would rewrite them: dots in the path, capital letters in escapes, and more escapes.
    """
    token = _target.set(target)
    try:
        yield
    finally:
        _target.reset(token)


def used_kept_connection() -> bool:
    """Whether this thread's last request went over a connection that had been used before."""
    return _was_kept.get()


def remaining_s(default: float) -> float:
    """Seconds left of the deadline, at most ``default``. Raises TimeoutError when none are."""
    limit = _deadline.get()
    if limit is None:
        return default
    left = limit - time.monotonic()
    if left <= 0:
        message = "the deadline has passed"
        raise TimeoutError(message)
    return min(left, default)


class _Socket(socket.socket):
    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        _tighten(self)
        return super().recv_into(*args, **kwargs)


class _TlsSocket(ssl.SSLSocket):
    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        _tighten(self)
        return super().recv_into(*args, **kwargs)


def _tighten(sock: socket.socket) -> None:
    timeout = sock.gettimeout()
    if timeout and _deadline.get() is not None:  # 0: urllib3 asks whether a connection still lives
        sock.settimeout(remaining_s(math.inf))


@functools.cache
def tls_context() -> ssl.SSLContext:
    """The system's trusted authorities, names verified. Reading them takes 25 ms; made once."""
    return ssl.create_default_context()


def system_resolve(host: str, port: int) -> list[Address]:
    """What the system knows about a name. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(family, sockaddr) for family, _, _, _, sockaddr in found]


class Connector:
    """Opens connections: resolve, check, connect to the checked address."""

    def __init__(self, *, allow_private: bool, resolve: Resolve = system_resolve) -> None:
        self._allow_private = allow_private
        self._resolve = resolve

    def connect(self, host: str, port: int, timeout_s: float) -> socket.socket:
        """A connected socket.

        Raises:
            RefusedAddress: none of the addresses may be contacted.
            OSError: none of them answered (TimeoutError: not in time).
        """
        addresses = self._addresses(host.strip("[]"), port, remaining_s(timeout_s))
        for left, (family, address) in zip(range(len(addresses), 0, -1), addresses, strict=True):
            # An unreachable first address (IPv6, mostly) must leave time for the others.
            share_s = remaining_s(timeout_s) / left
            try:
                return _open(family, address, share_s)
            except OSError:
                if left == 1:
                    raise
        raise OSError(f"no address for {host}")

    def _addresses(self, host: str, port: int, timeout_s: float) -> list[Address]:
        found = _in_time(lambda: self._resolve(host, port), timeout_s)
        allowed = [item for item in found if self._allow_private or is_public(item[1][0])]
        if found and not allowed:
            raise RefusedAddress(host)
        return allowed


def _open(
    family: socket.AddressFamily, address: tuple[Any, ...], timeout_s: float
) -> socket.socket:
    sock = _Socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout_s)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock


def _in_time(resolve: Callable[[], list[Address]], timeout_s: float) -> list[Address]:
    answers: queue.SimpleQueue[list[Address] | OSError | UnicodeError] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put(resolve())
        except (OSError, UnicodeError) as error:  # UnicodeError: a label that is no IDNA
            answers.put(error)

    threading.Thread(target=run, name="getaddrinfo", daemon=True).start()
    try:
        answer = answers.get(timeout=timeout_s)
    except queue.Empty:
        message = "name resolution took too long"
        raise TimeoutError(message) from None
    if isinstance(answer, UnicodeError):
        message = "not a host name"
        raise socket.gaierror(message) from answer
    if isinstance(answer, OSError):
        raise answer
    return answer


class _Ageing(HTTPConnection):
    """A connection that is not used again when it has been idle for too long."""

    idle_since: float | None = None  # None: new

    @property
    def is_connected(self) -> bool:
        idle_s = 0.0 if self.idle_since is None else time.monotonic() - self.idle_since
        return idle_s < MAX_IDLE_S and super().is_connected

    def connect(self) -> None:
        self.idle_since = None
        super().connect()


class _Pool(HTTPConnectionPool):
    """Marks what it keeps, and sends the path that ``verbatim`` says."""

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.idle_since = time.monotonic()
        super()._put_conn(conn)

    def _make_request(self, conn: Any, method: str, url: str, *rest: Any, **named: Any) -> Any:
        _was_kept.set(conn.sock is not None and conn.idle_since is not None)
        return super()._make_request(conn, method, _target.get() or url, *rest, **named)


def pool_classes(connector: Connector) -> dict[str, type[HTTPConnectionPool]]:
    """urllib3 pool classes whose every connection is opened by ``connector``."""

    class Http(_Ageing, HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return _connect(connector, self)

    class Https(_Ageing, HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return _connect(connector, self)

    class HttpPool(_Pool, HTTPConnectionPool):
        ConnectionCls = Http

    class HttpsPool(_Pool, HTTPSConnectionPool):
        ConnectionCls = Https

    return {"http": HttpPool, "https": HttpsPool}


def guard_tls(context: ssl.SSLContext) -> ssl.SSLContext:
    """Make the sockets of ``context`` keep the deadline."""
    context.sslsocket_class = _TlsSocket
    return context


def _connect(connector: Connector, connection: HTTPConnection) -> socket.socket:
    """What urllib3's own ``_new_conn`` does, with its errors."""
    timeout_s = connection.timeout
    limit_s = timeout_s if isinstance(timeout_s, int | float) else 60.0
    try:
        return connector.connect(connection.host, connection.port, limit_s)
    except socket.gaierror as error:
        raise NameResolutionError(connection.host, connection, error) from error
    except TimeoutError as error:
        raise ConnectTimeoutError(connection, f"connecting to {connection.host}") from error
    except OSError as error:
        raise NewConnectionError(connection, f"cannot connect: {error}") from error
