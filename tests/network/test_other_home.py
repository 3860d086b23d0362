"""A session at another server: what is sent, and what becomes of its noes."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from pds.network.http_client import AddressRefusedError, FetchError, ResponseTooLargeError
from pds.network.other_home import LONGEST_WAIT_S, WAIT_S, OtherHome, RefusedError
from pds.network.streaming_client import StreamingClient
from tests.fakes.web_server import Asked, Route, WebServer, web_server

DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
LOG_IN = "com.atproto.server.createSession"
REFRESH = "com.atproto.server.refreshSession"


class Elsewhere:
    """Answers by method, in turn, the last answer again and again."""

    def __init__(self, server: WebServer) -> None:
        self.server = server
        self.answers: dict[str, list[Route]] = {}
        self.waited: list[float] = []
        self.client = StreamingClient(allow_private=True)
        self.home = OtherHome(self.client, server.url, self.waited.append)
        server.otherwise = self._answer
        self.say(LOG_IN, {"did": DID, "accessJwt": "a1", "refreshJwt": "r1"})
        self.say(REFRESH, {"did": DID, "accessJwt": "a2", "refreshJwt": "r2"})

    def say(self, nsid: str, value: Any, status: int = 200, **headers: str) -> None:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        self.answers.setdefault(nsid, []).append((status, named, body))

    def _answer(self, asked: Asked) -> Route:
        turns = self.answers[asked.path.removeprefix("/xrpc/").partition("?")[0]]
        return turns.pop(0) if len(turns) > 1 else turns[0]

    def tokens(self) -> list[str | None]:
        return [asked.headers.get("authorization") for asked in self.server.asked]


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    with web_server() as server:
        made = Elsewhere(server)
        yield made
        made.client.close()


def test_log_in_sends_what_is_needed_and_the_session_is_shown_afterwards(
    elsewhere: Elsewhere,
) -> None:
    elsewhere.say("com.example.read", {"x": 1})
    elsewhere.say("com.example.act", b"")

    assert elsewhere.home.log_in(DID, "secret", "12345")["did"] == DID
    assert elsewhere.home.query("com.example.read", limit=5) == {"x": 1}
    assert elsewhere.home.call("com.example.act", {"y": 2}) == {}

    first, second, third = elsewhere.server.asked
    assert json.loads(first.body) == {
        "identifier": DID,
        "password": "secret",
        "authFactorToken": "12345",
    }
    assert (second.path, third.body) == ("/xrpc/com.example.read?limit=5", b'{"y": 2}')
    assert elsewhere.tokens() == [None, "Bearer a1", "Bearer a1"]


def test_who_was_taken_down_may_still_log_in_to_move_away(elsewhere: Elsewhere) -> None:
    session = elsewhere.answers[LOG_IN].pop()
    elsewhere.say(LOG_IN, {"error": "AccountTakedown", "message": "taken down"}, 401)
    elsewhere.answers[LOG_IN].append(session)

    assert elsewhere.home.log_in(DID, "secret")["did"] == DID

    assert [json.loads(asked.body).get("allowTakendown") for asked in elsewhere.server.asked] == [
        None,
        True,
    ]


def test_refusal_has_the_words_of_the_other_server(elsewhere: Elsewhere) -> None:
    elsewhere.say("com.example.act", {"error": "InvalidToken", "message": "Token is bad"}, 400)
    elsewhere.say("com.example.read", b"<html>", 500)

    with pytest.raises(RefusedError, match=r"127\.0\.0\.1 says: Token is bad") as refused:
        elsewhere.home.call("com.example.act")
    assert refused.value.name == "InvalidToken"
    with pytest.raises(RefusedError, match="says: status 500"):
        elsewhere.home.query("com.example.read")


def test_session_that_lapses_is_renewed_once(elsewhere: Elsewhere) -> None:
    elsewhere.say("com.example.read", {"error": "ExpiredToken"}, 400)
    elsewhere.say("com.example.read", {"x": 1})
    elsewhere.home.log_in(DID, "secret")

    assert elsewhere.home.query("com.example.read") == {"x": 1}
    assert elsewhere.tokens() == [None, "Bearer a1", "Bearer r1", "Bearer a2"]

    elsewhere.say("com.example.worse", {"error": "ExpiredToken"}, 400)
    with pytest.raises(RefusedError):
        elsewhere.home.query("com.example.worse")


def test_server_that_is_asked_too_often_is_left_alone_as_long_as_it_says(
    elsewhere: Elsewhere,
) -> None:
    elsewhere.say("com.example.read", {}, 429, Retry_After="7")
    elsewhere.say("com.example.read", {}, 429, Retry_After="99999")
    elsewhere.say("com.example.read", {}, 429)
    elsewhere.say("com.example.read", {"x": 1})
    elsewhere.say("com.example.get", b"", 429)
    elsewhere.say("com.example.get", b"content", content_type="image/png")
    file = io.BytesIO()

    assert elsewhere.home.query("com.example.read") == {"x": 1}
    assert elsewhere.home.download(file, 100, "com.example.get", cid="b") == "image/png"

    assert elsewhere.waited == [7, LONGEST_WAIT_S, WAIT_S, WAIT_S]
    assert file.getvalue() == b"content"

    elsewhere.say("com.example.never", {"error": "RateLimitExceeded"}, 429, Retry_After="1")
    with pytest.raises(RefusedError, match="RateLimitExceeded"):
        elsewhere.home.query("com.example.never")


def test_download_is_refused_when_it_is_too_large_or_not_given(elsewhere: Elsewhere) -> None:
    elsewhere.say("com.example.get", bytes(101))
    elsewhere.say("com.example.none", {"error": "BlobNotFound", "message": "gone"}, 404)

    with pytest.raises(ResponseTooLargeError, match="larger than 100 bytes"):
        elsewhere.home.download(io.BytesIO(), 100, "com.example.get")
    with pytest.raises(RefusedError, match="gone"):
        elsewhere.home.download(io.BytesIO(), 100, "com.example.none")


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b'{"accessJwt": 5}'])
def test_answer_that_is_no_session_is_told(elsewhere: Elsewhere, answer: bytes) -> None:
    elsewhere.answers[LOG_IN] = [(200, {}, answer)]

    with pytest.raises(FetchError):
        elsewhere.home.log_in(DID, "secret")


def test_private_addresses_are_refused_on_a_public_server(elsewhere: Elsewhere) -> None:
    home = OtherHome(StreamingClient(allow_private=False), elsewhere.server.url, lambda _: None)

    with pytest.raises(AddressRefusedError):
        home.log_in(DID, "secret")


@pytest.mark.parametrize("answer", [{}, {"items": None}, {"items": {"a": 1}}])
def test_answer_without_its_list_is_told(elsewhere: Elsewhere, answer: dict[str, Any]) -> None:
    elsewhere.say("com.example.read", answer)
    elsewhere.home.log_in(DID, "secret")

    with pytest.raises(FetchError, match=r"answered com\.example\.read without a list of items"):
        elsewhere.home.query_list("com.example.read", "items")
