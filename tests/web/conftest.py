"""One server for the tests that only ask and read."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest

from pds.errors import RecordNotFoundError
from pds.xrpc.method import Auth, Auths, Body, Call, Method
from tests.web.harness import FakeServices, Running, make_services, running

UPLOAD_LIMIT = 300_000


def echo(call: Call) -> dict[str, Any]:
    return {
        "params": call.params,
        "kind": call.caller.kind,
        "did": call.caller.did,
        "ip": call.client_ip,
        "token_id": call.caller.token_id,
        "agent": call.headers.get("User-Agent"),
        "request_id": call.request_id,
    }


def note(call: Call) -> dict[str, Any]:
    return call.input


def take_file(call: Call) -> dict[str, Any]:
    assert call.body is not None
    content = call.body.read()
    return {
        "size": len(content),
        "start": content[:20].decode("latin-1"),
        "type": call.content_type,
    }


def fail(call: Call) -> None:
    raise {"record": RecordNotFoundError, "bug": ZeroDivisionError}[call.params["name"]]


def send(call: Call) -> Body:
    content = bytes(range(256)) * 1_000
    forms = {
        "bytes": Body(content, "application/vnd.ipld.car", {"X-Own": "1"}),
        "file": Body(io.BytesIO(content), "application/vnd.ipld.car", size_bytes=len(content)),
        "chunks": Body(iter([content[:100_000], content[100_000:]]), "text/plain"),
        "sized": Body(iter([content]), "text/plain", size_bytes=len(content)),
    }
    return forms[call.params["name"]]


def methods() -> dict[str, Method]:
    return {
        "test.web.getEcho": Method("test.web.getEcho", "query", Auths.NONE, echo),
        "test.web.getPlain": Method("test.web.getPlain", "query", Auths.USER, echo),
        "test.web.putNote": Method("test.web.putNote", "procedure", Auths.NONE, note),
        "test.web.optional": Method("test.web.optional", "procedure", Auths.NONE, note),
        "test.web.ring": Method("test.web.ring", "procedure", Auths.NONE, lambda _: None),
        "test.web.uploadFile": Method(
            "test.web.uploadFile",
            "procedure",
            Auth("none"),
            take_file,
            body_limit_bytes=lambda _: UPLOAD_LIMIT,
        ),
        "test.web.uploadCar": Method("test.web.uploadCar", "procedure", Auths.NONE, take_file),
    }


@pytest.fixture(scope="session")
def fake_services() -> FakeServices:
    found: FakeServices = make_services()
    return found


@pytest.fixture(scope="session")
def web(fake_services: FakeServices) -> Iterator[Running]:
    with running(fake_services, methods()) as server:
        yield server
