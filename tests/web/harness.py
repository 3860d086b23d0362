"""A real server on a free port, with small fake services and methods of the test's own."""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import ipaddress
import json
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, ClassVar

from flask import Blueprint, Flask

from pds.atproto.lexicon.catalog import Catalog
from pds.atproto.lexicon.validate import Validator
from pds.atproto.oauth.scopes.granted import ScopeSet
from pds.errors import ExpiredTokenError, InvalidTokenError, ServiceTokenError
from pds.oauth_errors import InvalidAccessTokenError, InvalidDpopProofError, UseDpopNonceError
from pds.services.oauth.model import OAuthAccess
from pds.services.rate_limits import RateLimits
from pds.services.session_scopes import Scope
from pds.services.session_tokens import Claims
from pds.services.sessions import Access
from pds.web.app import create_app
from pds.web.server import Server, ServerOptions
from pds.xrpc.method import Method
from tests.factories import StillClock

ALICE = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"


class FakeSessions:
    """Tokens are the words of a table."""

    tokens: ClassVar = {
        "access": Scope.ACCESS,
        "app": Scope.APP_PASS,
        "taken": Scope.TAKENDOWN,
    }

    def __init__(self) -> None:
        self.taken_down: set[str] = set()
        self.away: set[str] = set()

    def verify_access(self, token: str) -> Access:
        if token == "expired":
            raise ExpiredTokenError
        if token not in self.tokens:
            raise InvalidTokenError
        name = "phone" if token == "app" else None
        return Access(
            ALICE,
            self.tokens[token],
            "session-1",
            name,
            ALICE in self.taken_down,
            ALICE in self.away,
        )

    def verify_refresh(self, token: str, *, allow_expired: bool) -> Claims:
        if token == "old-refresh" and not allow_expired:
            raise ExpiredTokenError
        if token not in ("refresh", "old-refresh"):
            raise InvalidTokenError
        return Claims(ALICE, Scope.REFRESH, "jti-1", 0, "session-1")

    def check_admin(self, user: str, password: str) -> bool:
        return (user, password) == ("admin", "pass:with:colons")


class FakeServiceTokens:
    """Service tokens are ``service.<payload>.c``, the moderation service's ``moderator.b.c``."""

    def verify_user(self, token: str, lxm: str) -> str:
        if not token.startswith("service."):
            raise ServiceTokenError("BadJwt", "poorly formatted jwt")
        return f"did:web:{lxm}"

    def verify_moderator(self, token: str, lxm: str, *, once: bool) -> str:
        if not token.startswith("moderator."):
            raise ServiceTokenError("UntrustedIss", "Untrusted issuer")
        return f"did:web:mod.{lxm}" if once else f"did:web:mod.reads.{lxm}"


OAUTH_ACCESS = OAuthAccess(
    ALICE,
    1,
    "grant-1",
    "https://app.example.org/client.json",
    ScopeSet.parse("atproto"),
    is_taken_down=False,
    is_deactivated=False,
)


class FakeOAuth:
    """One proof, ``proof``, which is about whatever comes with it, and tokens of a table."""

    tokens: ClassVar = {
        "app": OAUTH_ACCESS,
        "app.taken": dataclasses.replace(OAUTH_ACCESS, is_taken_down=True),
        "app.away": dataclasses.replace(OAUTH_ACCESS, is_deactivated=True),
        "app.bare": dataclasses.replace(OAUTH_ACCESS, scopes=ScopeSet.parse("repo:*")),
    }

    def __init__(self) -> None:
        self.proofs = self.grants = self
        self.checked: list[tuple[str, str, str | None]] = []

    def next_nonce(self) -> str:
        return "nonce-2"

    def check(
        self, headers: Sequence[str], *, method: str, path: str, access_token: str | None = None
    ) -> str:
        self.checked.append((method, path, access_token))
        if headers == ("old proof",):
            raise UseDpopNonceError
        if headers != ("proof",):
            raise InvalidDpopProofError('a "bad" \\ proof')
        return "jkt-1"

    def check_issued(self, token: str) -> None:
        if token not in self.tokens:
            raise InvalidAccessTokenError

    def verify_access(self, token: str, jkt: str) -> OAuthAccess:
        if token not in self.tokens or jkt != "jkt-1":
            raise InvalidAccessTokenError
        found: OAuthAccess = self.tokens[token]
        return found


@dataclass
class FakeServices:
    """Only what the web layer itself asks for."""

    validator: Validator
    config: Any
    sessions: Any = field(default_factory=FakeSessions)
    service_tokens: Any = field(default_factory=FakeServiceTokens)
    oauth: Any = field(default_factory=FakeOAuth)
    accounts: Any = None
    identity: Any = None
    sequencer: Any = None
    health: Any = None
    disk_guard: Any = field(default_factory=lambda: SimpleNamespace(check_writable=lambda: None))
    local_plc: Any = None
    flood_breaker: Any = None
    rate_limits: RateLimits = field(default_factory=lambda: RateLimits(StillClock(), enabled=False))


