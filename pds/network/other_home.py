"""Another PDS, asked by somebody who has an account there: log in, read, download, act.

Only the public methods of the protocol are used, so any server will do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, TypeVar
from urllib.parse import urlencode

from pds.errors import PdsError
from pds.network.http_client import (
    FetchError,
    Request,
    Response,
    ResponseTooLargeError,
    host_of,
)
from pds.network.streaming_client import Stream, StreamingClient, StreamRequest

MAX_JSON_BYTES: Final = 8_388_608
ANSWER_S: Final = 60.0  # an export of a large repo takes a while to begin
PIECE_S: Final = 60.0
WAIT_S: Final = 100.0  # three of these are the window of the usual limits
LONGEST_WAIT_S: Final = 330.0
TRIES: Final = 4
_LOG_IN: Final = "com.atproto.server.createSession"
_EXPIRED: Final = "ExpiredToken"

Answer = TypeVar("Answer")
_Asked = TypeVar("_Asked", Response, Stream)


class RefusedError(PdsError):
    """The other server says no. ``name``: its own word for why."""

    def __init__(self, host: str, name: str, reason: str) -> None:
        super().__init__(f"{host} says: {reason or name}")
        self.name = name


@dataclass(slots=True)
class _Session:
    access: str
    refresh: str


class OtherHome:
    """A session at another server."""

    def __init__(
        self,
        client: StreamingClient,
        origin: str,
        wait: Callable[[float], None],
    ) -> None:
        """origin: its address without a path.

        wait: waits so many seconds, when the server was asked too often.
        """
        self.origin = origin
        self._client = client
        self._wait = wait
        self._session: _Session | None = None

    def log_in(self, did: str, password: str, code: str | None = None) -> dict[str, Any]:
        """Begin a session; its description. ``code``: the second factor, where one is wanted.

        Raises:
            RefusedError: ``AuthFactorTokenRequired`` wants the code; anything else is a no.
            FetchError
        """
        body: dict[str, Any] = {"identifier": did, "password": password}
        if code:
            body["authFactorToken"] = code
        try:
            reply = self._json("POST", _LOG_IN, body)
        except RefusedError as error:
            if error.name != "AccountTakedown":
                raise
            # What is left to those who were taken down: to move away.
            reply = self._json("POST", _LOG_IN, {**body, "allowTakendown": True})
        self._session = _session(self.origin, reply)
        return reply

    def query(self, nsid: str, **params: Any) -> dict[str, Any]:
        """The answer of a query. Raises RefusedError, FetchError."""
        target = f"{nsid}?{urlencode(params)}" if params else nsid
        return self._in_session(lambda: self._json("GET", target, None))

    def query_list(self, nsid: str, name: str) -> list[Any]:
        """What the answer of a query has under ``name``.

        Raises:
            RefusedError
            FetchError: it is no list, or not there.
        """
        found = self.query(nsid).get(name)
        if not isinstance(found, list):
            message = f"{host_of(self.origin)} answered {nsid} without a list of {name}"
            raise FetchError(message)
        return found

    def call(self, nsid: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The answer of a procedure, ``{}`` for none. Raises RefusedError, FetchError."""
        return self._in_session(lambda: self._json("POST", nsid, body))

    def download(self, file: BinaryIO, limit_bytes: int, nsid: str, **params: Any) -> str:
        """Write what a query answers to ``file``; the content type.

        Raises:
            ResponseTooLargeError: more than ``limit_bytes``.
            RefusedError, FetchError
        """
        target = f"/xrpc/{nsid}?{urlencode(params)}"
        return self._in_session(lambda: self._download(file, limit_bytes, target))

    # --- one request ---------------------------------------------------------------------------

    def _in_session(self, ask: Callable[[], Answer]) -> Answer:
        """``ask``, once more with new tokens when they have lapsed meanwhile."""
        try:
            return ask()
        except RefusedError as error:
            if error.name != _EXPIRED or self._session is None:
                raise
        self._session.access = self._session.refresh
        reply = self._json("POST", "com.atproto.server.refreshSession", None)
        self._session = _session(self.origin, reply)
        return ask()

    def _json(self, method: str, target: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        headers = {"accept": "application/json", **self._authorization(target)}
        content = None
        if body is not None:
            headers["content-type"] = "application/json"
            content = json.dumps(body).encode()
        request = Request(
            f"{self.origin}/xrpc/{target}",
            method,
            headers,
            content,
            timeout_s=ANSWER_S,
            max_bytes=MAX_JSON_BYTES,
        )
        response = self._patiently(lambda: self._client.fetch(request))
        if not response.is_success:
            raise _refusal(host_of(self.origin), response.status, response.body)
        return _object(self.origin, response.body) if response.body.strip() else {}

    def _download(self, file: BinaryIO, limit_bytes: int, target: str) -> str:
        request = StreamRequest(
            self.origin,
            target,
            "GET",
            self._authorization(target),
            headers_timeout_s=ANSWER_S,
            tries=TRIES,
        )
        with closing(self._patiently(lambda: self._client.stream(request))) as stream:
            size = 0
            if not 200 <= stream.status < 300:
                raise _refusal(stream.host, stream.status, stream.read(PIECE_S))
            while piece := stream.read(PIECE_S):
                size += len(piece)
                if size > limit_bytes:
                    message = f"it is larger than {limit_bytes} bytes"
                    raise ResponseTooLargeError(message)
                file.write(piece)
            return stream.headers.get("content-type", "")

    def _authorization(self, target: str) -> dict[str, str]:
        if self._session is None or target == _LOG_IN:
            return {}
        return {"authorization": f"Bearer {self._session.access}"}

    def _patiently(self, ask: Callable[[], _Asked]) -> _Asked:
        """Ask again as long as the server says that it was asked too often, a few times."""
        for _ in range(TRIES - 1):
            answer = ask()
            if answer.status != 429:
                return answer
            if isinstance(answer, Stream):
                answer.close()
            self._wait(_pause_s(answer.headers))
        return ask()


def _pause_s(headers: Mapping[str, str]) -> float:
    """How long a server that was asked too often wants to be left alone, within reason."""
    after = headers.get("retry-after", "")
    return min(max(float(after), 1.0), LONGEST_WAIT_S) if after.isdigit() else WAIT_S


def _session(origin: str, reply: Mapping[str, Any]) -> _Session:
    access, refresh = reply.get("accessJwt"), reply.get("refreshJwt")
    if not isinstance(access, str) or not isinstance(refresh, str):
        message = f"{host_of(origin)} gave no session"
        raise FetchError(message)
    return _Session(access, refresh)


def _object(origin: str, body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        message = f"{host_of(origin)} answered with something that is no JSON"
        raise FetchError(message)
    return found


def _refusal(host: str, status: int, body: bytes) -> RefusedError:
    try:
        said = json.loads(body)
    except ValueError:
        said = None
    said = said if isinstance(said, dict) else {}
    name, reason = str(said.get("error") or f"status {status}"), str(said.get("message") or "")
    return RefusedError(host, name[:100], reason[:300])
