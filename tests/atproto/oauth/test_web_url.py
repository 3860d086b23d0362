"""URLs: what is read, in which parts, and when two paths are the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pds.atproto.oauth.web_url import InvalidUrlError, WebUrl, normal_path, parse_web_url

segments = st.text(alphabet="aZ09-._~%2eEfF/:", max_size=12)


def test_parts_are_as_written() -> None:
    url = parse_web_url("HTTPS://me:pw@App.Example.COM:8443/a/../b?c=/d?#e")

    assert url == WebUrl("https", True, "app.example.com", 8443, "/a/../b", "c=/d?", "e")
    assert parse_web_url("http://a.example") == WebUrl(
        "http", False, "a.example", None, "/", None, None
    )
    assert parse_web_url("http://a.example/?#").query == ""


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://a.example:443/x", "https://a.example"),
        ("https://A.example", "https://a.example"),
        ("http://a.example:80", "http://a.example"),
        ("http://a.example:443", "http://a.example:443"),
        ("https://a.example:0443", "https://a.example"),
        ("http://[0:0:0::1]:8080/", "http://[::1]:8080"),
        ("http://127.0.0.1", "http://127.0.0.1"),
    ],
)
def test_origin(text: str, origin: str) -> None:
    assert parse_web_url(text).origin == origin


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("example.com", False),
        ("a.b.example.org", False),
        ("8.8.8.8", False),
        ("[2606:4700::1111]", False),
        ("localhost", True),
        ("LOCALHOST", True),
        ("app.localhost", True),
        ("printer.local", True),
        ("intranet", True),
        ("a.test", True),
        ("a.invalid", True),
        ("a.example", True),
        ("127.0.0.1", True),
        ("10.0.0.1", True),
        ("192.168.1.1", True),
        ("169.254.1.1", True),
        ("[::1]", True),
        ("[::ffff:127.0.0.1]", True),
        ("[fe80::1]", True),
        ("[fd00::1]", True),
    ],
)
def test_local_hosts(host: str, *, local: bool) -> None:
    assert parse_web_url(f"https://{host}/").is_local is local


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https:",
        "https://",
        "https:///a",
        "https:/a.example",
        "https:a.example",
        "//a.example",
        "ftp://a.example",
        "javascript://a.example/%0aalert(1)",
        " https://a.example",
        "https://a.example\n",
        "https://a.exa\tmple",
        "https://a.example/ ",
        "https://a.example\\b",
        "https://a.example\\@b.example",
        "https://a.example/\\b",
        "https://a@b@c.example",
        "https://a.example/é",
        "https://é.example/",
        "https://a.example/%",
        "https://a.example/%zz",
        "https://a.example/<b>",
        'https://a.example/"',
        "https://a.example:65536/",
        "https://a.example:/",
        "https://a.example:port/",
        "https://a..example/",
        "https://.a.example/",
        "https://a.example./",
        "https://-a.example/",
        "https://1.2.3/",
        "https://1.2.3.256/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://0x7f000001/",
        "https://127.0.0.01/",
        "https://a.0x1/",
        "https://[::1/",
        "https://[::g]/",
        "https://[1.2.3.4]/",
        "https://%61.example/",
        "https://a.example/" + "a" * 4096,
    ],
)
def test_what_parsers_disagree_about_is_refused(text: str) -> None:
    with pytest.raises(InvalidUrlError):
        parse_web_url(text)


@pytest.mark.parametrize(
    ("path", "normal"),
    [
        ("/", "/"),
        ("/a", "/a"),
        ("/a/", "/a/"),
        ("/a//b", "/a//b"),
        ("/a/./b", "/a/b"),
        ("/a/../b", "/b"),
        ("/a/b/..", "/a/"),
        ("/a/.", "/a/"),
        ("/..", "/"),
        ("/../../a", "/a"),
        ("/a/%2e%2E/b", "/b"),
        ("/%7euser", "/~user"),
        ("/%41%2f%3a", "/A%2F%3A"),
        ("/a%20b", "/a%20b"),
        ("/A", "/A"),
        ("/a.b", "/a.b"),
        ("/...", "/..."),
    ],
)
def test_paths_have_one_form(path: str, normal: str) -> None:
    assert normal_path(path) == normal


@given(segments)
def test_normal_form_is_final(path: str) -> None:
    once = normal_path("/" + path)

    assert normal_path(once) == once
    assert once.startswith("/")
    assert not {".", ".."} & set(once.split("/"))


@given(segments, st.integers(0, 30))
def test_escaping_a_plain_character_changes_nothing(path: str, position: int) -> None:
    text = "/" + path.replace("%", "")
    at = position % len(text)
    if text[at] in "/:":
        return
    escaped = f"{text[:at]}%{ord(text[at]):02x}{text[at + 1 :]}"

    assert normal_path(escaped) == normal_path(text)


@given(st.text(alphabet="htps:/[]@.a1x%\\?# \n", max_size=30))
def test_no_text_does_harm(text: str) -> None:
    try:
        url = parse_web_url("https://" + text)
    except InvalidUrlError:
        return
    assert url.host
    assert "@" not in url.host
    assert url.path.startswith("/")
