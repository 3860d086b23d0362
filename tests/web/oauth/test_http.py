"""What every machine endpoint does before and after its own work, tried on one that echoes."""

from __future__ import annotations

import gzip
import json
import logging
import threading
import zlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Blueprint
from hypothesis import given, settings
from hypothesis import strategies as st

from pds.errors import NotEnoughResourcesError, UpstreamTimeoutError
from pds.oauth_errors import InvalidDpopProofError, InvalidGrantError, UseDpopNonceError
from pds.services.rate_limits import RateLimits
from pds.web.app import create_app
from pds.web.oauth import http
from pds.web.oauth.http import OAuthPost, OAuthReply
from pds.web.server import Server, ServerOptions
from pds.xrpc.method import Limit
from tests.factories import StillClock
from tests.web.harness import Answer, Running, make_services

FAILURES: dict[str, Exception] = {
    "grant": InvalidGrantError('the "code" is\tunknown\\é'),
    "nonce": UseDpopNonceError(),
    "proof": InvalidDpopProofError('"iat" is missing'),
    "full": NotEnoughResourcesError(),
    "slow": UpstreamTimeoutError(),
    "bug": ZeroDivisionError("s3cret"),
}
THREADS: list[str] = []


def echo(post: OAuthPost) -> OAuthReply:
    THREADS.append(threading.current_thread().name)
    if "fail" in post.fields:
        raise FAILURES[post.fields["fail"]]
    return OAuthReply(
        {
            "fields": dict(post.fields),
            "proofs": list(post.proofs),
            "path": post.path,
            "agent": post.device.user_agent,
        },
        201,
    )


@pytest.fixture(scope="module")
def limits() -> RateLimits:
    return RateLimits(StillClock(), enabled=False)


@pytest.fixture(scope="module")
def web(limits: RateLimits) -> Iterator[Running]:
    proofs = SimpleNamespace(next_nonce=lambda: "the next nonce")
    services = make_services(oauth=SimpleNamespace(proofs=proofs), rate_limits=limits)
    app = create_app(services, {})
    routes = Blueprint("echo", __name__)
    http.add_endpoint(routes, services, "/oauth/echo", echo, (Limit("echo", 2, 300),))
    app.register_blueprint(routes)
    server = Server(app, ServerOptions("127.0.0.1", 0, 2), app.extensions["dispatcher"])
    thread = threading.Thread(target=server.run)
    thread.start()
    yield Running(server, app, thread)
    server.stop()
    thread.join(15)


def post(web: Running, body: bytes | str = "", kind: str = http.FORM, **headers: str) -> Answer:
    return web.post("/oauth/echo", body, Content_Type=kind, **headers)


def refused(answer: Answer, status: int, error: str) -> str:
    """The description of a failure, which is as every failure is."""
    assert (answer.status, answer.json["error"]) == (status, error), answer.body
    assert answer.json.keys() == {"error", "error_description"}
    assert answer.headers["Content-Type"].startswith("application/json")
    assert_never_stored(answer)
    return str(answer.json["error_description"])


def assert_never_stored(answer: Answer) -> None:
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Pragma"] == "no-cache"
    assert answer.headers["DPoP-Nonce"] == "the next nonce"


def test_form_is_read(web: Running) -> None:
    body = urlencode({"state": "a+b c&é", "empty": "", "scope": "repo:%zz"})

    answer = post(web, body, DPoP="a.b.c", User_Agent="app")

    assert answer.status == 201
    assert_never_stored(answer)
    assert answer.json == {
        "fields": {"state": "a+b c&é", "scope": "repo:%zz"},
        "proofs": ["a.b.c"],
        "path": "/oauth/echo",
        "agent": "app",
    }


def test_json_is_read_too(web: Running) -> None:
    body = json.dumps({"state": "é", "max_age": 3, "nothing": None, "empty": ""})

    answer = post(web, body, http.JSON)

    assert (answer.status, answer.json["fields"]) == (201, {"state": "é", "max_age": "3"})
    assert answer.json["proofs"] == []


