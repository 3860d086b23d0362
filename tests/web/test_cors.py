from __future__ import annotations

import pytest

from pds.web import cors
from tests.web.harness import Running

ECHO = "/xrpc/test.web.getEcho?name=a"


@pytest.mark.parametrize(
    "path",
    [ECHO, "/xrpc/no.such.method", "/XRPC/a", "/robots.txt", "/.well-known/nothing", "/tls-check"],
)
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
    raw = web.exchange(b"POST /xrpc/a HTTP/1.1\r\nContent-Length: nonsense\r\n\r\n")
    oauth = web.exchange(b"POST /oauth/par HTTP/1.1\r\nContent-Length: nonsense\r\n\r\n")
    page = web.exchange(b"POST /account HTTP/1.1\r\nContent-Length: nonsense\r\n\r\n")

    assert b"Access-Control-Allow-Origin: *\r\n" in raw
    assert b"Access-Control-Allow-Origin: *\r\n" in oauth
    assert b'{"error": "invalid_request", "error_description": ' in oauth
    assert b" 400 " in page
    assert b"Access-Control" not in page


PAGES = ["/", "/account", "/Account/", "/account/reset-password", "/oauth/authorize", "/nowhere"]


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "HEAD"])
@pytest.mark.parametrize("path", [*PAGES, "/oauth/authorize/redirect", "/static/hearth.css"])
def test_no_other_site_may_read_pages(web: Running, method: str, path: str) -> None:
    answer = web.request(
        method,
        path,
        headers={
            "Origin": "https://app.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        },
    )

    assert [name for name in answer.headers if name.lower().startswith("access-control")] == []


OAUTH = [
    "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-authorization-server",
    "/oauth/jwks",
    "/oauth/par",
    "/oauth/token",
    "/oauth/revoke",
]
BY_OAUTH_RULES = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "*",
    "Access-Control-Allow-Headers": "Content-Type,DPoP",
    "Access-Control-Max-Age": "86400",
}


@pytest.mark.parametrize("path", [*OAUTH, "/OAuth/Par", "/oauth/par/"])
def test_preflight_of_oauth_endpoints_allows_forms_with_proofs(web: Running, path: str) -> None:
    answer = web.request(
        "OPTIONS",
        path,
        headers={"Origin": "https://app.example", "Access-Control-Request-Method": "POST"},
    )

    assert (answer.status, answer.body) == (200, b"")
    shown = {name: text for name, text in answer.headers.items() if name.startswith("Access-C")}
    assert shown == BY_OAUTH_RULES


@pytest.mark.parametrize("path", OAUTH)
def test_browsers_may_read_what_oauth_endpoints_answer(path: str) -> None:
    assert cors.audience(path) == "oauth"
    assert dict(cors.oauth_headers("GET", "200 OK")) == BY_OAUTH_RULES
    for status, exposed in (
        ("200 OK", "DPoP-Nonce"),
        ("400 BAD REQUEST", "DPoP-Nonce"),
        ("401 UNAUTHORIZED", "DPoP-Nonce, WWW-Authenticate"),
    ):
        expected = {**BY_OAUTH_RULES, "Access-Control-Expose-Headers": exposed}
        assert dict(cors.oauth_headers("POST", status)) == expected
