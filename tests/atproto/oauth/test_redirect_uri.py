"""Redirect URIs: which may be registered, and that no other is ever matched."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pds.atproto.oauth import redirect_uri
from pds.atproto.oauth.client_errors import ClientMetadataError
from pds.atproto.oauth.redirect_uri import (
    check_loopback_redirect_uri,
    check_redirect_uri,
    choose_redirect_uri,
    is_registered,
)
from pds.atproto.oauth.web_url import WebUrl, parse_web_url

CLIENT = "https://app.example.com/client.json"
WEB_URI = "https://app.example.com/callback?a=b"


def check(uri: Any, *, native: bool = False, client: str = CLIENT) -> str:
    return check_redirect_uri(uri, client=parse_web_url(client), native=native)


def refused(uri: Any, *, native: bool, client: str = CLIENT) -> str:
    with pytest.raises(ClientMetadataError) as caught:
        check(uri, native=native, client=client)
    assert caught.value.error == "invalid_redirect_uri"
    return str(caught.value)


FOR_ALL = [
    "https://app.example.com/callback",
    "https://other.example.org:8443/a?b=c",
    "https://app.example.com/#/callback",
    "https://app.example.com",
]
FOR_NATIVE = [
    "http://127.0.0.1/callback",
    "http://127.0.0.1",
    "http://127.0.0.1:8080/a/b?c",
    "http://[::1]:8080/",
    "com.example.app:/",
    "com.example.app:/callback/a?b=c",
    "Com.Example.App:/callback",
]
FOR_NOBODY = [
    None,
    5,
    "",
    "callback",
    "//app.example.com/callback",
    "https://app.example.com/\n",
    "https://app.example.com\\@evil.example.net/",
    "https://me@app.example.com/callback",
    "https://me:pw@app.example.com/callback",
    "https://localhost/callback",
    "https://intranet/callback",
    "https://app.local/callback",
    "https://app.test/callback",
    "https://127.0.0.1/callback",
    "https://192.168.1.1/callback",
    "http://app.example.com/callback",
    "http://localhost/callback",
    "http://localhost:8080/callback",
    "http://127.0.0.2/callback",
    "http://127.1/callback",
    "http://me@127.0.0.1/callback",
    "http://127.0.0.1.example.com/callback",
    "http://[::2]/callback",
    "javascript:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "myapp:/callback",
    "app:/callback",
    "com.example.app://callback",
    "com.example.app:///callback",
    "com.example.app:callback",
    "com.example.app:",
    "com.example.app:/a b",
    "com.example.app:/%",
    "com.example.other:/callback",
    "com.example:/callback",
    "com.example.app.sub:/callback",
    "app.example.com:/callback",
    "https://app.example.com/" + "a" * 4096,
    "com.example.app:/" + "a" * 4096,
]


@pytest.mark.parametrize("uri", FOR_ALL)
@pytest.mark.parametrize("native", [False, True])
def test_https_is_for_all(uri: str, *, native: bool) -> None:
    assert check(uri, native=native) == uri


@pytest.mark.parametrize("uri", FOR_NATIVE)
def test_loopback_and_private_schemes_are_for_native_clients(uri: str) -> None:
    assert check(uri, native=True) == uri
    assert "native" in refused(uri, native=False)


@pytest.mark.parametrize("uri", FOR_NOBODY)
@pytest.mark.parametrize("native", [False, True])
def test_what_nobody_may_register(uri: Any, *, native: bool) -> None:
    assert refused(uri, native=native).startswith("redirect_uris: ")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_developers_are_told_what_to_write_in_place_of_localhost(scheme: str) -> None:
    assert "use 127.0.0.1" in refused(f"{scheme}://localhost:8080/callback", native=True)


def test_client_under_test_may_redirect_to_this_machine() -> None:
    client = "http://127.0.0.1:5000/client.json"

    assert check("http://127.0.0.1:5000/callback", client=client)
    assert "loopback addresses only" in refused("http://10.0.0.1/", native=False, client=client)
    assert "reversed host" in refused("com.example.app:/a", native=True, client=client)


@pytest.mark.parametrize("uri", ["http://127.0.0.1", "http://127.0.0.1:1/a?b", "http://[::1]/"])
def test_program_on_the_machine_redirects_to_itself(uri: str) -> None:
    assert check_loopback_redirect_uri(uri) == uri


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "http://localhost/",
        "https://127.0.0.1/",
        "http://10.0.0.1/",
        "http://me@127.0.0.1/",
        "https://app.example.com/",
        "com.example.app:/a",
    ],
)
def test_program_on_the_machine_redirects_nowhere_else(uri: str) -> None:
    with pytest.raises(ClientMetadataError) as caught:
        check_loopback_redirect_uri(uri)
    assert caught.value.error == "invalid_redirect_uri"


@pytest.mark.parametrize(
    ("requested", "registered", "same"),
    [
        (WEB_URI, WEB_URI, True),
        ("com.example.app:/a", "com.example.app:/a", True),
        (WEB_URI + "&c=d", WEB_URI, False),
        (WEB_URI + "#", WEB_URI, False),
        ("https://app.example.com:443/callback?a=b", WEB_URI, False),
        ("https://APP.example.com/callback?a=b", WEB_URI, False),
        ("https://app.example.com/x/../callback?a=b", WEB_URI, False),
        ("https://app.example.com/callback/evil?a=b", WEB_URI, False),
        ("https://app.example.com.evil.example.net/callback?a=b", WEB_URI, False),
        ("https://app.example.com@evil.example.net/callback?a=b", WEB_URI, False),
        ("com.example.app:/b", "com.example.app:/a", False),
        ("http://127.0.0.1:8080/a", "http://127.0.0.1/a", True),
        ("http://127.0.0.1/a", "http://127.0.0.1/a", True),
        ("http://[::1]:65535/?b", "http://[::1]/?b", True),
        ("http://127.0.0.1:8080", "http://127.0.0.1/", True),
        ("http://127.0.0.1:8080/a", "http://127.0.0.1:8080/a", True),
        ("http://127.0.0.1:8081/a", "http://127.0.0.1:8080/a", False),
        ("http://127.0.0.1/a", "http://127.0.0.1:8080/a", False),
        ("http://127.0.0.1:8080/b", "http://127.0.0.1/a", False),
        ("http://127.0.0.1:8080/a?b", "http://127.0.0.1/a", False),
        ("http://127.0.0.1:8080/a#b", "http://127.0.0.1/a", False),
        ("http://[::1]:8080/a", "http://127.0.0.1/a", False),
        ("http://localhost:8080/a", "http://127.0.0.1/a", False),
        ("https://127.0.0.1:8080/a", "http://127.0.0.1/a", False),
        ("http://me@127.0.0.1:8080/a", "http://127.0.0.1/a", False),
        ("http://127.0.0.1:8080@evil.example.net/a", "http://127.0.0.1/a", False),
        ("http://127.0.0.1:99999/a", "http://127.0.0.1/a", False),
        ("http://127.0.0.1:/a", "http://127.0.0.1/a", False),
        ("", "http://127.0.0.1/a", False),
    ],
)
def test_requested_is_registered(requested: str, registered: str, *, same: bool) -> None:
    assert is_registered(requested, [registered]) is same


@given(st.integers(0, 65_535), st.text(alphabet="ab/~", max_size=8))
def test_port_of_a_program_is_free_and_nothing_else(port: int, path: str) -> None:
    registered = f"http://127.0.0.1/{path}"

    assert is_registered(f"http://127.0.0.1:{port}/{path}", [registered])
    assert not is_registered(f"http://127.0.0.1:{port}/{path}x", [registered])
    assert not is_registered(f"http://127.0.0.1:{port}/{path}", [f"https://127.0.0.1/{path}"])


@given(st.text(alphabet="htps:/@.ab1?#\\ ", max_size=25))
def test_only_equal_texts_match_outside_the_own_machine(text: str) -> None:
    assert is_registered(text, [WEB_URI]) is (text == WEB_URI)


def test_of_a_long_list_nothing_is_read_for_uris_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[str] = []

    def reading(text: str) -> WebUrl:
        read.append(text)
        return parse_web_url(text)

    monkeypatch.setattr(redirect_uri, "parse_web_url", reading)
    registered = [*(f"http://127.0.0.1/{n}" for n in range(500)), WEB_URI]

    assert is_registered(WEB_URI, registered)
    assert not is_registered(WEB_URI + "x", registered)
    assert not is_registered("com.example.app:/a", registered)
    assert read == []
    assert not is_registered("http://10.0.0.1/", registered)
    assert read == ["http://10.0.0.1/"]
    assert is_registered("http://127.0.0.1:99/499", registered)


def test_one_is_chosen() -> None:
    both = (WEB_URI, "http://127.0.0.1/a")

    assert choose_redirect_uri(None, (WEB_URI,)) == WEB_URI
    assert choose_redirect_uri(WEB_URI, both) == WEB_URI
    assert choose_redirect_uri("http://127.0.0.1:5000/a", both) == "http://127.0.0.1:5000/a"
    for requested in (None, "", WEB_URI + "x"):
        with pytest.raises(ClientMetadataError) as caught:
            choose_redirect_uri(requested, both)
        assert (caught.value.error, caught.value.field) == ("invalid_redirect_uri", "redirect_uri")
