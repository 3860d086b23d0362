from __future__ import annotations

import gzip
import logging
from collections.abc import Iterator

import pytest

from pds.xrpc.method import Auths, Method
from tests.web.conftest import fail, send
from tests.web.harness import Running, make_services, running

ECHO = "/xrpc/test.web.getEcho"
NOTE = "/xrpc/test.web.putNote"
CAR = "application/vnd.ipld.car"


@pytest.fixture(scope="module")
def odd() -> Iterator[Running]:
    """Methods that fail or send what is not JSON, under the same name with other handlers."""
    echo = "test.web.getEcho"
    with running(make_services(), {echo: Method(echo, "query", Auths.NONE, fail)}) as server:
        yield server


@pytest.fixture(scope="module")
def sender() -> Iterator[Running]:
    echo = "test.web.getEcho"
    with running(make_services(), {echo: Method(echo, "query", Auths.NONE, send)}) as server:
        yield server


def test_query_gets_typed_parameters_and_defaults(web: Running) -> None:
    answer = web.get(f"{ECHO}?name=caf%C3%A9&reverse=true&ids=1&ids=2&unknown=x")

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.json["params"] == {
        "name": "café",
        "limit": 50,
        "reverse": True,
        "ids": ["1", "2"],
    }


@pytest.mark.parametrize(
    "query", ["", "name=", "name=a&limit=0", "name=a&limit=x", "name=a&name=b", "name=a&reverse=1"]
)
def test_wrong_parameters_are_refused(web: Running, query: str) -> None:
    status, name, message = web.get(f"{ECHO}?{query}").error

    assert (status, name) == (400, "InvalidRequest")
    assert message.startswith("Invalid test.web.getEcho params: ")


def test_parameters_are_checked_before_the_caller() -> None:
    echo = "test.web.getEcho"
    with running(make_services(), {echo: Method(echo, "query", Auths.USER, fail)}) as server:
        assert server.get(ECHO).error[:2] == (400, "InvalidRequest")
        assert server.get(f"{ECHO}?name=a").error[:2] == (401, "AuthMissing")


def test_caller_is_checked_before_the_body() -> None:
    nsid = "test.web.putNote"
    with running(make_services(), {nsid: Method(nsid, "procedure", Auths.USER, fail)}) as server:
        assert server.post(NOTE, b"not json").error[:2] == (401, "AuthMissing")
        with_token = server.post(NOTE, b"not json", Authorization="Bearer access")
        assert with_token.error[:2] == (400, "InvalidRequest")


@pytest.mark.parametrize(
    "path",
    ["/xrpc/test.web.getecho", "/XRPC/TEST.WEB.GETECHO", "/xrpc/test.web.getEcho/"],
)
def test_method_names_match_in_any_case_and_with_a_final_slash(web: Running, path: str) -> None:
    assert web.get(f"{path}?name=a").status == 200


@pytest.mark.parametrize(
    ("verb", "path", "message"),
    [
        ("POST", ECHO, "Incorrect HTTP method (POST) expected GET"),
        ("GET", NOTE, "Incorrect HTTP method (GET) expected POST"),
        ("HEAD", NOTE, None),
        ("PUT", ECHO, "XRPC requests only supports GET and POST"),
        ("DELETE", NOTE, "XRPC requests only supports GET and POST"),
        ("PATCH", "/xrpc/no.such.method", "XRPC requests only supports GET and POST"),
        ("GET", "/xrpc/bad..name", "invalid xrpc path"),
        ("GET", "/xrpc/a", "invalid xrpc path"),
        ("GET", "/xrpc/", "invalid xrpc path"),
        ("GET", "/xrpc//test.web.getEcho", "invalid xrpc path"),
        ("GET", "/xrpc/with%20blank", "invalid xrpc path"),
        ("GET", "/xrpc/a/b", "invalid xrpc path"),
    ],
)
def test_wrong_verbs_and_paths_are_400(
    web: Running, verb: str, path: str, message: str | None
) -> None:
    answer = web.request(verb, path)

    assert answer.status == 400
    if message is not None:
        assert answer.error == (400, "InvalidRequest", message)


@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_what_cannot_be_a_method_is_501(web: Running, verb: str) -> None:
    assert web.request(verb, "/xrpc/nothing").error == (
        501,
        "MethodNotImplemented",
        "Method not implemented",
    )


def test_head_answers_like_get_without_the_body(web: Running) -> None:
    answer = web.request("HEAD", f"{ECHO}?name=a")

    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["Content-Length"]) > 0


def test_procedure_without_output_answers_an_empty_200(web: Running) -> None:
    answer = web.post("/xrpc/test.web.ring")

    assert (answer.status, answer.body) == (200, b"")


def test_json_input_arrives_in_data_model_form_and_returns_as_json(web: Running) -> None:
    value = {
        "text": "hi",
        "link": {"$link": "bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a"},
        "value": {"bytes": {"$bytes": "AQI"}, "n": 1, "deep": [{"x": None}]},
    }

    assert web.post_json(NOTE, value).json == value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"{}",
        b'{"text": 1}',
        b'{"text": "a", "text": "b"}',
        b'{"text": "a", "value": 1.5}',
        b'{"text": "a", "value": NaN}',
        b'{"text": "\\ud800"}',
        b'{"text": "a", "value": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        b'{"text": "\xff"}',
    ],
)
def test_bad_json_bodies_are_400(web: Running, body: bytes) -> None:
    answer = web.post(NOTE, body, Content_Type="application/json")

    assert answer.error[:2] == (400, "InvalidRequest")


