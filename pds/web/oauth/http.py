"""What the machine endpoints of OAuth (PAR, token, revocation) have in common.

They take a form or a JSON object, each field once, and answer JSON. Whatever happens, the answer is
not to be stored and carries a nonce for the next proof; a failure is ``error`` and
``error_description``, and one line in the log that says which client was refused and why. Who may
read the answers is in ``pds/web/cors.py``.

Specs: RFC 6749 sections 3.2 and 5, RFC 9126, RFC 9449 section 8
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from flask import Blueprint, Response, request

from pds.atproto import dag_json
from pds.oauth_errors import OAuthError, UseDpopNonceError
from pds.services.devices import Device, seen_device
from pds.services.oauth.fields import fields_of, unique_fields
from pds.services.rate_limits import BudgetSpentError
from pds.web import accepting, bodies
from pds.web.dpop import Credentials, challenge, quotable
from pds.web.errors import RETRY_AFTER_S, describe
from pds.web.rate_limiting import RateLimiting
from pds.web.request_log import ENVIRON_KEY, RequestInfo, escape
from pds.xrpc.limits import GLOBAL_PER_ADDRESS
from pds.xrpc.method import Limit

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from pds.services import Services

logger = logging.getLogger("pds.oauth")

MAX_BODY_BYTES = 65_536
MAX_FIELDS = 100
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"

_ALL_VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True)
class OAuthPost:
    """A request as its endpoint sees it.

    fields: by name, none of them empty. proofs: the values of the ``DPoP`` headers.
    path: as it was sent, for the URL that a proof names.
    """

    fields: Mapping[str, str]
    proofs: tuple[str, ...]
    path: str
    device: Device


@dataclass(frozen=True, slots=True)
class OAuthReply:
    content: Mapping[str, Any]
    status: int = 200


View = Callable[[OAuthPost], OAuthReply]


class WrongVerbError(OAuthError):
    status = 405
    default_message = "Only POST is possible here"


class NotJsonError(OAuthError):
    status = 406
    default_message = "The answer is application/json, which the Accept header excludes"


class WrongContentTypeError(OAuthError):
    status = 415
    default_message = f"The body must be {FORM} or {JSON}, in UTF-8"


def add_endpoint(
    routes: Blueprint, services: Services, path: str, view: View, limits: tuple[Limit, ...]
) -> None:
    """Serve ``path`` with ``view``. limits: what a request costs its address."""
    limiting = RateLimiting(services.rate_limits)

    def answer() -> Response:
        environ = request.environ
        info: RequestInfo = environ[ENVIRON_KEY]
        fields: dict[str, str] = {}
        try:
            limiting.spend_address(environ, GLOBAL_PER_ADDRESS, *limits)
            _check_head(environ)
            fields |= read_fields(environ)
            post = OAuthPost(
                fields,
                Credentials.of(environ).proofs,
                info.path,
                seen_device(environ.get("HTTP_USER_AGENT"), info.client_ip),
            )
            reply = view(post)
            response = _json(reply.content, reply.status)
        except Exception as error:  # noqa: BLE001 # the edge: errors.py tells bugs from failures
            response = _refusal(error, info, fields.get("client_id"))
        response.headers["Cache-Control"] = "no-store"
        response.headers["Pragma"] = "no-cache"
        response.headers["DPoP-Nonce"] = services.oauth.proofs.next_nonce()
        return response

    routes.add_url_rule(
        path, path, answer, methods=list(_ALL_VERBS), provide_automatic_options=False
    )


def read_fields(environ: WSGIEnvironment) -> dict[str, str]:
    """The fields of the body; those without a value count as absent (RFC 6749, section 3.2).

    Raises:
        OAuthError: another content type, a body that cannot be read, a field that comes twice.
        PdsError: too large, or an encoding that is not known, see ``bodies``.
    """
    kind = _content_type(environ.get("CONTENT_TYPE", ""))
    with bodies.open_body({"CONTENT_LENGTH": "0", **environ}, MAX_BODY_BYTES) as body:
        raw = body.read()
    return _read_form(raw) if kind == FORM else _read_json(raw)


def _check_head(environ: WSGIEnvironment) -> None:
    if environ["REQUEST_METHOD"] != "POST":
        raise WrongVerbError
    accepted = accepting.media_types()
    if accepted and not accepted[JSON] > 0:
        raise NotJsonError


def _content_type(header: str) -> str:
    kind, *parameters = (part.strip() for part in header.lower().split(";"))
    charsets = [text for text in parameters if text.startswith("charset=")]
    is_utf8 = all(text[8:].strip('"') in {"utf-8", "utf8"} for text in charsets)
    if kind not in {FORM, JSON} or not is_utf8:
        raise WrongContentTypeError
    return kind


def _read_form(raw: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            raw.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError as error:
        raise OAuthError(f"The body is not a form of at most {MAX_FIELDS} fields") from error
    return unique_fields(pairs)


def _read_json(raw: bytes) -> dict[str, str]:
    try:
        value = dag_json.parse(raw)
    except dag_json.InvalidJsonError as error:
        raise OAuthError(f"The body: {error}") from error
    if not isinstance(value, dict) or len(value) > MAX_FIELDS:
        raise OAuthError(f"The body is not a JSON object of at most {MAX_FIELDS} fields")
    return fields_of(value)


def _refusal(error: Exception, info: RequestInfo, client_id: str | None) -> Response:
    status, name, message = _described(error, info.id)
    logger.log(
        _level(error, status),
        "refused: id=%s path=%s client_id=%s status=%d error=%s reason=%s ip=%s",
        info.id,
        escape(info.path),
        escape(client_id or "-"),
        status,
        escape(name),
        escape(message),
        escape(info.client_ip),
    )
    response = _json({"error": name, "error_description": quotable(message)}, status)
    if status == 401:
        response.headers["WWW-Authenticate"] = challenge(error)
    elif status == 405:
        response.headers["Allow"] = "POST, OPTIONS"
    elif isinstance(error, BudgetSpentError):
        response.headers["Retry-After"] = str(error.standing.retry_after_s)
    elif status in (429, 503):
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def _level(error: Exception, status: int) -> int:
    """With ``use_dpop_nonce`` every client begins."""
    if isinstance(error, UseDpopNonceError):
        return logging.DEBUG
    return logging.WARNING if status >= 500 else logging.INFO


def _described(error: Exception, request_id: str) -> tuple[int, str, str]:
    """Status, name on the wire, description; XRPC's names mean nothing to OAuth clients."""
    status, name, message = describe(error, request_id)
    if isinstance(error, OAuthError):
        return status, name, message
    if status in (429, 502, 503, 504):
        return status, "temporarily_unavailable", message
    return status, "server_error" if status >= 500 else "invalid_request", message


def _json(content: Mapping[str, Any], status: int) -> Response:
    body = json.dumps(content, separators=(",", ":"))
    return Response(body, status, content_type=f"{JSON}; charset=utf-8")
