"""Exception → response: the one place that decides what a failure looks like to a client.

Spec: https://atproto.com/specs/xrpc#error-responses
"""

from __future__ import annotations

import json
import logging

from flask import Response
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from pds.atproto.car import CarError
from pds.atproto.cid import InvalidCidError
from pds.atproto.crypto.did_key import InvalidKeyError
from pds.atproto.dag_json import InvalidDataError, InvalidJsonError
from pds.atproto.lexicon.validate import InvalidValueError
from pds.atproto.syntax.at_uri import InvalidAtUriError
from pds.atproto.syntax.datetime import InvalidDatetimeError
from pds.atproto.syntax.did import InvalidDidError
from pds.atproto.syntax.handle import InvalidHandleError
from pds.atproto.syntax.nsid import InvalidNsidError
from pds.atproto.syntax.record_key import InvalidRecordKeyError
from pds.atproto.syntax.tid import InvalidTidError
from pds.disk_trouble import disk_trouble
from pds.errors import NAMES, NotEnoughResourcesError, PdsError

logger = logging.getLogger("pds.web")

# What parsing a client's text may raise. Errors about stored data (blocks, trees, commits) are not
# here on purpose: a damaged repo is the server's fault and must not look like the client's.
INPUT_ERRORS: tuple[type[ValueError], ...] = (
    CarError,
    InvalidAtUriError,
    InvalidCidError,
    InvalidDataError,
    InvalidDatetimeError,
    InvalidDidError,
    InvalidHandleError,
    InvalidJsonError,
    InvalidKeyError,
    InvalidNsidError,
    InvalidRecordKeyError,
    InvalidTidError,
    InvalidValueError,
)

RETRY_AFTER_S = 30

_DISK_MESSAGES = {
    "full": "The server has no room for this",
    "broken": "The server's disk does not work at the moment; tell whoever runs it",
}


def describe(error: Exception, request_id: str) -> tuple[int, str, str]:
    """Status, wire name and message of a failure; one that nobody expected is logged whole."""
    if isinstance(error, PdsError):
        return error.status, error.error, error.message
    if isinstance(error, INPUT_ERRORS):
        return 400, "InvalidRequest", str(error)
    if isinstance(error, HTTPException) and error.code is not None:
        name = NAMES.get(error.code, "InvalidRequest" if error.code < 500 else NAMES[500])
        return error.code, name, error.name
    trouble = disk_trouble(error)
    if trouble is not None:
        logger.error("the disk is %s, which failed request %s: %s", trouble, request_id, error)
        return 503, NotEnoughResourcesError.error, _DISK_MESSAGES[trouble]
    logger.error("unexpected error in request %s", request_id, exc_info=error)
    return 500, NAMES[500], "Internal Server Error"


def name_for_log(error: Exception) -> str:
    """What a failure is called in the log: as the client is told, or the exception's own name."""
    return error.error if isinstance(error, PdsError) else type(error).__name__


def error_body(name: str, message: str) -> bytes:
    """The body of every failure: ``{"error", "message"}`` as JSON."""
    return json.dumps({"error": name, "message": message}, separators=(",", ":")).encode("ascii")


def oauth_error_body(status: int, message: str) -> bytes:
    """The same as OAuth clients read it, where no endpoint has seen the request."""
    name = "invalid_request" if status < 500 else "server_error"
    return json.dumps({"error": name, "error_description": message}).encode("ascii")


def error_response(error: Exception, request_id: str) -> Response:
    status, name, message = describe(error, request_id)
    response = Response(
        error_body(name, message), status, content_type="application/json; charset=utf-8"
    )
    if status == 401:
        response.headers.setdefault("WWW-Authenticate", "Bearer")
    return mark(response, error)


def mark(response: Response, error: Exception) -> Response:
    """Add the headers that tell a client when to come back, or which verbs there are."""
    if isinstance(error, PdsError) and error.retry_after is not None:
        response.headers["Retry-After"] = error.retry_after
    if response.status_code in (429, 503):
        response.headers.setdefault("Retry-After", str(RETRY_AFTER_S))
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return response
