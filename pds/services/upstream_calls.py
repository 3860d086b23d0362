"""Calls of this server's own to other services, in a member's name: typed requests and replies.

What a client asks goes through ``proxying`` as it came; this is for what has to be made up first.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from contextlib import closing
from typing import Any, Final
from urllib.parse import urlencode

from pds.atproto import dag_json
from pds.atproto.dag_json import InvalidDataError
from pds.atproto.lexicon.validate import InvalidValueError, Validator
from pds.errors import UpstreamFailureError
from pds.services.proxying import OutgoingCall, Proxying
from pds.services.upstream_reply import UnreadableReplyError, UpstreamReply
from pds.services.upstream_targets import Target

MAX_DEPTH: Final = 300  # threads nest


class UpstreamCalls:
    """Calls methods of other services.

    Everything below raises UpstreamReplyError when the service refuses, other UpstreamFailureErrors
    when it does not answer or not as the Lexicon wants, UpstreamBusyError, AccountNotFoundError.
    """

    def __init__(self, proxying: Proxying, validator: Validator, max_bytes: int) -> None:
        """max_bytes: of a reply."""
        self._proxying = proxying
        self._validator = validator
        self._max_bytes = max_bytes

    def query(
        self,
        did: str,
        nsid: str,
        params: Mapping[str, str],
        target: Target,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """The reply of a query, as plain JSON. headers: of the client's call behind it, if any."""
        path = f"/xrpc/{nsid}?{urlencode(params)}"
        call = OutgoingCall(did, nsid, "GET", path, headers or {})
        with closing(self._open(call, target)) as reply:
            return self._read(reply, nsid)

    def procedure(
        self, did: str, nsid: str, content: dict[str, Any], target: Target
    ) -> dict[str, Any]:
        """The reply of a procedure, as plain JSON. content: its input, in data-model form."""
        with closing(self._open(_posted(did, nsid, content), target)) as reply:
            return self._read(reply, nsid)

    def send(self, did: str, nsid: str, content: dict[str, Any], target: Target) -> None:
        """Call a procedure that has no output."""
        self._open(_posted(did, nsid, content), target).close()

    def _open(self, call: OutgoingCall, target: Target) -> UpstreamReply:
        encoding = self._proxying.readable_encoding(None)
        return self._proxying.open(call, target, accept_encoding=encoding)

    def _read(self, reply: UpstreamReply, nsid: str) -> dict[str, Any]:
        try:
            value: dict[str, Any] = reply.read_json(self._max_bytes)
            self._validator.check_output(nsid, dag_json.from_json(value, max_depth=MAX_DEPTH))
        except (UnreadableReplyError, InvalidDataError, InvalidValueError, RecursionError) as error:
            message = f"Upstream service gave an unusable answer to {nsid}"
            raise UpstreamFailureError(message) from error
        return value


def _posted(did: str, nsid: str, content: dict[str, Any]) -> OutgoingCall:
    body = dag_json.dumps(content).encode()
    headers = {"content-type": "application/json"}
    return OutgoingCall(did, nsid, "POST", f"/xrpc/{nsid}", headers, io.BytesIO(body), len(body))
