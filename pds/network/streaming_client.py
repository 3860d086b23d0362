"""Requests whose bodies are passed on as they come, in both directions and untouched.

Times are counted differently than for whole answers: an answer may take long in all, but its head
has to come soon after the request is out, and each further piece soon after the one before. What
neither stalls nor gets on is ended by a least speed.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final
from urllib.parse import quote

import urllib3
from urllib3.exceptions import HTTPError, NewConnectionError, ProtocolError
from urllib3.exceptions import TimeoutError as Urllib3TimeoutError
from urllib3.util import Timeout

from pds.network.guarded_sockets import (
    deadline,
    remaining_s,
    restart_deadline,
    used_kept_connection,
    verbatim,
)
from pds.network.http_client import (
    CONNECT_TIMEOUT_S,
    USER_AGENT,
    FetchError,
    HttpClient,
    as_fetch_errors,
    host_of,
)

CHUNK_BYTES: Final = 65_536
GRACE_S: Final = 60.0
MIN_BYTES_PER_S: Final = 1_000
_REPEATABLE: Final = frozenset({"GET", "HEAD"})
_PRINTABLE: Final = "".join(map(chr, range(0x21, 0x7F)))
_DIGITS: Final = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """What to send.

    origin: scheme, host and port.
    target: path and query; sent as they are, but for what must not be in a request line.
    body: read from where it stands, up to ``body_bytes``; None for no body.
    headers_timeout_s: for name, connection and the head of the answer; anew with each piece of the
        body that is sent.
    tries: how often a request without body may be sent when connections break before an answer.
    """

    origin: str
    target: str
    method: str
    headers: Mapping[str, str]
    body: BinaryIO | None = None
    body_bytes: int = 0
    headers_timeout_s: float = 10.0
    tries: int = 1


class Stream:
    """An answer whose head is there. ``headers``: names in lower case; close it in any case."""

    def __init__(
        self,
        host: str,
        answer: urllib3.BaseHTTPResponse,
        on_end: Callable[[], None],
        *,
        has_body: bool,
    ) -> None:
        """on_end: called when its connection has been given back."""
        self.host = host
        self.status: int = answer.status
        self.headers: Mapping[str, str] = _headers(answer)
        self._answer = answer
        self._on_end = on_end
        self._has_body = has_body
        self._started = time.monotonic()
        self._bytes = 0
        self._is_done = False

    def read(self, timeout_s: float) -> bytes:
        """The next piece of the body as it was sent, of up to 64 KiB; ``b""`` at its end.

        Raises:
            FetchTimeoutError: nothing came in time, or too little over a long time.
            FetchError: it broke off.
        """
        if self._is_done or not self._has_body:
            self._finish()
            return b""
        with as_fetch_errors(self.host), deadline(timeout_s):
            self._check_speed()
            piece = self._answer.read1(CHUNK_BYTES, decode_content=False)
        self._bytes += len(piece)
        if not piece:
            self._finish()
        return piece

    def close(self) -> None:
        """Hang up, unless nothing of the answer is left to read: then its connection is kept."""
        if not self._has_body:
            self._finish()
        elif not self._is_done:
            self._is_done = True
            self._answer.close()

    def _finish(self) -> None:
        if not self._is_done:
            self._is_done = True
            if not self._has_body:
                self._answer.drain_conn()  # there is nothing; it only has to be noticed
            self._answer.release_conn()
            self._on_end()

    def _check_speed(self) -> None:
        allowed_s = GRACE_S + self._bytes / MIN_BYTES_PER_S
        if time.monotonic() - self._started > allowed_s:
            raise TimeoutError


class StreamingClient(HttpClient):
    """An HttpClient that can also pass on bodies."""

    def stream(self, request: StreamRequest) -> Stream:
        """Send a request; return its answer, whatever its status, as soon as the head is there.

        Redirects are not followed: a token is for the server it was made for.

        Raises:
            AddressRefusedError: this client may not go there.
            FetchTimeoutError, FetchError
        """
        host = host_of(request.origin)
        target = quote(request.target, safe=_PRINTABLE, encoding="latin-1")
        with as_fetch_errors(host), deadline(request.headers_timeout_s), verbatim(target):
            self._check(request.origin)
            answer = self._send(request)
        if answer.status < 200:  # an interim answer: the real one is still on its way
            answer.close()
            message = f"{host} answered with status {answer.status}"
            raise FetchError(message)
        has_body = request.method != "HEAD" and answer.status not in (204, 304)
        return Stream(host, answer, self._end, has_body=has_body)

    def _end(self) -> None:
        if self._is_closed:
            self.close()

    def _send(self, request: StreamRequest) -> urllib3.BaseHTTPResponse:
        """Try again what may be tried again; a kept connection that is dead costs no try."""
        tries = request.tries if request.method in _REPEATABLE else 1
        while True:
            try:
                return self._send_once(request)
            except FetchError:
                raise
            except (HTTPError, OSError) as error:
                remaining_s(1.0)
                if not _broke_before_answer(error) or request.method not in _REPEATABLE:
                    raise
                tries -= 0 if used_kept_connection() else 1
                if tries < 1:
                    raise

    def _send_once(self, request: StreamRequest) -> urllib3.BaseHTTPResponse:
        body = None
        headers = {"accept-encoding": "identity", "user-agent": USER_AGENT, **request.headers}
        if request.body is not None:
            body = _Body(request.body, request.body_bytes, request.headers_timeout_s)
            headers["content-length"] = str(request.body_bytes)
        return self._pools.urlopen(
            request.method,
            request.origin + "/",
            body=body,
            headers=headers,
            redirect=False,
            preload_content=False,
            decode_content=False,
            timeout=Timeout(connect=remaining_s(CONNECT_TIMEOUT_S), read=request.headers_timeout_s),
        )


class _Body:
    """The body of a request, read once; time for the answer begins when it is out."""

    def __init__(self, file: BinaryIO, size_bytes: int, timeout_s: float) -> None:
        self._file = file
        self._left = size_bytes
        self._timeout_s = timeout_s
        self._started = time.monotonic()
        self._sent = 0

    def read(self, size: int = -1) -> bytes:
        allowed_s = GRACE_S + self._sent / MIN_BYTES_PER_S
        if time.monotonic() - self._started > allowed_s:
            raise TimeoutError
        restart_deadline(self._timeout_s)
        piece = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(piece)
        self._sent += len(piece)
        return piece


def _broke_before_answer(error: HTTPError | OSError) -> bool:
    """Whether a connection could not be made, or ended without a word."""
    if isinstance(error, NewConnectionError):  # to urllib3 a kind of timeout
        return True
    if isinstance(error, TimeoutError | Urllib3TimeoutError):
        return False
    return isinstance(error, OSError | ProtocolError)


def _headers(answer: urllib3.BaseHTTPResponse) -> dict[str, str]:
    """By lower-case name, without what cannot be passed on; the length only if it can be true."""
    found = {name.lower(): text for name, text in answer.headers.items() if text.isprintable()}
    if "transfer-encoding" in found or not _DIGITS.fullmatch(found.get("content-length", "")):
        found.pop("content-length", None)
    return found
