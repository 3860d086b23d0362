"""For methods that are answered here with the help of another service.

Spec: https://atproto.com/specs/xrpc#service-proxying
"""

from __future__ import annotations

import re
from typing import Final

from pds.services.proxying import OutgoingCall
from pds.services.upstream_reply import UpstreamReply
from pds.xrpc.method import Call
from pds.xrpc.proxy_header import HEADER

# ``name[]=`` and ``name[0]=``, as some clients write arrays.
_BRACKETS: Final = re.compile(r"((?:^|&)[A-Za-z]+)(?:\[|%5B)[0-9]*(?:\]|%5D)(?==)", re.IGNORECASE)


def outgoing(call: Call, nsid: str) -> OutgoingCall:
    """The call, which must be a query, to be passed on; ``nsid`` is its method.

    It goes on as it came, but for arrays in a spelling that others need not know.
    """
    return OutgoingCall(call.did, nsid, call.http_method, _path(call, nsid), call.headers)


def outgoing_of_nobody(call: Call, nsid: str) -> OutgoingCall:
    """The same without a token."""
    return OutgoingCall(None, nsid, call.http_method, _path(call, nsid), call.headers)


def forward(call: Call, nsid: str) -> UpstreamReply:
    """Pass a query on to the service the client names, else to the usual one.

    Raises:
        InvalidRequestError, NotAcceptableError, UpstreamReplyError, UpstreamBusyError,
        UpstreamFailureError, UpstreamTimeoutError
    """
    proxying = call.services.proxying
    target = proxying.target(nsid, call.headers.get(HEADER))
    return proxying.open(outgoing(call, nsid), target)


def _path(call: Call, nsid: str) -> str:
    path = f"/xrpc/{nsid}"
    return f"{path}?" + _BRACKETS.sub(r"\1", call.query_string) if call.query_string else path
