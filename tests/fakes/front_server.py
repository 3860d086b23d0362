"""A front server: TLS outside, a server's plain port inside; and what can be wrong with one."""

from __future__ import annotations

import contextlib
import select
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

from pds.network.guarded_sockets import Address

Answer = tuple[int, bytes]
LIMIT_S = 10.0


@dataclass
class FrontServer:
    """``answers``: paths that it answers by itself. ``upgrade``: what becomes of WebSockets.

    ``says_for_whom``: whether it sends X-Forwarded-For. ``backend``: the port inside.
    """

    backend: int
    tls: ssl.SSLContext
    port: int = 0
    ipv6_port: int | None = None
    answers: dict[str, Answer] = field(default_factory=dict)
    otherwise: Answer | None = None
    upgrade: str = "pass"  # or "drop", or "mute"
    says_for_whom: bool = True
    elsewhere: dict[str, int] = field(default_factory=dict)

    def resolve(self, host: str, port: int) -> list[Address]:
        """A name service in which every name and address is this server.

        Those of loopback are what they are; ``elsewhere``: address → another port.
        """
        if host in self.elsewhere:
            return [(socket.AF_INET, ("127.0.0.1", self.elsewhere[host]))]
        if ":" in host:
            return [(socket.AF_INET, ("127.0.0.1", self.ipv6_port or self.port))]
        if host.startswith("127."):
            return [(socket.AF_INET, (host, port))]
        return [(socket.AF_INET, ("127.0.0.1", self.port))]

    def serve(self, plain: socket.socket) -> None:
        plain.settimeout(LIMIT_S)
        with contextlib.suppress(OSError), self.tls.wrap_socket(plain, server_side=True) as client:
            head = _read_head(client)
            if not head:
                return
            path = head.split(b" ", 2)[1].decode().partition("?")[0]
            answer = self.answers.get(path, self.otherwise)
            if answer is not None:
                client.sendall(_rendered(*answer))
            else:
                self._pass_on(client, head)

    def _pass_on(self, client: ssl.SSLSocket, head: bytes) -> None:
        wants_upgrade = b"\r\nupgrade: websocket" in head.lower()
        lines = [
            line
            for line in head.removesuffix(b"\r\n\r\n").split(b"\r\n")
            if wants_upgrade or not line.lower().startswith(b"connection:")
        ]
        if wants_upgrade and self.upgrade == "drop":
            lines = [line for line in lines if not line.lower().startswith((b"upgrade", b"conn"))]
        if not wants_upgrade or self.upgrade == "drop":
            lines.append(b"Connection: close")
        if self.says_for_whom:
            lines.append(b"X-Forwarded-For: 203.0.113.7")
        try:
            inside = socket.create_connection(("127.0.0.1", self.backend), LIMIT_S)
        except OSError:
            client.sendall(_rendered(502, b"Bad Gateway"))
            return
        with inside:
            inside.sendall(b"\r\n".join((*lines, b"", b"")))
            if wants_upgrade and self.upgrade == "mute":
                client.sendall(_read_head(inside))
                client.recv(1)  # nothing comes through until the client goes
                return
            _pipe(inside, client)


def _pipe(inside: socket.socket, client: ssl.SSLSocket) -> None:
    while True:
        ready, _, _ = select.select([inside, client], [], [], LIMIT_S)
        if inside not in ready:
            return  # the client has gone
        piece = inside.recv(65_536)
        if not piece:
            return
        client.sendall(piece)


def _read_head(sock: socket.socket) -> bytes:
    """Up to the empty line, byte by byte: what follows is not ours."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        piece = sock.recv(1)
        if not piece:
            return b""
        head += piece
    return head


def _rendered(status: int, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, state: FrontServer) -> None:
        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                state.serve(self.request)

        super().__init__(("127.0.0.1", 0), Handler)

    def shutdown_request(self, request: object) -> None:
        """The connection has been closed with its TLS."""

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that breaks off is what some tests are about."""


@contextmanager
def front_server(backend: int, tls: ssl.SSLContext) -> Iterator[FrontServer]:
    state = FrontServer(backend, tls)
    server = _Listener(state)
    state.port = int(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
