"""``/xrpc/<nsid>`` of methods that are not answered here: pass the call on to who answers them.

The order is the one of all methods: verb, caller, and only then the service, since looking one up
makes this server ask others. What the services decide is in ``services.proxying``.
Spec: https://atproto.com/specs/xrpc#service-proxying
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, cast

from pds.atproto.syntax.nsid import is_nsid
from pds.errors import InvalidRequestError, MethodNotImplementedError
from pds.services.proxying import OutgoingCall, check_proxied
from pds.web.authentication import authenticate
from pds.web.dpop import Credentials
from pds.web.environ import Headers
from pds.xrpc.method import Auths, Method
from pds.xrpc.proxy_header import HEADER
from pds.xrpc.scope_check import check_proxied_scopes

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from pds.services import Services
    from pds.services.upstream_reply import UpstreamReply
    from pds.web.request_log import RequestInfo


def pass_on(
    services: Services, environ: WSGIEnvironment, info: RequestInfo, name: str
) -> UpstreamReply:
    """The reply of whoever answers the method ``name``, a slash after it allowed.

    Raises:
        MethodNotImplementedError: it is no method's name, so nobody can be asked.
        PdsError: as ``authenticate`` and ``services.proxying`` raise them.
    """
    nsid = name.removesuffix("/")
    if not is_nsid(nsid):
        raise MethodNotImplementedError
    info.nsid = nsid
    _refuse_event_stream(services, environ, nsid)
    check_proxied(nsid, None)
    method = Method(nsid, "query", Auths.PROXIED, lambda _call: None)
    caller = authenticate(method, Credentials.of(environ), services)
    info.did, info.client_id = caller.did, caller.client_id
    check_proxied(nsid, caller.scope)
    headers = Headers(environ)
    check_proxied_scopes(services, caller, nsid, headers.get(HEADER))
    target = services.proxying.target(nsid, headers.get(HEADER))
    info.upstream = target.reference
    query_string = environ.get("QUERY_STRING", "")
    body, body_bytes = _body(environ)
    call = OutgoingCall(
        caller.did or "",
        nsid,
        environ["REQUEST_METHOD"],
        f"/xrpc/{name}?{query_string}" if query_string else f"/xrpc/{name}",
        headers,
        body,
        body_bytes,
    )
    return services.proxying.open(call, target)


def _refuse_event_stream(services: Services, environ: WSGIEnvironment, nsid: str) -> None:
    is_upgrade = environ.get("HTTP_UPGRADE", "").lower() == "websocket"
    if is_upgrade or services.validator.method_type(nsid) == "subscription":
        message = f"{nsid} is not passed on: connect to the service that has the event stream"
        raise InvalidRequestError(message)


def _body(environ: WSGIEnvironment) -> tuple[BinaryIO | None, int]:
    """What a POST brought, as it came, and its length. The server has received it already."""
    size_bytes = int(environ.get("CONTENT_LENGTH") or 0)
    if environ["REQUEST_METHOD"] != "POST" or not size_bytes:
        return None, 0
    return cast("BinaryIO", environ["wsgi.input"]), size_bytes
