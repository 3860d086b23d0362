"""What goes along with a call that is passed on, and what comes back: byte for byte, or not at all.

Raw bytes are looked at where a client library would tidy up.
"""

from __future__ import annotations

import gzip
import json
import logging
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.factories import StillClock
from tests.fakes.web_server import raw
from tests.proxy_stage import SEARCH, ProxyStage, open_proxy_stage
from tests.web.harness import read_all

PATH = f"/xrpc/{SEARCH}"
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def hasty(tmp_path: Path, clock: StillClock, open_database: Path) -> Iterator[ProxyStage]:
    """It waits for others only for a moment."""
    del open_database
    with open_proxy_stage(
        tmp_path, clock, proxy_headers_timeout="400", proxy_body_timeout="300"
    ) as opened:
        yield opened


def send(proxy: ProxyStage, head: str, body: bytes = b"") -> bytes:
    """All that comes back on a connection over which these bytes were sent."""
    token = f"Authorization: Bearer {proxy.alice.access_jwt}"
    message = f"{head}\r\nHost: x\r\n{token}\r\nConnection: close\r\n\r\n".encode("latin-1") + body
    with proxy.stage.web.connect() as sock:
        sock.sendall(message)
        return read_all(sock)


# --- what goes along ----------------------------------------------------------------------------


def test_path_and_query_go_on_as_they_came(proxy: ProxyStage) -> None:
    query = "?q=%e4%C3%a4+x&tag[]=a|b&tag[]=%&x=../y&empty=&a=1&a=2"

    assert proxy.echo(SEARCH, query)["path"] == f"{PATH}{query}"


def test_a_name_in_another_case_goes_on_as_it_came(proxy: ProxyStage) -> None:
    assert proxy.echo("app.bsky.feed.SearchPosts/")["path"] == "/xrpc/app.bsky.feed.SearchPosts/"


def test_listed_headers_go_along_and_no_others(proxy: ProxyStage) -> None:
    listed = {
        "accept-language": "gsw, en;q=0.5",
        "accept-encoding": "gzip, br",
        "atproto-accept-labelers": "did:plc:one;redact",
        "x-bsky-topics": "cats",
    }
    own = {
        "cookie": "session=secret",
        "user-agent": "an app",
        "x-forwarded-for": "192.0.2.1",
        "forwarded": "for=192.0.2.1",
        "origin": "https://app.example.com",
        "referer": "https://app.example.com/secret",
        "if-none-match": '"x"',
        "range": "bytes=0-1",
        "dpop": "proof",
        "x-custom": "1",
        "content-type": "text/plain",
    }
    got = proxy.echo(SEARCH, **{name.replace("-", "_"): v for name, v in (listed | own).items()})

    headers = got["headers"]
    assert headers.pop("authorization").startswith("Bearer ey")
    assert headers.pop("user-agent").startswith("Hearth/")
    assert headers == {**listed, "host": f"localhost:{proxy.app_view.server.port}"}


def test_without_a_wish_the_reply_is_asked_for_unencoded(proxy: ProxyStage) -> None:
    reply = send(proxy, f"GET {PATH} HTTP/1.1")

    assert json.loads(reply.partition(b"\r\n\r\n")[2])["headers"]["accept-encoding"] == "identity"


def test_the_clients_token_does_not_go_along(proxy: ProxyStage) -> None:
    got = proxy.echo(SEARCH)

    assert proxy.alice.access_jwt not in json.dumps(got)


@pytest.mark.parametrize(
    "headers",
    [{"Content_Type": "application/json"}, {"Content_Type": "image/png"}, {}],
)
def test_a_body_goes_on_byte_for_byte(proxy: ProxyStage, headers: dict[str, str]) -> None:
    body = bytes(range(256)) * 3_000
    proxy.echo(SEARCH, verb="POST", body=body, **headers)

    [asked] = proxy.app_view.asked
    assert asked.body == body
    assert asked.headers["content-length"] == str(len(body))
    assert asked.headers.get("content-type") == headers.get("Content_Type")


def test_an_encoded_body_goes_on_encoded(proxy: ProxyStage) -> None:
    packed = gzip.compress(b"hello " * 1_000)
    proxy.echo(SEARCH, verb="POST", body=packed, Content_Encoding="gzip", Content_Type="text/x")

    [asked] = proxy.app_view.asked
    assert (asked.body, asked.headers["content-encoding"]) == (packed, "gzip")


