"""The one way to ask another server something: bounded in time, in size, and in where it may go.

Two kinds of addresses are asked: those that strangers give us (a handle, a did:web, an OAuth
client) and those that the operator configured (PLC directory, app view, relay). The first need a
client that refuses private addresses and plain http; the second may live in the same house.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import urllib3
from urllib3.exceptions import (
    HTTPError,
    LocationParseError,
    NewConnectionError,
)
from urllib3.exceptions import (
    TimeoutError as Urllib3TimeoutError,
)
from urllib3.util import Timeout, parse_url

from pds import __version__
from pds.errors import UpstreamFailureError, UpstreamTimeoutError
from pds.network.guarded_sockets import (
    Connector,
    RefusedAddress,
    Resolve,
    deadline,
    guard_tls,
    pool_classes,
    remaining_s,
    system_resolve,
    tls_context,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

USER_AGENT = f"Hearth/{__version__}"
CONNECT_TIMEOUT_S = 5.0
TIMEOUT_S = 10.0
MAX_RESPONSE_BYTES = 524_288
READ_BYTES = 16_384
REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CREDENTIALS = frozenset({"authorization", "cookie", "dpop"})


class FetchError(UpstreamFailureError):
    """A request to another server failed. The message names the host, never what it said."""


class FetchTimeoutError(FetchError, UpstreamTimeoutError):
    """It did not answer, or not completely, in time."""


class AddressRefusedError(FetchError):
    """The URL leads somewhere that requests may not go: not https, or not a public address."""


class ResponseTooLargeError(FetchError):
    """The answer is larger than anything that would make sense."""


class TooManyRedirectsError(FetchError):
    """It sends us from one place to the next."""


class ResponseStatusError(FetchError):
    """It answered, but not with success. ``upstream_status`` is the HTTP status."""

    def __init__(self, host: str, upstream_status: int) -> None:
        super().__init__(f"{host} answered with status {upstream_status}")
        self.upstream_status = upstream_status


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask for, and how much of an answer to bear.

    timeout_s: for everything: name, connection, redirects, the last byte of the body.
    max_bytes: of the decoded body.
    max_redirects: how often to follow (GET only); 0 returns the redirect itself.
    """

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    timeout_s: float = TIMEOUT_S
    max_bytes: int = MAX_RESPONSE_BYTES
    max_redirects: int = 0


