from __future__ import annotations

import json
import logging

import pytest
from werkzeug.exceptions import MethodNotAllowed, NotFound

from pds import errors
from pds.atproto.cid import InvalidCidError
from pds.atproto.mst.node import MstError
from pds.web.errors import INPUT_ERRORS, describe, error_response


def subclasses(kind: type[errors.PdsError]) -> list[type[errors.PdsError]]:
    return [kind, *(below for child in kind.__subclasses__() for below in subclasses(child))]


@pytest.mark.parametrize(
    "kind", [kind for kind in subclasses(errors.PdsError) if kind.__module__ == "pds.errors"]
)
def test_expected_failures_show_their_own_words(kind: type[errors.PdsError]) -> None:
    error = kind("BadJwt") if kind is errors.ServiceTokenError else kind()

    response = error_response(error, "id")

    assert response.status_code == error.status
    assert json.loads(response.data) == {"error": error.error, "message": error.message}
    assert ("WWW-Authenticate" in response.headers) == (error.status == 401)


@pytest.mark.parametrize("kind", INPUT_ERRORS)
def test_unreadable_identifiers_are_the_clients_fault(kind: type[ValueError]) -> None:
    assert describe(kind("not one"), "id") == (400, "InvalidRequest", "not one")


def test_routing_failures_are_told_by_status() -> None:
    assert describe(NotFound(), "id") == (404, "XRPCNotSupported", "Not Found")
    assert describe(MethodNotAllowed(), "id")[:2] == (405, "InvalidRequest")


@pytest.mark.parametrize("error", [ValueError("secret"), MstError("secret"), KeyError("secret")])
def test_everything_else_is_a_bug_and_hidden(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        described = describe(error, "request-1")

    assert described == (500, "InternalServerError", "Internal Server Error")
    assert "request-1" in caplog.text


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        OSError(30, "Read-only file system", "/pds/blobs/x"),
        OSError(5, "Input/output error"),
        PermissionError(13, "Permission denied", "/pds/blobs"),
    ],
)
def test_disk_at_fault_is_a_503_and_one_line_with_the_reason(
    error: OSError, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        status, name, message = describe(error, "request-1")

    assert (status, name) == (503, "NotEnoughResources")
    assert "/pds" not in message
    assert [record.exc_info for record in caplog.records] == [None]
    assert str(error) in caplog.text


def test_child_of_an_input_error_counts_as_one() -> None:
    class NarrowerError(InvalidCidError):
        pass

    assert describe(NarrowerError("x"), "id")[0] == 400
