"""What hCaptcha is asked, and what of its answers is believed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest

from pds.network.hcaptcha import HCaptcha, MisconfiguredError
from pds.network.http_client import FetchError, ResponseStatusError
from tests.fakes.web_server import WebServer, client, web_server

PATH = "/siteverify"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    with web_server() as server:
        monkeypatch.setattr("pds.network.hcaptcha.VERIFY_URL", server.url + PATH)
        yield server


def ask(answer: str = "the answer & more", ip: str | None = "192.0.2.7") -> bool:
    with client() as http:
        return HCaptcha("the site", "the secret", http).is_solved(answer, ip)


def reply(server: WebServer, **said: Any) -> None:
    server.text(PATH, json.dumps({name.replace("_", "-"): value for name, value in said.items()}))


@pytest.mark.parametrize("ip", ["192.0.2.7", None])
def test_answer_is_sent_with_our_keys_and_nothing_else(server: WebServer, ip: str | None) -> None:
    reply(server, success=True)

    assert ask(ip=ip)

    [asked] = server.asked
    assert (asked.method, asked.headers["content-type"]) == (
        "POST",
        "application/x-www-form-urlencoded",
    )
    assert parse_qs(asked.body.decode()) == {
        "secret": ["the secret"],
        "sitekey": ["the site"],
        "response": ["the answer & more"],
        **({"remoteip": [ip]} if ip else {}),
    }


def test_wrong_answer_is_wrong(server: WebServer) -> None:
    reply(server, success=False, error_codes=["invalid-input-response"])

    assert not ask()


def test_keys_that_are_refused_are_the_operators_trouble(server: WebServer) -> None:
    reply(server, success=False, error_codes=["sitekey-secret-mismatch", "invalid-input-response"])

    with pytest.raises(MisconfiguredError, match=r"sitekey-secret-mismatch$") as caught:
        ask()
    assert "the secret" not in str(caught.value)


@pytest.mark.parametrize(
    "body", ["", "<html>", "[]", "null", '{"success":"true"}', '{"success":1}', "{}", '{"a":']
)
def test_nonsense_is_no_verdict(server: WebServer, body: str) -> None:
    server.text(PATH, body)

    with pytest.raises(FetchError):
        ask()


@pytest.mark.parametrize("codes", [None, "x", 7, [1, None]])
def test_strange_reasons_do_no_harm(server: WebServer, codes: Any) -> None:
    reply(server, success=False, error_codes=codes)

    assert not ask()


def test_failing_server_is_no_verdict(server: WebServer) -> None:
    server.text(PATH, '{"success":true}', 500)

    with pytest.raises(ResponseStatusError):
        ask()
