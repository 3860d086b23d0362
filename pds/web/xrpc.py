"""``/xrpc/<nsid>``: find the method, check, authenticate, call it, encode what it returns.

The order is fixed and visible to clients: the address's budget, parameters, caller, body, the
caller's OAuth scopes, the method's budgets, handler. A request with wrong parameters is told so
before it is told to log in.
Spec: https://atproto.com/specs/xrpc
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from flask import Response

from pds.errors import NAMES, InvalidRequestError
from pds.oauth_errors import UseDpopNonceError
from pds.web import bodies, dpop, responses
from pds.web.authentication import authenticate
from pds.web.dpop import Credentials
from pds.web.environ import Headers
from pds.web.errors import error_body, error_response, name_for_log
from pds.web.proxy import pass_on
from pds.web.rate_limiting import RateLimiting
from pds.web.request_log import ENVIRON_KEY, RequestInfo
from pds.xrpc.lexicon_check import read_input, read_params
from pds.xrpc.method import JSON_LIMIT_BYTES, Call, Caller, Handler, Method
from pds.xrpc.scope_check import check_scopes

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from pds.services import Services

PREFIX = "/xrpc/"
# An app is known by a document that may lie anywhere; who signs up may have to solve a puzzle.
ASKING_PREFIXES = ("/oauth/", "/account/sign-up")
JSON = "application/json"

# What is possible on a full disk: members stay signed in, so that they can read, and may leave.
_WITHOUT_ROOM = frozenset(
    f"com.atproto.server.{name}"
    for name in ("createSession", "refreshSession", "deleteSession", "deleteAccount")
) | {"com.atproto.admin.deleteAccount"}

_NSID_SHAPE = re.compile(r"(?=..)[A-Za-z0-9]+(?:[.-][A-Za-z0-9]+)*", re.ASCII)


class Dispatcher:
    """Knows all methods and how a call runs."""

    def __init__(self, services: Services, methods: Mapping[str, Method]) -> None:
        self._services = services
        self._limiting = RateLimiting(services.rate_limits)
        self._methods = methods
        self._proxied_limit_bytes: int = services.config.blob_upload_limit
        # Clients of the reference rely on names being matched in any case.
        self._folded = {nsid.lower(): method for nsid, method in methods.items()}

    def find(self, name: str) -> Method | None:
        """The method with this NSID, in any case and with or without a slash after it."""
        method = self._methods.get(name)
        return method if method else self._folded.get(name.removesuffix("/").lower())

    def body_limit(self, path: str) -> int:
        """How many bytes a request to ``path`` may bring. The server asks before it receives."""
        if not _is_xrpc(path):
            return JSON_LIMIT_BYTES
        method = self.find(path[len(PREFIX) :])
        return self._proxied_limit_bytes if method is None else self._limit_of(method)

    def largest_body_bytes(self) -> int:
        limits = (self._limit_of(method) for method in self._methods.values())
        return max([self._proxied_limit_bytes, *limits])

    def is_subscription(self, path: str) -> bool:
        method = self.find(path[len(PREFIX) :]) if _is_xrpc(path) else None
        return method is not None and method.kind == "subscription"

    def asks_others(self, path: str) -> bool:
        """Whether a request to ``path`` waits for another service, however long that takes."""
        if not _is_xrpc(path):
            return path.lower().startswith(ASKING_PREFIXES)
        method = self.find(path[len(PREFIX) :])
        return method is None or method.asks_others

    def respond(self, environ: WSGIEnvironment, name: str) -> Response:
        """Answer a request for the method ``name``, whatever happens."""
        info: RequestInfo = environ[ENVIRON_KEY]
        method = self.find(name)
        try:
            if method is None or method.counts_globally:
                self._limiting.spend_global(environ)
            if method is None:
                response = self._pass_on(environ, info, name)
            else:
                info.nsid, info.is_ours = method.nsid, True
                response = self._answer(environ, info, method)
        except Exception as error:  # noqa: BLE001 # the edge: errors.py tells bugs from failures
            response = _refusal(environ, info, method, error)
        if method is None or method.auth.kind != "none":
            response.headers.setdefault("Cache-Control", "private")
            response.vary.add("Authorization")
        if dpop.is_dpop(environ.get("HTTP_AUTHORIZATION")):
            dpop.complete(response, self._services.oauth.proofs.next_nonce())
        return response

    def admit(self, environ: WSGIEnvironment, method: Method) -> None:
        """Spend what a subscription costs its address.

        Raises:
            BudgetSpentError
        """
        self._limiting.spend_global(environ)
        self._limiting.spend_address(environ, *method.limits)

    def new_call(self, environ: WSGIEnvironment, info: RequestInfo, method: Method) -> Call:
        """A call as far as it goes without a body: parameters checked, caller known."""
        services = self._services
        query_string = environ.get("QUERY_STRING", "")
        params = read_params(services.validator, method.nsid, query_string)
        caller = self._caller(environ, method)
        info.did, info.client_id = caller.did, caller.client_id
        return Call(
            services,
            params,
            {},
            caller,
            client_ip=info.client_ip,
            request_id=info.id,
            headers=Headers(environ),
            query_string=query_string,
            http_method=environ["REQUEST_METHOD"],
        )

    def _pass_on(self, environ: WSGIEnvironment, info: RequestInfo, name: str) -> Response:
        if not _NSID_SHAPE.fullmatch(name.removesuffix("/")):
            message = "invalid xrpc path"
            raise InvalidRequestError(message)
        _check_verb(environ["REQUEST_METHOD"], ("GET", "HEAD", "POST"))
        return responses.build(environ, pass_on(self._services, environ, info, name))

    def _answer(self, environ: WSGIEnvironment, info: RequestInfo, method: Method) -> Response:
        verb = environ["REQUEST_METHOD"]
        if method.kind == "subscription":
            return _refuse_plain_request(verb)
        _check_verb(verb, ("GET", "HEAD") if method.kind == "query" else ("POST",))
        if method.kind == "procedure" and method.nsid not in _WITHOUT_ROOM:
            self._services.disk_guard.check_writable()
        call = self.new_call(environ, info, method)
        self._read_body(environ, method, call)
        try:
            check_scopes(call, method.nsid)
            self._limiting.spend_call(environ, call, method.limits)
            result = cast("Handler", method.handler)(call)
        finally:
            if call.body is not None:
                call.body.close()
        return responses.build(environ, result)

    def _caller(self, environ: WSGIEnvironment, method: Method) -> Caller:
        given = Credentials.of(environ)
        if given.authorization is None or given.authorization[:5].lower() != "basic":
            return authenticate(method, given, self._services)
        with self._limiting.guessing_admin(environ):
            return authenticate(method, given, self._services)

    def _read_body(self, environ: WSGIEnvironment, method: Method, call: Call) -> None:
        """Put the body into the call: ``input`` for JSON, ``body`` for everything else."""
        validator = self._services.validator
        expected = validator.input_encoding(method.nsid) if method.kind == "procedure" else None
        if expected is None:
            bodies.refuse_body(environ)
            return
        call.content_type = bodies.check_content_type(environ, expected)
        body = bodies.open_body(environ, self._limit_of(method))
        if expected != JSON:
            call.body = body
            return
        with body:
            call.input = read_input(validator, method.nsid, body.read())

    def _limit_of(self, method: Method) -> int:
        limit = method.body_limit_bytes
        return limit if isinstance(limit, int) else limit(self._services)


def _refusal(
    environ: WSGIEnvironment, info: RequestInfo, method: Method | None, error: Exception
) -> Response:
    """The response for a failure; of status 401, it tells how to ask for what was wanted."""
    if method is not None and method.auth.kind in ("admin", "moderator"):
        challenge = 'Basic realm="admin"'
    elif dpop.is_dpop(environ.get("HTTP_AUTHORIZATION")):
        challenge = dpop.challenge(error)
    else:
        challenge = "Bearer"
    info.error = name_for_log(error)
    response = error_response(error, info.id)
    if isinstance(error, UseDpopNonceError):
        response.status_code = 401
    if response.status_code == 401:
        response.headers["WWW-Authenticate"] = challenge
    return response


def _is_xrpc(path: str) -> bool:
    return path[: len(PREFIX)].lower() == PREFIX


def _check_verb(verb: str, allowed: tuple[str, ...]) -> None:
    if verb in allowed:
        return
    message = f"Incorrect HTTP method ({verb}) expected {allowed[0]}"
    if verb not in ("GET", "HEAD", "POST"):
        message = "XRPC requests only supports GET and POST"
    raise InvalidRequestError(message)


def _refuse_plain_request(verb: str) -> Response:
    """An event stream was asked for without the WebSocket upgrade it needs."""
    status, message = 426, "This method is an event stream: connect with a WebSocket"
    headers = {"Sec-WebSocket-Version": "13"}
    if verb not in ("GET", "HEAD"):
        status, message = 405, f"Incorrect HTTP method ({verb}) expected GET"
        headers = {"Allow": "GET"}
    return Response(
        error_body(NAMES[status], message), status, headers, content_type=responses.JSON
    )
