"""Whether WebSockets get through to a server: asks for one, waits for its first bytes, hangs up.

Spec: RFC 6455 §4.1
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import ssl
from dataclasses import dataclass
from typing import Final

from pds.errors import PdsError
from pds.network.guarded_sockets import Connector, RefusedAddress, Resolve, deadline

_MAGIC: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_MAX_HEAD_BYTES: Final = 16_384


class WebSocketFailedError(PdsError):
    """There was no answer that could be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Opened:
    """status: of the answer; 101 is yes. is_genuine: the yes came from who had read the question.

    has_spoken: something came through it afterwards.
    """

    status: int
    is_genuine: bool
    has_spoken: bool


class WebSocketProbe:
    """Opens a WebSocket over TLS. tls: whom to believe."""

    def __init__(self, tls: ssl.SSLContext, resolve: Resolve) -> None:
        self._tls = tls
        self._connector = Connector(allow_private=True, resolve=resolve)

    def open(self, host: str, port: int, path: str, timeout_s: float) -> Opened:
        """Ask ``host`` for a WebSocket at ``path`` and wait for the first bytes of a message.

        Raises:
            WebSocketFailedError
        """
        key = base64.b64encode(secrets.token_bytes(16))
        try:
            with deadline(timeout_s):
                plain = self._connector.connect(host, port, timeout_s)
                with plain, self._tls.wrap_socket(plain, server_hostname=host) as secured:
                    secured.settimeout(timeout_s)
                    secured.sendall(_request(host, path, key))
                    return _answer(secured, key)
        except (OSError, RefusedAddress) as error:
            raise WebSocketFailedError(str(error) or type(error).__name__) from error


def _request(host: str, path: str, key: bytes) -> bytes:
    lines = (
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key.decode()}",
    )
    return "\r\n".join((*lines, "", "")).encode()


def _answer(secured: ssl.SSLSocket, key: bytes) -> Opened:
    head = b""
    while b"\r\n\r\n" not in head:
        piece = secured.recv(4_096)
        head += piece
        if not piece or len(head) > _MAX_HEAD_BYTES:
            message = "it broke off"
            raise WebSocketFailedError(message)
    head, _, rest = head.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    if not head.startswith(b"HTTP/1.") or len(words) < 2 or not words[1].isdigit():
        message = "it does not speak HTTP"
        raise WebSocketFailedError(message)
    status = int(words[1])
    if status != 101:
        return Opened(status, is_genuine=False, has_spoken=False)
    digest = hashlib.sha1(key + _MAGIC, usedforsecurity=False).digest()
    is_genuine = base64.b64encode(digest) in head
    try:
        has_spoken = bool(rest or secured.recv(1))
    except TimeoutError:
        has_spoken = False
    return Opened(status, is_genuine, has_spoken)
