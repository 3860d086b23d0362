from __future__ import annotations

import logging

import pytest

from pds.web.request_log import MAX_LOGGED_CHARS, escape
from tests.web.harness import ALICE, OAUTH_ACCESS, Running


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "pds.requests"]


def test_each_request_is_one_line(web: Running, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "pds.requests")

    answer = web.get("/xrpc/test.web.getPlain", Authorization="Bearer access")

    [line] = lines(caplog)
    fields = dict(field.split("=", 1) for field in line.split())
    assert float(fields.pop("ms")) >= 0
    assert fields == {
        "id": answer.headers["X-Request-Id"],
        "method": "GET",
        "path": "/xrpc/test.web.getPlain",
        "status": "200",
        "bytes": str(len(answer.body)),
        "ip": "127.0.0.1",
        "nsid": "test.web.getPlain",
        "did": ALICE,
    }


def test_calls_of_apps_name_the_app_and_no_token(
    web: Running, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    web.get("/xrpc/test.web.getPlain", Authorization="DPoP app", DPoP="proof")
    web.get("/xrpc/test.web.getPlain", Authorization="DPoP s3cret", DPoP="s3cret proof")

    called, refused = lines(caplog)
    assert f" did={ALICE} client_id={OAUTH_ACCESS.client_id}" in called
    assert " status=401 " in refused
    assert "did=" not in refused
    assert not any("s3cret" in record.getMessage() for record in caplog.records)


def test_secrets_stay_out_of_the_log(web: Running, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    web.post_json(
        "/xrpc/test.web.putNote?token=s3cret",
        {"text": "s3cret"},
        Authorization="Bearer s3cret",
        X_Own="s3cret",
    )
    web.post("/xrpc/test.web.putNote", b'{"text": "s3cret', Content_Type="application/json")

    assert len(lines(caplog)) == 2
    assert not any("s3cret" in record.getMessage() for record in caplog.records)


def test_request_cannot_forge_a_line(web: Running, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "pds.requests")

    web.get("/%0Aid=1%20path=/x%22%1b[2J")

    [line] = lines(caplog)
    assert "\n" not in line
    assert 'path="/\\u000aid=1 path=/x\\u0022\\u001b[2j"' in line.lower()


def test_forwarded_address_of_a_trusted_proxy_is_logged(
    web: Running, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "pds.requests")

    answer = web.get("/xrpc/test.web.getEcho?name=a", X_Forwarded_For="6.6.6.6, 198.51.100.7")

    assert answer.json["ip"] == "198.51.100.7"
    assert " ip=198.51.100.7 " in lines(caplog)[0]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("did:plc:abc", "did:plc:abc"),
        ("", '""'),
        ("a b", '"a b"'),
        ("é", '"é"'),
        ("\u2028", '"\\u2028"'),
        ("x" * 500, '"' + "x" * MAX_LOGGED_CHARS + '…"'),
    ],
)
def test_values_are_one_word_each(value: str, shown: str) -> None:
    assert escape(value) == shown
