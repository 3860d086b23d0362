"""What every front server has to do for Hearth, asked of the real one from outside.

Answers are compared with those that Hearth gives without it, so that whatever a front server takes
away, adds or answers by itself is seen.
"""

from __future__ import annotations

import http.client
import io
import json
import re
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import cbor2
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.install.boxes import HOSTNAME, Box

VIDEO_BYTES = 104_857_600  # as large as the installer lets uploads be
IDLE_S = 70  # longer than the 60 s of nginx and the 50 s of Debian's HAProxy
SLOW_PARTS = 30
GUEST = "127.0.0.2"  # an address of a client that a trusted proxy could have
FORGED = "203.0.113.9"
ORIGIN = "https://app.example.org"
RESTART_LIMIT_S = 15

# Headers that name the answer itself, and those that are of one connection or of the front server.
OF_ONE_ANSWER = re.compile(
    r"(date|server|via|alt-svc|connection|keep-alive|transfer-encoding|x-request-id|ratelimit-.*"
    r"|dpop-nonce|content-length)$"
)


@dataclass
class Front:
    """A front server on ports 80 and 443 here, a box with a Hearth behind it, with one account.

    inside: the address at which the front server finds Hearth. outside: another box that the front
    server is in, if it is. keeps_odd_paths: whether it passes dots and %2F in paths as they came;
    nothing of Hearth's has any.
    """

    box: Box
    trust: ssl.SSLContext
    handle: str
    did: str
    password: str
    port: int  # Hearth's
    inside: str = "127.0.0.1"
    outside: Box | None = None
    keeps_odd_paths: bool = True
    timings: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def connection(self, host: str = HOSTNAME) -> Iterator[http.client.HTTPSConnection]:
        opened = http.client.HTTPSConnection(
            host, context=self.trust, timeout=120, source_address=(GUEST, 0)
        )
        try:
            yield opened
        finally:
            opened.close()

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        *,
        host: str = HOSTNAME,
        straight: bool = False,
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """straight: of Hearth itself, as the front server would ask it."""
        headers = dict(headers or {})
        if straight:
            headers |= {"Host": host, "X-Forwarded-For": GUEST}
            with closing(http.client.HTTPConnection(self.inside, self.port, timeout=60)) as plain:
                return _exchange(plain, method, path, headers, body)
        with self.connection(host) as connection:
            return _exchange(connection, method, path, headers, body)

    def token(self) -> str:
        typed = json.dumps({"identifier": self.handle, "password": self.password})
        status, _, body = self.ask(
            "POST",
            "/xrpc/com.atproto.server.createSession",
            {"Content-Type": "application/json"},
            typed,
        )
        assert status == 200, body
        return str(json.loads(body)["accessJwt"])

    def log(self) -> str:
        return self.box.run("journalctl -u pds --output cat --no-pager")

    def firehose(self, cursor: int | None = None) -> ClientConnection:
        query = "" if cursor is None else f"?cursor={cursor}"
        return connect(
            f"wss://{HOSTNAME}/xrpc/com.atproto.sync.subscribeRepos{query}",
            ssl=self.trust,
            open_timeout=20,
            ping_interval=None,
            close_timeout=2,
        )

    def write(self, token: str, text: str) -> None:
        record = {"$type": "app.bsky.feed.post", "text": text, "createdAt": "2026-01-01T00:00:00Z"}
        status, _, body = self.ask(
            "POST",
            "/xrpc/com.atproto.repo.createRecord",
            {"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
            json.dumps({"repo": self.did, "collection": "app.bsky.feed.post", "record": record}),
        )
        assert status == 200, body


def _exchange(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: Any,
) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection.request(method, path, body, dict(headers))
    with connection.getresponse() as reply:
        return reply.status, reply.headers, reply.read()


def wait_for_port(port: int, limit_s: float = 20) -> None:
    limit = time.monotonic() + limit_s
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < limit, f"nobody listens on {port}"
        time.sleep(0.2)


def run_battery(front: Front) -> None:
    """All of it; a minute and a half, since something has to be silent for that long."""
    wait_for_port(443)
    _passes_what_hearth_says(front)
    _serves_the_names_of_members(front)
    _tells_who_asks(front)
    _moves_to_https(front)
    _answers_over_ipv6(front)
    token = front.token()
    with ThreadPoolExecutor(2) as threads:
        idle = threads.submit(_keeps_a_silent_firehose, front, token)
        slow = threads.submit(_waits_for_a_slow_upload, front, token)
        _takes_a_large_upload(front, token)
        _speaks_other_versions(front)
        _is_not_led_astray(front)
        slow.result()
        idle.result()
    _comes_back_when_hearth_does(front)
    print(", ".join(f"{what}: {seconds:.1f} s" for what, seconds in front.timings.items()))


def _passes_what_hearth_says(front: Front) -> None:
    """Also of headers that front servers know nothing of, and each of them once."""
    from_app = {"Origin": ORIGIN}
    asked: list[tuple[str, str, dict[str, str]]] = [
        ("GET", "/xrpc/_health", from_app),
        ("HEAD", "/xrpc/_health", from_app),
        ("GET", "/xrpc/com.atproto.server.describeServer", from_app),
        (
            "OPTIONS",
            "/xrpc/com.atproto.repo.createRecord",
            from_app
            | {
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization,dpop,atproto-proxy",
            },
        ),
        ("GET", "/.well-known/did.json", from_app),
        ("GET", "/.well-known/oauth-protected-resource", from_app),
        ("GET", "/.well-known/oauth-authorization-server", from_app),
        ("GET", "/oauth/jwks", from_app),
        ("GET", "/", {}),
        ("GET", "/account", {}),
        ("GET", "/robots.txt", {}),
        ("GET", "/nowhere", {}),
        (
            "GET",
            "/xrpc/com.atproto.server.getSession",
            from_app | {"Authorization": "DPoP none", "DPoP": "none"},
        ),
        ("GET", "/xrpc/com.atproto.server.getSession", from_app | {"Authorization": "DPoP none"}),
        (
            "GET",
            "/xrpc/app.bsky.actor.getProfile?actor=a.example",
            from_app | {"Atproto-Proxy": "no did", "Authorization": f"Bearer {front.token()}"},
        ),
        (
            "GET",
            "/xrpc/com.atproto.identity.resolveHandle?handle=a%2Fb%20c",
            from_app,
        ),
    ]
    if front.keeps_odd_paths:
        asked.append(("GET", "/xrpc/%2e%2e/a%2Fb", {}))
    for method, path, headers in asked:
        through = front.ask(method, path, headers)
        straight = front.ask(method, path, headers, straight=True)
        told = _comparable(through)
        assert told == _comparable(straight), (method, path, headers)
        names = [name for name, _ in told[1]]
        assert len(set(names)) == len(names), (method, path, names)


def _comparable(
    answer: tuple[int, http.client.HTTPMessage, bytes],
) -> tuple[int, list[tuple[str, str]], bytes]:
    status, headers, body = answer
    if "Vary" in headers:  # without the part of a front server that would compress
        varies = re.sub(r"(^|, ?)Accept-Encoding$", "", headers["Vary"])
        del headers["Vary"]
        if varies:
            headers["Vary"] = varies
    kept = sorted(
        (name.lower(), re.sub(r"nonce-[^']+", "nonce", value))
        for name, value in headers.items()
        if not OF_ONE_ANSWER.match(name.lower()) and name.lower() != "set-cookie"
    )
    if "html" in headers.get("Content-Type", ""):
        body = b"html" if body else b""
    return status, kept, body


def _serves_the_names_of_members(front: Front) -> None:
    status, _, body = front.ask("GET", "/.well-known/atproto-did", host=front.handle)
    assert (status, body.decode()) == (200, front.did)
    with suppress(ssl.SSLError):  # where each name has a certificate of its own
        status, _, _ = front.ask("GET", "/.well-known/atproto-did", host=f"nobody.{HOSTNAME}")
        assert status == 404


def _tells_who_asks(front: Front) -> None:
    """The client's address, whatever the client says of it."""
    for number, forged in enumerate(
        ({}, {"X-Forwarded-For": FORGED}, {"X-Forwarded-For": f"{FORGED}, {FORGED}, 127.0.0.1"})
    ):
        marker = f"/xrpc/org.example.asks{number}at{time.monotonic_ns()}"
        headers = forged | {"X-Real-IP": FORGED, "Forwarded": f"for={FORGED}"}
        _, told, _ = front.ask("GET", marker, headers)
        line = next(line for line in front.log().splitlines() if marker in line)
        assert line.partition(" ip=")[2].split()[0] == GUEST, (forged, line)
        assert told["X-Request-Id"] in line


def _moves_to_https(front: Front) -> None:
    with closing(http.client.HTTPConnection(HOSTNAME, 80, timeout=20)) as plain:
        status, headers, _ = _exchange(plain, "GET", "/xrpc/_health?a=b", {}, None)
    assert 301 <= status <= 308
    assert headers["Location"] == f"https://{HOSTNAME}/xrpc/_health?a=b"


def _answers_over_ipv6(front: Front) -> None:
    request = f"GET /xrpc/_health HTTP/1.1\r\nHost: {HOSTNAME}\r\nConnection: close\r\n\r\n"
    assert _statuses(front, request, "::1") == [200]


def _keeps_a_silent_firehose(front: Front, token: str) -> None:
    with front.firehose() as stream:
        time.sleep(IDLE_S)
        front.write(token, "after a silence")
        # What the command line has done before may come first.
        while cbor2.load(io.BytesIO(stream.recv(20, decode=False)))["t"] != "#commit":
            pass


def _takes_a_large_upload(front: Front, token: str) -> None:
    headers = {"Content-Type": "video/mp4", "Authorization": f"Bearer {token}"}
    path = "/xrpc/com.atproto.repo.uploadBlob"
    began = time.monotonic()
    status, _, body = front.ask("POST", path, headers, bytes(VIDEO_BYTES))
    front.timings["100 MiB"] = time.monotonic() - began
    assert status == 200, body
    assert json.loads(body)["blob"]["size"] == VIDEO_BYTES
    parts = (bytes(100_000) for _ in range(50))  # without a length before
    status, _, body = front.ask("POST", path, headers, parts)
    assert status == 200, body
    assert json.loads(body)["blob"]["size"] == 5_000_000


def _waits_for_a_slow_upload(front: Front, token: str) -> None:
    def parts() -> Iterator[bytes]:
        for number in range(SLOW_PARTS):
            time.sleep(1)
            yield bytes([number]) * 4_000

    headers = {
        "Content-Type": "video/mp4",
        "Authorization": f"Bearer {token}",
        "Content-Length": str(SLOW_PARTS * 4_000),
    }
    status, _, body = front.ask("POST", "/xrpc/com.atproto.repo.uploadBlob", headers, parts())
    assert status == 200, body
    assert json.loads(body)["blob"]["size"] == SLOW_PARTS * 4_000


def _speaks_other_versions(front: Front) -> None:
    curl_box = front.outside or front.box
    command = "curl -sk --max-time 20 --resolve {host}:443:127.0.0.1 {how} -o /dev/null"
    command += " -w '%{{http_code}}'"
    for how in ("--http2", "--http1.1", "--http1.0 --no-alpn"):
        asked = command.format(host=HOSTNAME, how=how)
        assert curl_box.run(f"{asked} https://{HOSTNAME}/xrpc/_health") == "200"
    handed_in = command.format(host=HOSTNAME, how="--http2 -X POST -H 'Content-Type: image/png'")
    answer = curl_box.run(
        f"head -c 8000000 /dev/zero | {handed_in} --data-binary @-"
        f" https://{HOSTNAME}/xrpc/com.atproto.repo.uploadBlob"
    )
    assert answer == "401"
    for first_line in (
        f"GET https://{HOSTNAME}/xrpc/_health HTTP/1.1",
        "GET //xrpc/_health HTTP/1.1",
        "GET /xrpc/_health?%00%ff HTTP/1.1",
        "BREW /xrpc/_health HTTP/1.1",
    ):
        status = _statuses(front, f"{first_line}\r\nHost: {HOSTNAME}\r\nConnection: close\r\n\r\n")
        assert status[0] < 502, first_line


def _statuses(front: Front, text: str, address: str = "127.0.0.1") -> list[int]:
    """Of all answers to what is sent as it is."""
    with (
        socket.create_connection((address, 443), 10) as plain,
        front.trust.wrap_socket(plain, server_hostname=HOSTNAME) as secured,
    ):
        secured.settimeout(4)
        got = b""
        try:
            secured.sendall(text.encode())
            while part := secured.recv(65_536):
                got += part
        except (TimeoutError, ConnectionError, ssl.SSLError):
            pass  # what has come until then counts
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", got)]


def _is_not_led_astray(front: Front) -> None:
    """No request may be hidden in the body of another: Hearth sees no more than are answered."""
    for number, heads in enumerate(
        (
            "Content-Length: {length}\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\nContent-Length: {length}",
            "Content-Length: {length}\r\nTransfer-Encoding: xchunked",
            "Content-Length: {length}\r\nTransfer-Encoding : chunked",
            "Content-Length: {length}\r\nTransfer-Encoding: identity, chunked",
            "Content-Length: {length}\r\nTransfer-Encoding: chunked, identity",
            "Content-Length: {length}\r\nX: y\r\n Transfer-Encoding: chunked",
            "Content-Length: {length}\r\nContent-Length: 5",
        )
    ):
        marker = f"/xrpc/org.example.hidden{number}at{time.monotonic_ns()}"
        body = f"0\r\n\r\nGET {marker} HTTP/1.1\r\nHost: {HOSTNAME}\r\n\r\n"
        answered = _statuses(
            front,
            f"POST /xrpc/com.atproto.server.createSession HTTP/1.1\r\nHost: {HOSTNAME}\r\n"
            f"Content-Type: application/json\r\n{heads.format(length=len(body))}\r\n\r\n{body}",
        )
        assert marker not in front.log() or len(answered) >= 2, heads


def _comes_back_when_hearth_does(front: Front) -> None:
    """Meanwhile the front server says so at once, and subscribers find their way back."""
    with front.firehose() as stream:
        began = time.monotonic()
        front.box.run("systemctl restart pds --no-block")
        try:
            while True:
                stream.recv(RESTART_LIMIT_S)
        except ConnectionClosed:
            front.timings["firehose ended after"] = time.monotonic() - began
    seen: set[int] = set()
    failed_at = came_back_at = time.monotonic()
    while time.monotonic() - failed_at < 3:  # for good, not by chance
        status, _, _ = front.ask("GET", "/xrpc/_health")
        now = time.monotonic()
        assert now - began < RESTART_LIMIT_S, seen
        if status != 200:
            seen.add(status)
            failed_at = came_back_at = now
        time.sleep(0.1)
    assert seen <= {502, 503, 504}
    front.timings["away for"] = came_back_at - began
    with front.firehose(cursor=0) as stream:
        assert stream.recv(20)