@dataclass(frozen=True, slots=True)
class Response:
    """A complete answer; header names are in lower case."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    def checked(self) -> Response:
        """Itself. Raises ResponseStatusError unless it is a success."""
        if not self.is_success:
            raise ResponseStatusError(host_of(self.url), self.status)
        return self


class HttpClient:
    """A pool of connections under one policy.

    allow_private: private addresses and plain http are fine.
    kept_per_host: how many connections to one host are kept for the next requests.
    tls, resolve: for tests: other authorities, other name service.
    """

    def __init__(
        self,
        *,
        allow_private: bool,
        kept_per_host: int = 8,
        tls: ssl.SSLContext | None = None,
        resolve: Resolve = system_resolve,
    ) -> None:
        self._allow_private = allow_private
        self._is_closed = False
        self._pools = urllib3.PoolManager(
            num_pools=32,
            maxsize=kept_per_host,
            ssl_context=guard_tls(tls or tls_context()),
            retries=False,
        )
        connector = Connector(allow_private=allow_private, resolve=resolve)
        self._pools.pool_classes_by_scheme = pool_classes(connector)

    def get(
        self,
        url: str,
        *,
        accept: str = "application/json",
        timeout_s: float = TIMEOUT_S,
        max_bytes: int = MAX_RESPONSE_BYTES,
        max_redirects: int = 0,
    ) -> Response:
        """Fetch ``url``. Raises FetchError."""
        return self.fetch(
            Request(
                url,
                headers={"accept": accept},
                timeout_s=timeout_s,
                max_bytes=max_bytes,
                max_redirects=max_redirects,
            )
        )

    def post_json(self, url: str, content: Any, *, timeout_s: float = TIMEOUT_S) -> Response:
        """Send ``content`` as JSON. Raises FetchError."""
        body = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
        headers = {"content-type": "application/json", "accept": "application/json"}
        return self.fetch(Request(url, "POST", headers, body, timeout_s))

    def fetch(self, request: Request) -> Response:
        """Send a request and read the whole answer, whatever its status.

        Raises:
            AddressRefusedError: this client may not go there.
            FetchTimeoutError, ResponseTooLargeError, TooManyRedirectsError
            FetchError: any other failure between here and there.
        """
        host = host_of(request.url)
        with as_fetch_errors(host), deadline(request.timeout_s):
            url, headers = request.url, {"user-agent": USER_AGENT, **request.headers}
            for _ in range(request.max_redirects + 1):
                response = self._exchange(request, url, headers)
                target = response.headers.get("location")
                if response.status not in REDIRECTS or not target or request.max_redirects == 0:
                    return response
                headers = _headers_for_hop(headers, url, target := urljoin(url, target))
                url = target
        raise TooManyRedirectsError(f"{host} redirects too often")

    def close(self) -> None:
        """Close the kept connections now; ``clear`` alone leaves them to the garbage collector.

        A request that is still under way in another thread ends first, and closes its own.
        """
        self._is_closed = True
        for key in self._pools.pools.keys():  # noqa: SIM118 # this container refuses to be iterated
            self._pools.pools[key].close()
        self._pools.clear()

    def _exchange(self, request: Request, url: str, headers: Mapping[str, str]) -> Response:
        self._check(url)
        answer = self._pools.urlopen(
            request.method,
            url,
            body=request.body,
            headers=headers,
            redirect=False,
            preload_content=False,
            timeout=Timeout(connect=remaining_s(CONNECT_TIMEOUT_S), read=request.timeout_s),
        )
        try:
            body = _read(answer, request.max_bytes)
        except BaseException:
            answer.close()  # an unread rest must not be taken for the next answer
            raise
        answer.release_conn()
        if self._is_closed:
            self.close()
        return Response(
            url, answer.status, {name.lower(): text for name, text in answer.headers.items()}, body
        )

    def _check(self, url: str) -> None:
        parts = parse_url(url)
        if not parts.host or parts.auth is not None:
            message = "The URL has no host, or a password in it"
            raise AddressRefusedError(message)
        if parts.scheme != "https" and not (parts.scheme == "http" and self._allow_private):
            message = f"{parts.host} can only be asked over https"
            raise AddressRefusedError(message)


def _read(answer: urllib3.BaseHTTPResponse, max_bytes: int) -> bytes:
    body = bytearray()
    for piece in answer.stream(READ_BYTES, decode_content=True):
        body += piece
        if len(body) > max_bytes:
            message = f"The answer is larger than {max_bytes} bytes"
            raise ResponseTooLargeError(message)
        remaining_s(TIMEOUT_S)
    return bytes(body)


def _headers_for_hop(headers: Mapping[str, str], url: str, target: str) -> dict[str, str]:
    """Credentials are for the origin they were meant for."""
    before, after = parse_url(url), parse_url(target)
    if (before.scheme, before.netloc) == (after.scheme, after.netloc):
        return dict(headers)
    return {name: text for name, text in headers.items() if name.lower() not in _CREDENTIALS}


def host_of(url: str) -> str:
    """The host of a URL as messages name it."""
    try:
        return parse_url(url).host or "the server"
    except LocationParseError:
        return "the server"


@contextmanager
def as_fetch_errors(host: str) -> Iterator[None]:
    """Make every failure in the block a FetchError that names ``host``."""
    try:
        yield
    except RefusedAddress as error:
        message = f"{error} has no public address"
        raise AddressRefusedError(message) from error
    except NewConnectionError as error:  # which urllib3 counts among the timeouts
        message = f"{host} could not be reached"
        raise FetchError(message) from error
    except (TimeoutError, Urllib3TimeoutError) as error:
        message = f"{host} did not answer in time"
        raise FetchTimeoutError(message) from error
    except LocationParseError as error:
        message = "Not a URL"
        raise AddressRefusedError(message) from error
    except (HTTPError, OSError, ValueError) as error:
        message = f"{host} could not be reached, or broke off"
        raise FetchError(message) from error