@pytest.mark.parametrize(
    "kind",
    [
        "application/x-www-form-urlencoded;charset=UTF-8",
        'Application/X-WWW-Form-URLencoded; charset="utf-8"',
        "application/x-www-form-urlencoded; boundary=x",
    ],
)
def test_content_types_that_are_read(web: Running, kind: str) -> None:
    assert post(web, "a=b", kind).json["fields"] == {"a": "b"}


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/x-www-form-urlencoded; charset=latin-1",
        "application/json; charset=utf-16",
    ],
)
def test_content_types_that_are_not(web: Running, kind: str) -> None:
    refused(post(web, "a=b", kind), 415, "invalid_request")


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        ("a=1&b=2&a=1", http.FORM, "a: comes more than once"),
        ("a=&a=1", http.FORM, "a: comes more than once"),
        ('{"a":"1","a":"1"}', http.JSON, "same key twice"),
        (b"a=\xff", http.FORM, "not a form"),
        ("a=%ff", http.FORM, "not a form"),
        ("&".join(f"a{n}=1" for n in range(101)), http.FORM, "100 fields"),
        (json.dumps({f"a{n}": "1" for n in range(101)}), http.JSON, "100 fields"),
        ("{", http.JSON, "not JSON"),
        ("[]", http.JSON, "not a JSON object"),
        ("[" * 5_000, http.JSON, "nested"),
        ('{"a": "\\ud800"}', http.JSON, "surrogate"),
        ('{"a": ["b"]}', http.JSON, "a: must be a string"),
        ('{"a": {"b": 1}}', http.JSON, "a: must be a string"),
        ('{"a": true}', http.JSON, "a: must be a string"),
        ('{"a": 1.5}', http.JSON, "a: must be a string"),
    ],
)
def test_bodies_that_cannot_be_read(web: Running, body: bytes | str, kind: str, said: str) -> None:
    assert said in refused(post(web, body, kind), 400, "invalid_request")


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda raw: raw_deflate(raw)),
    ],
)
def test_packed_bodies_are_unpacked(web: Running, encoding: str, pack: Any) -> None:
    answer = post(web, pack(b"a=b"), Content_Encoding=encoding)

    assert answer.json["fields"] == {"a": "b"}


def raw_deflate(raw: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(raw) + packer.flush()


def test_bodies_have_a_largest_size_packed_or_not(web: Running) -> None:
    fits = "a=" + "x" * (http.MAX_BODY_BYTES - 2)
    assert post(web, fits).status == 201
    refused(post(web, fits + "x"), 413, "invalid_request")
    bomb = gzip.compress(b"a=" + b"x" * 10_000_000)
    refused(post(web, bomb, Content_Encoding="gzip"), 413, "invalid_request")


def test_encodings_that_cannot_be_undone(web: Running) -> None:
    refused(post(web, b"a=b", Content_Encoding="br"), 415, "invalid_request")
    refused(post(web, b"no gzip", Content_Encoding="gzip"), 400, "invalid_request")


@pytest.mark.parametrize(
    "accept", ["", "*/*", "application/*", "text/html, application/json;q=0.1"]
)
def test_answer_is_json_if_the_client_takes_it(web: Running, accept: str) -> None:
    assert post(web, "a=b", Accept=accept).status == 201


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "image/*, text/*"])
def test_answer_is_refused_if_the_client_does_not(web: Running, accept: str) -> None:
    refused(post(web, "a=b", Accept=accept), 406, "invalid_request")


@pytest.mark.parametrize("verb", ["GET", "PUT", "PATCH", "DELETE"])
def test_only_post_is_possible(web: Running, verb: str) -> None:
    answer = web.request(verb, "/oauth/echo")

    refused(answer, 405, "invalid_request")
    assert answer.headers["Allow"] == "POST, OPTIONS"


