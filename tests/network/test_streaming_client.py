"""Bodies passed on as they come: what is sent, what is read, and how long it may take."""

from __future__ import annotations

import gzip
import io
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pds.network import guarded_sockets
from pds.network.http_client import AddressRefusedError, FetchError, FetchTimeoutError
from pds.network.streaming_client import Stream, StreamingClient, StreamRequest
from tests.fakes.web_server import WebServer, make_authority, raw, web_server

HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
def http() -> Iterator[StreamingClient]:
    client = StreamingClient(
        allow_private=True, tls=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), kept_per_host=4
    )
    yield client
    client.close()


def request(server: WebServer, target: str = "/", **changes: Any) -> StreamRequest:
    given: dict[str, Any] = {"method": "GET", "headers": {}, **changes}
    return StreamRequest(server.url, target, **given)


def read_all(stream: Stream) -> bytes:
    return b"".join(iter(lambda: stream.read(5), b""))


# --- what is sent -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target", ["/xrpc/a.b.c?x=%e9&y[]=1", "/xrpc/a.b.c?q=a|b\"c'd{}", "/a/../b/./c?", "/?a=/../b#c"]
)
def test_path_and_query_are_sent_character_for_character(
    server: WebServer, http: StreamingClient, target: str
) -> None:
    http.stream(request(server, target)).close()

    assert server.asked[0].path == target


def test_what_cannot_stand_in_a_request_line_is_escaped(
    server: WebServer, http: StreamingClient
) -> None:
    http.stream(request(server, "/a b\r\nX: y\xe9")).close()

    assert server.asked[0].path == "/a%20b%0D%0AX:%20y%E9"
    assert "x" not in server.asked[0].headers


def test_only_the_headers_given_are_sent(server: WebServer, http: StreamingClient) -> None:
    http.stream(request(server, headers={"accept-language": "gsw"})).close()

    headers = server.asked[0].headers
    assert headers.pop("user-agent").startswith("Hearth/")
    assert headers == {
        "host": f"127.0.0.1:{server.port}",
        "accept-encoding": "identity",
        "accept-language": "gsw",
    }


def test_a_body_is_sent_as_far_as_it_goes(server: WebServer, http: StreamingClient) -> None:
    body = io.BytesIO(b"before" + bytes(range(256)) * 1_000 + b"after")
    body.seek(6)
    sent = request(server, method="POST", body=body, body_bytes=256_000)
    http.stream(sent).close()

    assert server.asked[0].body == bytes(range(256)) * 1_000
    assert server.asked[0].headers["content-length"] == "256000"


# --- what is read -------------------------------------------------------------------------------


def test_an_encoded_body_stays_encoded(server: WebServer, http: StreamingClient) -> None:
    packed = gzip.compress(b"hello" * 1_000)
    server.text("/", packed, content_encoding="gzip")
    stream = http.stream(request(server))

    assert stream.headers["content-encoding"] == "gzip"
    assert stream.headers["content-length"] == str(len(packed))
    assert read_all(stream) == packed


def test_chunks_are_read_as_they_come(server: WebServer, http: StreamingClient) -> None:
    go_on = threading.Event()
    first = HEAD + b"transfer-encoding: chunked\r\ncontent-length: 7\r\n\r\n5\r\nhello\r\n"

    def route(handler: Any) -> None:
        handler.wfile.write(first)
        go_on.wait(5)
        handler.wfile.write(b"6\r\n world\r\n0\r\n\r\n")

    server.routes["/"] = route
    stream = http.stream(request(server))

    assert stream.read(5) == b"hello"
    go_on.set()
    assert read_all(stream) == b" world"
    assert "content-length" not in stream.headers


@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304), ("GET", 200)]
)
def test_connections_are_kept_after_answers_of_any_kind(
    server: WebServer, http: StreamingClient, method: str, status: int
) -> None:
    def route(handler: Any) -> None:
        body = b"" if method == "HEAD" or status != 200 else b"hello"
        handler.wfile.write(b"HTTP/1.1 %d X\r\ncontent-length: 5\r\n\r\n" % status + body)

    server.routes["/"] = route
    for _ in range(3):
        stream = http.stream(request(server, method=method))
        assert stream.headers["content-length"] == "5"
        assert len(read_all(stream)) == (5 if (method, status) == ("GET", 200) else 0)
        stream.close()

    assert server.connections == 1


def test_a_connection_with_an_unread_rest_is_not_used_again(
    server: WebServer, http: StreamingClient
) -> None:
    server.text("/", bytes(1_000_000))
    stream = http.stream(request(server))
    stream.read(5)
    stream.close()
    http.stream(request(server)).close()

    assert server.connections == 2


def test_an_interim_answer_is_not_taken_for_the_answer(
    server: WebServer, http: StreamingClient
) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"
    server.routes["/"] = raw(early, HEAD, b"content-length: 2\r\n\r\nhi")
    server.text("/next", "next")

    with pytest.raises(FetchError, match="103"):
        http.stream(request(server))
    assert read_all(http.stream(request(server, "/next"))) == b"next"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(server: WebServer, http: StreamingClient, status: int) -> None:
    server.text("/", "", status, Location=f"{server.url}/elsewhere")

    stream = http.stream(request(server))

    assert stream.status == status
    assert read_all(stream) == b""
    assert len(server.asked) == 1


def test_headers_that_cannot_be_passed_on_are_left_out(
    server: WebServer, http: StreamingClient
) -> None:
    server.routes["/"] = raw(
        HEAD, b"content-length: 1e3\r\nx-folded: a\r\n b\r\nx-bell: \x07\r\nx-good: \xe9\r\n\r\n"
    )
    stream = http.stream(request(server))

    assert dict(stream.headers) == {"x-folded": "a b", "x-good": "\xe9"}
    stream.close()


