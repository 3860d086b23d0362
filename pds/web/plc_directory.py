"""The HTTP face of the embedded did:plc directory (local mode only).

Spec: https://web.plc.directory/api/redoc
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request

from pds.atproto import dag_json
from pds.atproto.dag_json import InvalidJsonError
from pds.atproto.syntax.did import is_did
from pds.errors import InvalidRequestError, PdsError
from pds.web.responses import JSON

if TYPE_CHECKING:
    from pds.services.local_plc import LocalPlc

DID_DOCUMENT = "application/did+ld+json; charset=utf-8"
JSON_LINES = "application/jsonlines; charset=utf-8"
MAX_EXPORT = 1_000


def blueprint(directory: LocalPlc) -> Blueprint:
    """All routes of the directory, at the root of the server."""
    routes = Blueprint("plc_directory", __name__)
    views: dict[str, tuple[Callable[[str], Any], str]] = {
        "": (directory.document, DID_DOCUMENT),
        "/data": (directory.data, JSON),
        "/log": (directory.log, JSON),
        "/log/audit": (directory.audit_log, JSON),
        "/log/last": (directory.last, JSON),
    }

    @routes.post("/did:plc:<name>")
    def submit(name: str) -> Response:
        directory.submit(_did(name), _operation(request.get_data()))
        return Response(b"", 200)

    def add(suffix: str, read: Callable[[str], Any], content_type: str) -> None:
        def view(name: str) -> Response:
            return Response(_dump(read(_did(name))), 200, content_type=content_type)

        endpoint = f"did{suffix.replace('/', '_')}"
        routes.add_url_rule(f"/did:plc:<name>{suffix}", endpoint, view)

    for suffix, (read, content_type) in views.items():
        add(suffix, read, content_type)

    @routes.get("/export")
    def export() -> Response:
        count = _count(request.args.get("count", str(MAX_EXPORT)))
        entries = _export(directory, request.args.get("after", ""), count)
        return Response("\n".join(map(_dump, entries)), 200, content_type=JSON_LINES)

    @routes.errorhandler(PdsError)
    def refuse(error: PdsError) -> Response:
        return Response(_dump({"message": error.message}), error.status, content_type=JSON)

    return routes


def _did(name: str) -> str:
    did = f"did:plc:{name}"
    if not is_did(did):
        message = f"Not a DID: {did}"
        raise InvalidRequestError(message)
    return did


def _operation(body: bytes) -> dict[str, Any]:
    try:
        operation = dag_json.parse(body)
    except InvalidJsonError as error:
        message = f"Invalid operation: {error}"
        raise InvalidRequestError(message) from error
    if not isinstance(operation, dict):
        message = "Invalid operation: must be an object"
        raise InvalidRequestError(message)
    return operation


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:9]) <= MAX_EXPORT):
        message = f"count must be a number from 1 to {MAX_EXPORT}"
        raise InvalidRequestError(message)
    return int(text)


def _export(directory: LocalPlc, after: str, count: int) -> list[dict[str, Any]]:
    """``after`` is a number (the newer form), a time, or nothing (both the older form)."""
    if not after:
        return directory.export(None, count)
    if after.isascii() and after.isdigit() and len(after) <= 16:
        return directory.export(int(after), count)
    try:
        moment = datetime.fromisoformat(after.replace(" ", "+"))
    except ValueError as error:
        message = "after must be a number or a time"
        raise InvalidRequestError(message) from error
    if moment.tzinfo is None:
        message = "after must name its time zone"
        raise InvalidRequestError(message)
    return directory.export_since(int(moment.timestamp() * 1_000_000), count)


def _dump(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