def make_config(**changed: Any) -> SimpleNamespace:
    values = {
        "hostname": "pds.example.com",
        "public_url": "https://pds.example.com",
        "service_name": "A <b>PDS</b>",
        "service_handle_domains": (".example.com",),
        "version": "1.2.3",
        "invite_required": True,
        "logo_url": None,
        "home_url": None,
        "support_url": None,
        "primary_color": "#b4481e",
        "error_color": "#b3261e",
        "warning_color": "#a86400",
        "info_color": "#2b6cb0",
        "success_color": "#2e7d32",
        "background_light_url": None,
        "background_dark_url": None,
        "contact_email_address": None,
        "privacy_policy_url": "https://example.com/privacy",
        "terms_of_service_url": None,
        "max_subscription_buffer": 10,
        "rate_limit_bypass_ips": (),
        "blob_upload_limit": 5_242_880,
        "trusted_proxies": (ipaddress.ip_network("127.0.0.0/8"),),
    }
    return SimpleNamespace(**{**values, **changed})


def make_services(lexicons: Mapping[str, Any] | None = None, **parts: Any) -> Any:
    config = parts.pop("config", None) or make_config()
    return FakeServices(Validator(Catalog(dict(lexicons or LEXICONS))), config, **parts)


def lexicon(nsid: str, kind: str, **main: Any) -> dict[str, Any]:
    return {"lexicon": 1, "id": nsid, "defs": {"main": {"type": kind, **main}}}


def _object(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties}


_PARAMS = {
    "type": "params",
    "required": ["name"],
    "properties": {
        "name": {"type": "string"},
        "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 50},
        "reverse": {"type": "boolean"},
        "ids": {"type": "array", "items": {"type": "string"}},
    },
}
_NOTE = _object(
    {"text": {"type": "string"}, "value": {"type": "unknown"}, "link": {"type": "cid-link"}},
    ["text"],
)

LEXICONS = {
    document["id"]: document
    for document in (
        lexicon("test.web.getEcho", "query", parameters=_PARAMS),
        lexicon("test.web.getPlain", "query"),
        lexicon(
            "test.web.putNote",
            "procedure",
            input={"encoding": "application/json", "schema": _NOTE},
        ),
        lexicon(
            "test.web.optional",
            "procedure",
            input={"encoding": "application/json", "schema": _object({}, [])},
        ),
        lexicon("test.web.ring", "procedure"),
        lexicon("test.web.uploadFile", "procedure", input={"encoding": "*/*"}),
        lexicon("test.web.uploadCar", "procedure", input={"encoding": "application/vnd.ipld.car"}),
        lexicon(
            "test.web.subscribe",
            "subscription",
            parameters={"type": "params", "properties": {"cursor": {"type": "integer"}}},
        ),
    )
}


@dataclass
class Running:
    """A server in a thread of this process."""

    server: Server
    app: Flask
    thread: threading.Thread

    @property
    def port(self) -> int:
        return self.server.port

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.request("GET", path, headers=_dashed(headers))

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.request("POST", path, body, _dashed(headers))

    def post_json(self, path: str, value: Any, **headers: str) -> Answer:
        headers.setdefault("Content_Type", "application/json")
        return self.post(path, json.dumps(value), **headers)

    def connect(self) -> socket.socket:
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def exchange(self, raw: bytes) -> bytes:
        """Send bytes as they are; return all that comes back until the server hangs up."""
        with self.connect() as sock:
            with contextlib.suppress(OSError):  # the server may hang up before it has read all
                sock.sendall(raw)
                sock.shutdown(socket.SHUT_WR)
            return read_all(sock)

    def stop(self) -> None:
        self.server.stop()
        self.thread.join(15)


@dataclass
class Answer:
    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str, str]:
        return self.status, self.json["error"], self.json["message"]


def read_all(sock: socket.socket) -> bytes:
    parts: list[bytes] = []
    while True:
        try:
            part = sock.recv(65_536)
        except ConnectionResetError:
            part = b""
        if not part:
            return b"".join(parts)
        parts.append(part)


def _dashed(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


@contextmanager
def running(
    services: Any,
    methods: Mapping[str, Method],
    *,
    threads: int = 4,
    port: int = 0,
    page: Blueprint | None = None,
    **options: Any,
) -> Iterator[Running]:
    """port: 0 is any. page: one more, of the test's own."""
    app = create_app(services, methods)
    if page is not None:
        app.register_blueprint(page)
    server = Server(
        app,
        ServerOptions("127.0.0.1", port, threads, **options),
        app.extensions["dispatcher"],
        on_stop=getattr(services.sequencer, "stop", lambda: None),
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield Running(server, app, thread)
    finally:
        server.stop()
        thread.join(15)
        assert not thread.is_alive()
