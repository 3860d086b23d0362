from __future__ import annotations

import pytest

from tests.web.harness import Running

ECHO = "/xrpc/test.web.getEcho?name=a"


@pytest.mark.parametrize("path", [ECHO, "/xrpc/no.such.method", "/nowhere", "/", "/robots.txt"])
def test_any_page_may_read_any_answer(web: Running, path: str) -> None:
    answer = web.get(path, Origin="https://app.example")

    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    exposed = answer.headers["Access-Control-Expose-Headers"].lower()
    for name in ("ratelimit-remaining", "retry-after", "dpop-nonce", "atproto-repo-rev"):
        assert name in exposed


def test_preflight_allows_what_is_asked_for(web: Running) -> None:
    answer = web.request(
        "OPTIONS",
        ECHO,
        headers={
            "Origin": "https://app.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,atproto-proxy",
        },
    )

    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Allow-Headers"] == "authorization,atproto-proxy"
    assert answer.headers["Access-Control-Allow-Methods"] == "GET,HEAD,PUT,PATCH,POST,DELETE"
    assert answer.headers["Access-Control-Max-Age"] == "86400"


@pytest.mark.parametrize("asked", ["bad header\x01", "é", "x" * 3_000])
def test_preflight_does_not_reflect_what_is_no_header_name(web: Running, asked: str) -> None:
    answer = web.request(
        "OPTIONS",
        ECHO,
        headers={"Access-Control-Request-Headers": asked.encode().decode("latin-1")},
    )

    assert answer.status in (204, 400)
    assert answer.headers.get("Access-Control-Allow-Headers", "*") == "*"


def test_refusal_by_the_http_server_can_be_read_too(web: Running) -> None:
    raw = web.exchange(b"POST / HTTP/1.1\r\nContent-Length: nonsense\r\n\r\n")

    assert b"Access-Control-Allow-Origin: *\r\n" in raw
