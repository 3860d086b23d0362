"""A web server of one's own on 127.0.0.1: answers by path, over http or https."""

from __future__ import annotations

import datetime
import functools
import http.server
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pds.network.guarded_sockets import Address, guard_tls
from pds.network.http_client import HttpClient

Route = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class WebServer:
    """Set ``routes``, read ``asked``. A route is an answer, or writes to the socket by itself.

    ``otherwise`` answers what no route does.
    """

    port: int = 0
    routes: dict[str, Route | Callable[[Any], None]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    otherwise: Callable[[Asked], Route | Callable[[Any], None]] = lambda _asked: (
        404,
        {},
        b"not here",
    )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def text(self, path: str, content: str | bytes, status: int = 200, **headers: str) -> None:
        body = content.encode() if isinstance(content, str) else content
        self.routes[path] = (status, {k.replace("_", "-"): v for k, v in headers.items()}, body)

    def resolve(self, _host: str, _port: int) -> list[Address]:
        """A name service in which every name, at every port, is this server."""
        return [(socket.AF_INET, ("127.0.0.1", self.port))]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes: 40 ms otherwise

    def __init__(self, server_state: WebServer, *args: Any) -> None:
        self.state = server_state
        super().__init__(*args)

    def setup(self) -> None:
        self.state.connections += 1
        super().setup()

    def answer(self) -> None:
        length = int(self.headers.get("content-length", 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, self.path, headers, self.rfile.read(length))
        self.state.asked.append(asked)
        route = self.state.routes.get(self.path) or self.state.otherwise(asked)
        if callable(route):
            route(self)
            return
        status, more_headers, body = route
        self.send_response(status)
        for name, value in more_headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = answer  # noqa: N815
    do_HEAD = answer  # noqa: N815
    do_POST = answer  # noqa: N815

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *args: Any) -> None:
        """A client that breaks off is what some tests are about."""


def raw(*pieces: bytes, then: Callable[[], object] = lambda: None) -> Callable[[Any], None]:
    """A route that writes these bytes and hangs up."""

    def route(handler: Any) -> None:
        for piece in pieces:
            handler.wfile.write(piece)
        then()
        handler.close_connection = True

    return route


@contextmanager
def web_server(tls: ssl.SSLContext | None = None) -> Iterator[WebServer]:
    state = WebServer()
    server = _Server(("127.0.0.1", 0), functools.partial(_Handler, state))
    server.daemon_threads = True
    state.port = server.server_port
    if tls is not None:
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass(frozen=True)
class Authority:
    """Both ends of TLS: a certificate for some names, and a client that trusts it."""

    certificate: Path

    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        return context

    def client(self) -> ssl.SSLContext:
        return guard_tls(ssl.create_default_context(cafile=str(self.certificate)))


def make_authority(directory: Path, *names: str) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    path = directory / "certificate.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return Authority(path)


@contextmanager
def client(**settings: Any) -> Iterator[HttpClient]:
    """An HttpClient (private addresses allowed unless said otherwise), closed at the end."""
    trusts_nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # reading the system's takes a while
    made = HttpClient(**{"allow_private": True, "tls": trusts_nobody, **settings})
    try:
        yield made
    finally:
        made.close()