def test_empty_json_body_with_a_type_counts_as_an_empty_object(web: Running) -> None:
    path = "/xrpc/test.web.optional"

    assert web.post(path, b"", Content_Type="application/json").json == {}
    assert web.post(path, b"", Content_Length="0").error == (
        400,
        "InvalidRequest",
        "Request encoding (Content-Type) required but not provided",
    )
    raw = web.exchange(f"POST {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    assert b"A request body is expected but none was provided" in raw


@pytest.mark.parametrize(
    ("path", "content_type", "message"),
    [
        (NOTE, "text/plain", "Wrong request encoding (Content-Type): text/plain"),
        (NOTE, "json", "Wrong request encoding (Content-Type): json"),
        ("/xrpc/test.web.uploadCar", "image/png", None),
        ("/xrpc/test.web.uploadFile", "nonsense", None),
    ],
)
def test_wrong_content_type_is_400(
    web: Running, path: str, content_type: str, message: str | None
) -> None:
    answer = web.post(path, b"{}", Content_Type=content_type)

    assert answer.error[:2] == (400, "InvalidRequest")
    assert message is None or answer.error[2] == message


def test_only_the_essence_of_the_content_type_counts(web: Running) -> None:
    answer = web.post(NOTE, b'{"text":"a"}', Content_Type="Application/JSON; charset=utf-8")

    assert answer.json == {"text": "a"}


def test_body_where_none_is_expected_is_400(web: Running) -> None:
    expected = (400, "InvalidRequest", "A request body was provided when none was expected")

    assert web.post("/xrpc/test.web.ring", b"x").error == expected
    assert web.request("GET", f"{ECHO}?name=a", b"x").error == expected
    assert web.post("/xrpc/test.web.ring", iter([b"x"])).error == expected
    assert web.post("/xrpc/test.web.ring", iter([])).status == 200


def test_upload_keeps_type_and_bytes(web: Running) -> None:
    answer = web.post(
        "/xrpc/test.web.uploadFile", b"\x89PNG" + b"x" * 100_000, Content_Type="image/png; q=1"
    )

    assert answer.json == {
        "size": 100_004,
        "start": "\x89PNG" + "x" * 16,
        "type": "image/png; q=1",
    }


@pytest.mark.parametrize("form", ["bytes", "file", "chunks", "sized"])
def test_bodies_of_every_form_arrive_whole(sender: Running, form: str) -> None:
    answer = sender.get(f"{ECHO}?name={form}")

    assert answer.body == bytes(range(256)) * 1_000
    assert sender.request("HEAD", f"{ECHO}?name={form}").body == b""


def test_headers_of_a_body_are_sent(sender: Running) -> None:
    answer = sender.get(f"{ECHO}?name=bytes")

    assert (answer.headers["Content-Type"], answer.headers["X-Own"]) == (CAR, "1")


def test_expected_failure_keeps_its_name(odd: Running) -> None:
    assert odd.get(f"{ECHO}?name=record").error == (
        400,
        "RecordNotFound",
        "Could not locate record",
    )


def test_bug_is_a_500_that_tells_nothing_and_is_logged(
    odd: Running, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        answer = odd.get(f"{ECHO}?name=bug")

    assert answer.error == (500, "InternalServerError", "Internal Server Error")
    [record] = [record for record in caplog.records if record.name == "pds.web"]
    assert answer.headers["X-Request-Id"] in record.getMessage()
    assert record.exc_info is not None


def test_large_json_is_compressed_for_those_who_ask(web: Running) -> None:
    value = {"text": "a" * 5_000}

    plain = web.post_json(NOTE, value)
    packed = web.post_json(NOTE, value, Accept_Encoding="br, gzip;q=0.5")
    refused = web.post_json(NOTE, value, Accept_Encoding="gzip;q=0")

    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body == refused.body
    assert {a.headers["Vary"] for a in (plain, packed, refused)} == {"Accept-Encoding"}


def test_answers_to_authenticated_methods_are_private(web: Running) -> None:
    for answer in (
        web.get("/xrpc/test.web.getPlain"),
        web.get("/xrpc/test.web.getPlain", Authorization="Bearer access"),
    ):
        assert answer.headers["Cache-Control"] == "private"
        assert answer.headers["Vary"] == "Authorization"
    assert "Cache-Control" not in web.get(f"{ECHO}?name=a").headers


def test_handler_sees_request_headers_and_id(web: Running) -> None:
    answer = web.get(f"{ECHO}?name=a", User_Agent="tester", X_Request_Id="chosen by the client")

    assert answer.json["agent"] == "tester"
    assert answer.json["request_id"] == answer.headers["X-Request-Id"] != "chosen by the client"


def test_reply_without_a_body_has_no_type_either(web: Running) -> None:
    """The official client takes a type for a sign that a body follows, and refuses it."""
    answer = web.post("/xrpc/test.web.ring")

    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["Content-Type"] is None
    assert answer.headers["Content-Length"] == "0"