# --- what fails ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        HEAD + b"content-length: 10\r\n\r\nhalf",
        HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\nhel",
        HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        HEAD + b"transfer-encoding: chunked\r\n\r\nzzz\r\n",
    ],
)
def test_a_body_cut_short_is_a_failure(
    server: WebServer, http: StreamingClient, answer: bytes
) -> None:
    server.routes["/"] = raw(answer)
    stream = http.stream(request(server))

    with pytest.raises(FetchError):
        read_all(stream)
    stream.close()


def test_silence_before_the_head_ends_in_time(server: WebServer, http: StreamingClient) -> None:
    silence = threading.Event()
    server.routes["/"] = raw(then=lambda: silence.wait(5))
    started = time.monotonic()

    with pytest.raises(FetchTimeoutError):
        http.stream(request(server, headers_timeout_s=0.1))
    silence.set()

    assert time.monotonic() - started < 2


def test_silence_within_the_body_ends_in_time(server: WebServer, http: StreamingClient) -> None:
    silence = threading.Event()
    answer = HEAD + b"content-length: 10\r\n\r\nhalf"
    server.routes["/"] = raw(answer, then=lambda: silence.wait(5))
    stream = http.stream(request(server, headers_timeout_s=5))

    assert stream.read(5) == b"half"
    with pytest.raises(FetchTimeoutError):
        stream.read(0.1)
    silence.set()
    stream.close()


def test_the_body_may_take_longer_than_the_head(server: WebServer, http: StreamingClient) -> None:
    later = threading.Event()

    def route(handler: Any) -> None:
        handler.wfile.write(HEAD + b"content-length: 4\r\n\r\nab")
        later.wait(5)
        handler.wfile.write(b"cd")

    server.routes["/"] = route
    stream = http.stream(request(server, headers_timeout_s=0.2))
    assert stream.read(5) == b"ab"
    threading.Timer(0.4, later.set).start()

    assert stream.read(5) == b"cd"
    assert stream.read(5) == b""


def test_a_stream_that_does_not_get_on_is_ended(
    server: WebServer, http: StreamingClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pds.network.streaming_client.GRACE_S", -1.0)
    server.text("/", bytes(100_000))
    stream = http.stream(request(server))

    with pytest.raises(FetchTimeoutError):
        read_all(stream)
    stream.close()


def test_only_https_and_public_addresses_are_for_strangers(server: WebServer) -> None:
    strict = StreamingClient(allow_private=False, tls=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    for origin in (server.url, f"https://127.0.0.1:{server.port}", "https://[::ffff:10.0.0.1]"):
        with pytest.raises(AddressRefusedError):
            strict.stream(StreamRequest(origin, "/", "GET", {}))
    strict.close()
    assert server.connections == 0


def test_a_name_that_changes_its_mind_gains_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: each connection goes to the address that was checked for it."""
    monkeypatch.setattr(guarded_sockets, "is_public", lambda address: address == "127.0.0.1")
    authority = make_authority(tmp_path, "rebound.example.com")
    with web_server(authority.server()) as server:
        server.text("/", "once", Connection="close")
        inside = (socket.AF_INET, ("10.0.0.1", 443))
        answers = [server.resolve("", 0), [inside]]
        strict = StreamingClient(
            allow_private=False, tls=authority.client(), resolve=lambda *_: answers.pop(0)
        )
        request = StreamRequest("https://rebound.example.com", "/", "GET", {})

        assert read_all(strict.stream(request)) == b"once"
        with pytest.raises(AddressRefusedError):
            strict.stream(request)
        strict.close()


# --- connections that break ---------------------------------------------------------------------


def hang_up_at(*numbers: int) -> Callable[[Any], None]:
    """A route that hangs up without a word at these requests and answers the others."""
    count = 0

    def route(handler: Any) -> None:
        nonlocal count
        count += 1
        if count in numbers:
            handler.connection.shutdown(socket.SHUT_RDWR)
            handler.close_connection = True
        else:
            handler.wfile.write(HEAD + b"content-length: 2\r\n\r\nok")

    return route


def test_a_read_goes_out_again_when_its_kept_connection_was_dead(
    server: WebServer, http: StreamingClient
) -> None:
    server.routes["/"] = hang_up_at(2)
    for _ in range(2):
        assert read_all(http.stream(request(server))) == b"ok"

    assert len(server.asked) == 3


def test_a_write_does_not(server: WebServer, http: StreamingClient) -> None:
    server.routes["/"] = hang_up_at(2)
    assert read_all(http.stream(request(server, method="POST"))) == b"ok"

    with pytest.raises(FetchError):
        http.stream(request(server, method="POST"))
    assert len(server.asked) == 2


def test_a_read_is_tried_as_often_as_allowed(server: WebServer, http: StreamingClient) -> None:
    server.routes["/"] = hang_up_at(1, 2)
    with pytest.raises(FetchError):
        http.stream(request(server))
    assert len(server.asked) == 1

    server.routes["/"] = hang_up_at(1, 2)
    assert read_all(http.stream(request(server, tries=3))) == b"ok"
    assert len(server.asked) == 4


def test_a_connection_that_was_idle_for_long_is_not_used_again(
    server: WebServer, http: StreamingClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.text("/", "ok")
    read_all(http.stream(request(server)))
    monkeypatch.setattr(guarded_sockets, "MAX_IDLE_S", 0.0)
    read_all(http.stream(request(server, method="POST")))

    assert server.connections == 2


def test_what_is_under_way_when_the_client_is_closed_ends_first(server: WebServer) -> None:
    http = StreamingClient(allow_private=True, tls=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    server.text("/", bytes(1_000_000))
    stream = http.stream(request(server))
    http.close()

    assert len(read_all(stream)) == 1_000_000
