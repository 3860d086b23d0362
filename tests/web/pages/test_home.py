from __future__ import annotations

import re

import pytest

from tests.web.harness import Running

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize("accept", ["*/*", "text/plain", "application/json", "text/*"])
def test_tools_get_the_banner(web: Running, accept: str) -> None:
    answer = web.get("/", Accept=accept)

    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    for words in (b"AT Protocol Personal Data Server (PDS)", b"/xrpc/", b"https://atproto.com"):
        assert words in answer.body


def test_client_that_accepts_nothing_in_particular_gets_the_banner(web: Running) -> None:
    assert b"AT Protocol" in web.exchange(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")


def test_browsers_get_a_page_that_needs_nothing_from_elsewhere(web: Running) -> None:
    answer = web.get("/", Accept=BROWSER)

    page = answer.body.decode()
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Vary"] == "Accept"
    assert "A &lt;b&gt;PDS&lt;/b&gt;" in page
    assert "invite code" in page
    assert "https://example.com/privacy" in page
    assert page.count("<script") == 1
    loaded = re.findall(r'(?:src|<link rel="(?:icon|stylesheet)" href)="([^"]+)"', page)
    assert len(loaded) == 5
    for url in loaded:
        assert web.get(url).status == 200
