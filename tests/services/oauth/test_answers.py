"""Where the browser is sent, letter by letter."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from pds.services.oauth import answers
from pds.services.oauth.model import AuthorizationParameters, ResponseMode

ISSUER = "https://pds.example.com"


def parameters(redirect_uri: str, mode: ResponseMode = "query") -> AuthorizationParameters:
    return AuthorizationParameters(
        redirect_uri=redirect_uri,
        scope="atproto",
        state="a b&c=é",
        code_challenge="",
        response_mode=mode,
    )


@pytest.mark.parametrize(
    ("redirect_uri", "expected"),
    [
        ("https://app.example/cb", "https://app.example/cb?"),
        ("https://app.example/cb?", "https://app.example/cb?"),
        ("https://app.example/cb?a=1", "https://app.example/cb?a=1&"),
        ("https://app.example/cb?a=1&", "https://app.example/cb?a=1&"),
        ("net.example.app:/cb", "net.example.app:/cb?"),
        ("http://[::1]:8080/", "http://[::1]:8080/?"),
    ],
)
def test_query_is_added_to_the_one_there_is(redirect_uri: str, expected: str) -> None:
    answer = answers.granted(ISSUER, parameters(redirect_uri), "cod-1")

    assert answer.url == (
        expected + "iss=https%3A%2F%2Fpds.example.com&state=a%20b%26c%3D%C3%A9&code=cod-1"
    )
    assert not answer.is_form


def test_fragment_stays_behind_a_query() -> None:
    answer = answers.granted(ISSUER, parameters("https://app.example/cb?a=1#here"), "cod-1")

    assert urlsplit(answer.url).fragment == "here"
    assert parse_qs(urlsplit(answer.url).query)["code"] == ["cod-1"]


@pytest.mark.parametrize("redirect_uri", ["https://app.example/cb?a=1", "https://app.example/cb#x"])
def test_fragment_holds_all(redirect_uri: str) -> None:
    answer = answers.refused(
        ISSUER, parameters(redirect_uri, "fragment"), "access_denied", "No, thanks."
    )

    before, _, fragment = answer.url.partition("#")
    assert before == redirect_uri.partition("#")[0]
    assert parse_qs(fragment) == {
        "iss": [ISSUER],
        "state": ["a b&c=é"],
        "error": ["access_denied"],
        "error_description": ["No, thanks."],
    }


def test_form_has_the_fields() -> None:
    answer = answers.granted(ISSUER, parameters("https://app.example/cb", "form_post"), "cod-1")

    assert answer.is_form
    assert answer.fields == {"iss": ISSUER, "state": "a b&c=é", "code": "cod-1"}
    assert "cod-1" not in repr(answer)