def test_a_chunked_body_arrives_whole(proxy: ProxyStage) -> None:
    head = f"POST {PATH} HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain"
    send(proxy, head, b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")

    [asked] = proxy.app_view.asked
    assert asked.body == b"hello world"


@pytest.mark.parametrize("head", ["Content-Length: 0", "Content-Type: application/json"])
def test_a_post_without_a_body_has_none_there(proxy: ProxyStage, head: str) -> None:
    send(proxy, f"POST {PATH} HTTP/1.1\r\n{head}")

    [asked] = proxy.app_view.asked
    assert (asked.method, asked.body) == ("POST", b"")
    assert asked.headers["content-length"] == "0"


def test_the_body_of_a_get_stays_here(proxy: ProxyStage) -> None:
    proxy.echo(SEARCH, body=b"surprise")

    [asked] = proxy.app_view.asked
    assert asked.body == b""
    assert "content-length" not in asked.headers


def test_a_body_may_be_as_large_as_a_blob(proxy: ProxyStage) -> None:
    limit = proxy.services.config.blob_upload_limit

    assert proxy.ask(SEARCH, verb="POST", body=bytes(limit)).status == 200
    refused = proxy.ask(SEARCH, verb="POST", body=bytes(limit + 1))
    assert refused.error[:2] == (413, "PayloadTooLarge")
    assert len(proxy.app_view.asked) == 1


# --- what comes back ----------------------------------------------------------------------------


def test_listed_headers_come_back_and_no_others(proxy: ProxyStage) -> None:
    listed = {
        "content-type": "application/x-thing; charset=latin1",
        "content-language": "gsw",
        "atproto-repo-rev": "3jzfcijpj2z2a",
        "atproto-content-labelers": "did:plc:one",
        "retry-after": "7",
    }
    own = {
        "set-cookie": "a=b",
        "ratelimit-limit": "1",
        "x-powered-by": "x",
        "location": "https://example.com",
        "etag": '"x"',
        "strict-transport-security": "max-age=1",
        "access-control-allow-origin": "https://example.com",
    }
    proxy.app_view.routes[PATH] = (200, {**listed, **own, "cache-control": "public"}, b"x")
    headers = {name.lower(): text for name, text in proxy.ask(SEARCH).headers.items()}

    assert {name: headers.get(name) for name in listed} == listed
    assert headers["cache-control"] == "private"
    assert headers["access-control-allow-origin"] == "*"
    assert "Authorization" in headers["vary"]
    assert headers.keys().isdisjoint(own.keys() - {"access-control-allow-origin"})


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("br", bytes), ("x-unknown", bytes)],
)
def test_an_encoded_reply_comes_back_encoded(
    proxy: ProxyStage, encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    packed = pack(b'{"a":1}' * 1_000)
    proxy.app_view.routes[PATH] = (200, {"content-encoding": encoding}, packed)
    answer = proxy.ask(SEARCH, Accept_Encoding=encoding)

    assert answer.body == packed
    assert answer.headers["Content-Encoding"] == encoding
    assert answer.headers["Content-Length"] == str(len(packed))


def test_a_large_reply_comes_back_whole(proxy: ProxyStage) -> None:
    content = bytes(range(256)) * 40_000
    proxy.app_view.routes[PATH] = (200, {}, content)

    assert proxy.ask(SEARCH).body == content


def test_a_reply_of_unknown_length_comes_back_whole(proxy: ProxyStage) -> None:
    proxy.app_view.routes[PATH] = raw(CHUNKED + b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")
    answer = proxy.ask(SEARCH)

    assert (answer.status, answer.body) == (200, b"hello world")
    assert "Content-Length" not in answer.headers


@pytest.mark.parametrize("status", [200, 201, 204, 206, 301, 302, 304, 307])
def test_a_status_without_fault_comes_back(proxy: ProxyStage, status: int) -> None:
    body = b"" if status in (204, 304) else b"body"
    proxy.app_view.routes[PATH] = (status, {"location": f"{proxy.stranger.url}{PATH}"}, body)
    for _ in range(2):
        answer = proxy.ask(SEARCH)

        assert (answer.status, answer.body) == (status, body)
        assert "Location" not in answer.headers
    assert proxy.stranger.asked == []
    assert proxy.app_view.server.connections == 1


def test_an_empty_reply_comes_back_without_a_type(proxy: ProxyStage) -> None:
    proxy.app_view.routes[PATH] = (200, {}, b"")
    answer = proxy.ask(SEARCH, verb="POST")

    assert (answer.status, answer.body) == (200, b"")
    assert "Content-Type" not in answer.headers


def test_head_is_passed_on_as_head(proxy: ProxyStage) -> None:
    proxy.app_view.routes[PATH] = (200, {"content-type": "text/x"}, b"12345")
    for _ in range(2):
        reply = send(proxy, f"HEAD {PATH} HTTP/1.1")

        head, _, body = reply.partition(b"\r\n\r\n")
        assert b"Content-Length: 5\r\n" in head
        assert b"Content-Type: text/x\r\n" in head
        assert body == b""
    assert [asked.method for asked in proxy.app_view.asked] == ["HEAD", "HEAD"]
    assert proxy.app_view.server.connections == 1


def test_head_of_unknown_length_has_no_body_either(proxy: ProxyStage) -> None:
    proxy.app_view.routes[PATH] = raw(CHUNKED)

    assert send(proxy, f"HEAD {PATH} HTTP/1.1").endswith(b"\r\n\r\n")


def test_a_reply_cannot_become_a_page_of_this_server(proxy: ProxyStage) -> None:
    proxy.app_view.routes[PATH] = (200, {"content-type": "text/html"}, b"<script>1</script>")
    headers = proxy.ask(SEARCH).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


# --- what comes back when it fails --------------------------------------------------------------


@pytest.mark.parametrize("body", [b"<html>oops</html>", b'["error"]', b'{"error":7}', b""])
def test_an_error_without_words_gets_the_usual_ones(proxy: ProxyStage, body: bytes) -> None:
    for status, shown, name in (
        (400, 400, "InvalidRequest"),
        (401, 401, "AuthenticationRequired"),
        (403, 403, "Forbidden"),
        (404, 404, "XRPCNotSupported"),
        (418, 418, "InvalidRequest"),
        (429, 429, "RateLimitExceeded"),
        (500, 502, "UpstreamFailure"),
        (501, 501, "MethodNotImplemented"),
        (502, 502, "UpstreamFailure"),
        (503, 503, "NotEnoughResources"),
        (504, 504, "UpstreamTimeout"),
        (520, 520, "UpstreamFailure"),
        (700, 502, "UpstreamFailure"),
    ):
        proxy.app_view.routes[PATH] = (status, {"content-type": "text/html"}, body)
        answer = proxy.ask(SEARCH)

        assert answer.error[:2] == (shown, name)
        assert answer.headers["Content-Type"].startswith("application/json")


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_an_encoded_error_is_read(proxy: ProxyStage, encoding: str) -> None:
    plain = b'{"error":"NotFound","message":"Post not found"}'
    body = gzip.compress(plain) if encoding == "gzip" else zlib.compress(plain)
    proxy.app_view.routes[PATH] = (400, {"content-encoding": encoding}, body)

    assert proxy.ask(SEARCH).error == (400, "NotFound", "Post not found")


def test_an_error_that_is_a_bomb_is_not_unpacked(proxy: ProxyStage) -> None:
    bomb = gzip.compress(b'{"error":"Bomb","message":"' + b"x" * 20_000_000 + b'"}')
    proxy.app_view.routes[PATH] = (400, {"content-encoding": "gzip"}, bomb)

    assert proxy.ask(SEARCH).error == (400, "InvalidRequest", "Invalid Request")


def test_words_that_are_too_long_are_cut(proxy: ProxyStage) -> None:
    body = json.dumps({"error": "E" * 9_000, "message": "m" * 9_000}).encode()
    proxy.app_view.routes[PATH] = (400, {}, body)
    _, name, message = proxy.ask(SEARCH).error

    assert (len(name), len(message)) == (128, 2_000)


@pytest.mark.parametrize("status", [429, 503, 502])
def test_when_to_come_back_is_passed_on(proxy: ProxyStage, status: int) -> None:
    proxy.app_view.routes[PATH] = (status, {"retry-after": "17"}, b"{}")

    assert proxy.ask(SEARCH).headers["Retry-After"] == "17"


def test_a_service_that_hangs_is_a_504(hasty: ProxyStage) -> None:
    silence = threading.Event()
    hasty.app_view.routes[PATH] = raw(then=lambda: silence.wait(5))
    answer = hasty.ask(SEARCH)
    silence.set()

    message = "Upstream service did not answer in time"
    assert answer.error == (504, "UpstreamTimeout", message)


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 103 Early\r\n\r\n"])
def test_a_service_that_talks_nonsense_is_a_502(proxy: ProxyStage, answer: bytes) -> None:
    proxy.app_view.routes[PATH] = raw(answer)

    message = "Upstream service unreachable"
    assert proxy.ask(SEARCH).error == (502, "UpstreamFailure", message)


@pytest.mark.parametrize("how", ["breaks off", "falls silent"])
@pytest.mark.parametrize(
    "answer",
    [OK + b"Content-Length: 100\r\n\r\nhalf of it", CHUNKED + b"a\r\nhalf of it\r\n"],
    ids=["length", "chunked"],
)
def test_half_a_reply_does_not_look_whole(
    hasty: ProxyStage, answer: bytes, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    silence = threading.Event()
    wait = (lambda: silence.wait(5)) if how == "falls silent" else (lambda: True)
    hasty.app_view.routes[PATH] = raw(answer, then=wait)
    with caplog.at_level(logging.INFO):
        reply = send(hasty, f"GET {PATH} HTTP/1.1")
    silence.set()

    head, _, body = reply.partition(b"\r\n\r\n")
    assert b"half of it" in body
    if b"chunked" in head:
        assert not body.endswith(b"0\r\n\r\n")
    else:
        assert len(body) < 100
    [record] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "in the middle of a reply" in record.getMessage()
    assert record.exc_info is None


def test_the_log_names_the_service_and_no_secret(
    proxy: ProxyStage, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "pds"):
        proxy.echo(SEARCH, "?q=secret-words")
    line = next(text for text in caplog.messages if SEARCH in text)

    assert f'upstream="{proxy.app_view.did}#bsky_appview"' in line
    assert f"did={proxy.alice.did}" in line
    assert "secret-words" not in caplog.text
    assert "Bearer" not in caplog.text
