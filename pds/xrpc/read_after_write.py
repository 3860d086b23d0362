"""For the methods of the app view whose replies are completed here.

Without an app view they are not answered, as all that this server passes on.
"""

from __future__ import annotations

from pds.services.read_after_write.replies import Asked, Munge, MungedReply
from pds.services.upstream_reply import UpstreamReply
from pds.xrpc.forwarding import outgoing
from pds.xrpc.method import Body, Call
from pds.xrpc.proxy_header import HEADER

_JSON = "application/json; charset=utf-8"


def complete(call: Call, nsid: str, munge: Munge) -> UpstreamReply | Body:
    """The app view's reply with what its caller has written in the meantime.

    Raises:
        PdsError: as ``ReadAfterWrite.answer``.
    """
    service = call.services.read_after_write
    return _sent(service.answer(asked(call, nsid), munge, call.headers.get("Accept-Encoding")))


def complete_thread(call: Call, nsid: str) -> UpstreamReply | Body:
    """Like ``complete``, for a thread."""
    service = call.services.read_after_write
    return _sent(service.answer_thread(asked(call, nsid), call.headers.get("Accept-Encoding")))


def asked(call: Call, nsid: str) -> Asked:
    """The call, to the service that the client names or the usual one."""
    target = call.services.proxying.target(nsid, call.headers.get(HEADER))
    return Asked(call.did, outgoing(call, nsid), call.params, target)


def _sent(reply: UpstreamReply | MungedReply) -> UpstreamReply | Body:
    if isinstance(reply, UpstreamReply):
        return reply
    return Body(reply.content, _JSON, reply.headers)
