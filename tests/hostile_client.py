"""A client that sends anything, and looks whether the server changed anything because of it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import json
import socket
import sqlite3
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt

from tests.server_process import Account, ServerProcess

SECRET = "0123456789abcdef" * 4
ADMIN_PASSWORD = "the admin's password"
SETTINGS = {"PDS_JWT_SECRET": SECRET, "PDS_ADMIN_PASSWORD": ADMIN_PASSWORD}
SERVICE_DID = "did:web:localhost"
POST = "app.bsky.feed.post"
JSON = "application/json"
# Written by the server on its own: the health check, and documents it looked up.
_NOT_COMPARED = frozenset({"server_state", "did_cache"})


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def check_refused(self) -> None:
        """It is a refusal in the protocol's words, and no confession of a bug."""
        assert 400 <= self.status < 600, self
        assert self.status != 500, self
        said = self.json
        assert said.keys() == {"error", "message"}, self
        assert said["error"], self
        assert said["error"].isalnum(), self
        assert said["message"], self
        assert "Traceback" not in said["message"]
        assert "Error(" not in said["message"]


@dataclass
class Site:
    """A running server, two of its users, and what is on its disk."""

    server: ServerProcess
    alice: Account
    bob: Account
    rkey: str  # of a post that alice has
    cid: str  # of that post

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One request on a connection of its own; an iterable body goes out in chunks."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return Reply(response.status, response.headers, response.read())
        finally:
            connection.close()

    def get(self, path: str, token: str | None = None) -> Reply:
        return self.request("GET", f"/xrpc/{path}", headers=bearer(token))

    def post(self, nsid: str, body: Any, token: str | None = None, **headers: str) -> Reply:
        """``body``: bytes or an iterable as they are, anything else as JSON."""
        data = body if isinstance(body, bytes | Iterator) else json.dumps(body).encode()
        sent = {"Content-Type": JSON, **bearer(token)}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.request("POST", f"/xrpc/{nsid}", data, sent)

    def write(self, nsid: str, body: Any, **headers: str) -> Reply:
        """A call of ``com.atproto.repo.<nsid>`` by alice."""
        return self.post(f"com.atproto.repo.{nsid}", body, self.alice.token, **headers)

    def exchange(self, raw: bytes) -> bytes:
        """Send bytes as they are; all that comes back until the server hangs up."""
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=20) as sock:
            sock.sendall(raw)
            parts = []
            with contextlib.suppress(ConnectionResetError):
                sock.shutdown(socket.SHUT_WR)
                while part := sock.recv(65_536):
                    parts.append(part)
        return b"".join(parts)

    def state(self) -> dict[str, Any]:
        """A digest of every row of every table, and the names of all blob files."""
        file = sqlite3.connect(f"file:{self.server.data / 'pds.sqlite'}?mode=ro", uri=True)
        with contextlib.closing(file):
            names = [
                name
                for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
                if name not in _NOT_COMPARED
            ]
            found: dict[str, Any] = {name: _digest(file, name) for name in names}
        found["files"] = sorted(
            str(path) for path in (self.server.data / "blobs").rglob("*") if path.is_file()
        )
        return found

    def record(self, **changes: Any) -> dict[str, Any]:
        """The input of a createRecord that would be accepted."""
        value = {"$type": POST, "text": "hello", "createdAt": "2026-01-01T00:00:00.000Z"}
        return {"repo": self.alice.did, "collection": POST, "record": {**value, **changes}}

    def own(self, value: Any, **fields: Any) -> dict[str, Any]:
        """The same for a collection without a known schema."""
        given = {"repo": self.alice.did, "collection": "com.example.note", "record": value}
        return {**given, **fields}

    def token(self, **claims: Any) -> str:
        """Alice's access token with some claims, or its ``typ``, changed; None leaves one out."""
        now_s = int(time.time())
        kind = claims.pop("typ", "at+jwt")
        secret = claims.pop("secret", SECRET)
        given = {
            "scope": "com.atproto.access",
            "aud": SERVICE_DID,
            "sub": self.alice.did,
            "iat": now_s,
            "exp": now_s + 600,
            **claims,
        }
        payload = {name: value for name, value in given.items() if value is not None}
        return jwt.encode(payload, secret, "HS256", {"typ": kind})


def refused(reply: Reply, status: int = 400, error: str = "InvalidRequest", says: str = "") -> None:
    """Check that ``reply`` is that refusal, and that its message mentions what it is about."""
    reply.check_refused()
    assert (reply.status, reply.json["error"]) == (status, error), reply
    assert says.lower() in reply.json["message"].lower(), reply


def bearer(token: str | None) -> dict[str, str]:
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def basic(user: str, password: str) -> dict[str, str]:
    encoded = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {encoded}"}


def unsigned(payload: Mapping[str, Any]) -> str:
    """A JWT of the infamous algorithm "none"."""
    parts = ({"alg": "none", "typ": "at+jwt"}, payload)
    text = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts]
    return b".".join([*text, b""]).decode()


def unexpected_errors(log: Path, start: int) -> str:
    """What the log says of bugs, from byte ``start`` on."""
    text = log.read_bytes()[start:].decode(errors="replace")
    return text if "Traceback" in text or " ERROR " in text else ""


@contextlib.contextmanager
def open_site(data: Path) -> Iterator[Site]:
    """A server with two accounts, of which one has a post."""
    with ServerProcess(data, settings=SETTINGS) as server:
        alice, bob = server.create_account("alice"), server.create_account("bob")
        first = alice.post("the only post")
        yield Site(server, alice, bob, first["uri"].rpartition("/")[2], first["cid"])


def _digest(file: sqlite3.Connection, table: str) -> tuple[int, str]:
    rows = sorted(repr(row) for row in file.execute(f"SELECT * FROM {table}"))
    return len(rows), hashlib.sha256("\n".join(rows).encode()).hexdigest()