def test_post_without_a_body_is_one_without_fields(web: Running) -> None:
    raw = (
        b"POST /oauth/echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    )

    assert b'"fields":{}' in web.exchange(raw)


def test_several_proofs_are_told_apart_from_one(web: Running) -> None:
    raw = (
        b"POST /oauth/echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nDPoP: a\r\nDPoP: b\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 0\r\n\r\n"
    )

    assert b'"proofs":["a, b"]' in web.exchange(raw)


@pytest.mark.parametrize(
    ("name", "status", "error"),
    [
        ("grant", 400, "invalid_grant"),
        ("nonce", 400, "use_dpop_nonce"),
        ("proof", 401, "invalid_dpop_proof"),
        ("full", 503, "temporarily_unavailable"),
        ("slow", 504, "temporarily_unavailable"),
    ],
)
def test_failures_have_names_that_oauth_clients_know(
    web: Running, name: str, status: int, error: str
) -> None:
    answer = post(web, f"fail={name}")

    refused(answer, status, error)
    assert ("Retry-After" in answer.headers) == (status == 503)
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


def test_unauthorized_is_told_as_a_challenge(web: Running) -> None:
    answer = post(web, "fail=proof")

    assert answer.headers["WWW-Authenticate"] == (
        'DPoP algs="RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES256K ES384 ES512",'
        ' error="invalid_dpop_proof", error_description="\'iat\' is missing"'
    )


def test_descriptions_hold_only_what_oauth_admits(web: Running) -> None:
    assert post(web, "fail=grant").json["error_description"] == "the 'code' is?unknown??"


def test_bug_is_told_without_its_words(web: Running, caplog: pytest.LogCaptureFixture) -> None:
    answer = post(web, "fail=bug")

    assert "s3cret" not in refused(answer, 500, "server_error")
    assert "ZeroDivisionError" in caplog.text


def test_refusal_is_one_line_in_the_log(web: Running, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    answer = post(
        web,
        "fail=grant&client_id=https://app.example.com/a b&code=s3cret&client_assertion=s3cret",
        DPoP="s3cret",
    )

    [line] = [record.getMessage() for record in caplog.records if record.name == "pds.oauth"]
    assert line == (
        f"refused: id={answer.headers['X-Request-Id']} path=/oauth/echo"
        ' client_id="https://app.example.com/a b" status=400 error=invalid_grant'
        ' reason="the \\u0022code\\u0022 is\\u0009unknown\\u005cé" ip=127.0.0.1'
    )
    assert "s3cret" not in caplog.text


def test_requests_cost_their_address(
    web: Running, limits: RateLimits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "enabled", True)

    answers = [post(web, "a=b") for _ in range(2)] + [post(web, "malformed", "text/plain")]

    assert [answer.status for answer in answers] == [201, 201, 429]
    refused(answers[2], 429, "temporarily_unavailable")
    assert answers[2].headers["Retry-After"] == "300"
    assert answers[2].headers["RateLimit-Limit"] == "2"


def test_endpoints_that_ask_others_run_in_threads_of_their_own(web: Running) -> None:
    THREADS.clear()

    post(web, "a=b")

    assert THREADS[0].startswith("waiting")


HEADERS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40)


@settings(max_examples=150, deadline=None)
@given(
    body=st.binary(max_size=200),
    kind=st.sampled_from([http.FORM, http.JSON]) | HEADERS,
    encoding=st.sampled_from(["", "gzip", "deflate", "gzip, gzip", "br"]) | HEADERS,
    accept=st.sampled_from(["", "*/*"]) | HEADERS,
)
def test_whatever_is_sent_is_answered_in_oauths_words(
    web: Running, body: bytes, kind: str, encoding: str, accept: str
) -> None:
    answer = post(web, body, kind, Content_Encoding=encoding, Accept=accept)

    assert answer.status in (201, 400, 406, 413, 415)
    assert_never_stored(answer)
    assert ("error_description" in answer.json) == (answer.status != 201)
