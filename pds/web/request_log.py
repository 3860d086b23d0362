"""The outermost layer: every request gets an id, a caller's address, common headers, one log line.

The line is logfmt. It holds the path but never the query, a header or a body, so no token, password
or code can reach the log; every value is escaped, so a request cannot forge a line.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from pds.web import cors
from pds.web.client_ip import ClientIp
from pds.web.rate_headers import standing_headers
from pds.web.request_counts import RequestCounts, kind_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from pds.services.rate_limits import Standing

logger = logging.getLogger("pds.requests")

ENVIRON_KEY = "pds.request"
MAX_LOGGED_CHARS = 200

_PLAIN = re.compile(r"[A-Za-z0-9/._:%~@+-]+")


class RequestInfo:
    """What is known about a request besides what it says; the layers below fill in the rest."""

    __slots__ = (
        "client_id",
        "client_ip",
        "did",
        "error",
        "id",
        "is_ours",
        "method",
        "nsid",
        "path",
        "standing",
        "started",
        "upstream",
    )

    def __init__(self, environ: WSGIEnvironment, client_ip: str) -> None:
        self.id = secrets.token_hex(8)
        self.client_ip = client_ip
        self.method: str = environ["REQUEST_METHOD"]
        self.path: str = environ["PATH_INFO"]
        self.nsid: str | None = None
        self.did: str | None = None
        self.error: str | None = None  # the name of the failure, as the client is told
        self.is_ours = False  # whether the method is answered here
        self.client_id: str | None = None  # of the OAuth client that asks for the account
        self.standing: Standing | None = None  # of the tightest budget spent
        self.upstream: str | None = None  # the service it was passed on to
        self.started = time.perf_counter()

    def log(self, status: str, size: str, seconds: float) -> None:
        """Write the request's line.

        status: the three digits. size: bytes of the answer, or "-". seconds: until it began.
        """
        if not logger.isEnabledFor(logging.INFO):
            return
        line = (
            f"id={self.id} method={escape(self.method)} path={escape(self.path)}"
            f" status={status} ms={seconds * 1000:.1f} bytes={size} ip={escape(self.client_ip)}"
        )
        if self.nsid:
            line += f" nsid={self.nsid}"
        if self.did:
            line += f" did={escape(self.did)}"
        if self.client_id:
            line += f" client_id={escape(self.client_id)}"
        if self.error:
            line += f" error={escape(self.error)}"
        if self.upstream:
            line += f" upstream={escape(self.upstream)}"
        logger.info("%s", line)


def escape(value: str) -> str:
    """The value as one logfmt word: quoted, shortened and without control characters."""
    shown = value if len(value) <= MAX_LOGGED_CHARS else value[:MAX_LOGGED_CHARS] + "…"
    if _PLAIN.fullmatch(shown):
        return shown
    quoted = "".join(
        char if char.isprintable() and char not in '"\\' else _hex(char) for char in shown
    )
    return f'"{quoted}"'


def _hex(char: str) -> str:
    return f"\\u{ord(char):04x}"


class RequestLog:
    """WSGI layer around the application."""

    def __init__(
        self, application: WSGIApplication, client_ip: ClientIp, counts: RequestCounts
    ) -> None:
        self._application = application
        self._client_ip = client_ip
        self._counts = counts

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        info = RequestInfo(
            environ,
            self._client_ip.of(environ["REMOTE_ADDR"], environ.get("HTTP_X_FORWARDED_FOR", "")),
        )
        environ[ENVIRON_KEY] = info
        audience = cors.audience(info.path)

        def start(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None
        ) -> Callable[[bytes], object]:
            names = {name.lower(): value for name, value in headers}
            headers.append(("X-Request-Id", info.id))
            headers.append(("X-Content-Type-Options", "nosniff"))
            if info.standing is not None:
                headers += standing_headers(info.standing)
            if audience == "oauth":
                headers += cors.oauth_headers(info.method, status)
            elif audience == "api" and "access-control-allow-origin" not in names:
                headers.append(cors.ANY_ORIGIN)
                # Browsers always name their origin. OAuth clients are promised it in any case.
                if "HTTP_ORIGIN" in environ or "dpop-nonce" in names:
                    headers.append(cors.EXPOSE)
            if status.startswith("101"):
                return start_response(status, headers, exc_info)
            seconds = time.perf_counter() - info.started
            self._counts.add(
                kind_of(info.path, info.nsid, is_ours=info.is_ours), status[:3], seconds
            )
            info.log(status[:3], names.get("content-length", "-"), seconds)
            return start_response(status, headers, exc_info)

        if info.method == "OPTIONS" and audience == "api":
            start("204 No Content", cors.preflight_headers(environ))
            return []
        if info.method == "OPTIONS" and audience == "oauth":
            start("200 OK", [("Content-Length", "0")])
            return []
        return self._application(environ, start)
