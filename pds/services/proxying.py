"""Calls passed on to other services in an account's name.

Terms
- upstream: the service that answers. Its errors become ours, the rest is passed on as it is.
- peer and stranger: see ``upstream_slots``; strangers are asked over https and at public addresses.

Tricky bits
- The token is made for one upstream and one method. Redirects are not followed, or it would go to
  whom it is not for.
- What the client sends about itself (cookies, its program, its address, its session) stays here;
  the headers that go on are listed.
Spec: https://atproto.com/specs/xrpc#service-proxying
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from pds.config import Config
from pds.errors import (
    NAMES,
    AccountNotFoundError,
    InvalidTokenError,
    UpstreamFailureError,
    UpstreamReplyError,
    UpstreamTimeoutError,
)
from pds.network.http_client import FetchError, FetchTimeoutError
from pds.network.streaming_client import Stream, StreamingClient, StreamRequest
from pds.services import content_encodings, method_sets
from pds.services.content_encodings import UndecodableError
from pds.services.service_auth import ServiceAuth
from pds.services.session_scopes import Scope
from pds.services.upstream_outages import Outages
from pds.services.upstream_reply import UpstreamReply, passed_on
from pds.services.upstream_slots import Claim, Slot, UpstreamSlots
from pds.services.upstream_targets import Target, UpstreamTargets
from pds.storage import accounts

MAX_ERROR_BYTES: Final = 65_536
MAX_NAME_CHARS: Final = 128
MAX_MESSAGE_CHARS: Final = 2_000
_SENT_ON: Final = (
    "accept-encoding",
    "accept-language",
    "atproto-accept-labelers",
    "x-bsky-topics",
)
_SENT_ON_WITH_BODY: Final = ("content-type", "content-encoding")
_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class OutgoingCall:
    """A call in the name of an account here, or of nobody.

    did: of the account; None: no token goes along. nsid: the method, and the ``lxm`` of the token.
    path: path and query, sent on as they are.
    headers: the client's own, looked up by lower-case names; only a few are sent on.
    body: what a POST sends, as it came; None for none.
    """

    did: str | None
    nsid: str
    http_method: str
    path: str
    headers: Mapping[str, str]
    body: BinaryIO | None = None
    body_bytes: int = 0


class Clients:
    """How peers and strangers are asked."""

    def __init__(self, peers: StreamingClient, strangers: StreamingClient) -> None:
        self._peers = peers
        self._strangers = strangers

    def to(self, target: Target) -> StreamingClient:
        return self._peers if target.is_peer else self._strangers


class Proxying:
    """Passes calls on."""

    def __init__(
        self,
        config: Config,
        targets: UpstreamTargets,
        service_auth: ServiceAuth,
        clients: Clients,
        slots: UpstreamSlots,
    ) -> None:
        self._targets = targets
        self._service_auth = service_auth
        self._clients = clients
        self._slots = slots
        self._outages = Outages()
        self._headers_timeout_s = config.proxy_headers_timeout / _MS
        self._body_timeout_s = config.proxy_body_timeout / _MS
        self._tries = config.proxy_max_retries + 1
        self._prefer_compressed = config.proxy_prefer_compressed

    def target(self, nsid: str, header: str | None) -> Target:
        """See ``UpstreamTargets.find``; only for callers who are known."""
        return self._targets.find(nsid, header)

    def reference(self, nsid: str, header: str | None) -> str | None:
        """See ``UpstreamTargets.reference``."""
        return self._targets.reference(nsid, header)

    def configured_target(self, nsid: str, header: str | None) -> Target:
        """See ``UpstreamTargets.find_configured``; for anybody's calls."""
        return self._targets.find_configured(nsid, header)

    def readable_encoding(self, header: str | None) -> str:
        """The Accept-Encoding for a reply that is read here and perhaps passed on to the client.

        Raises:
            InvalidRequestError, NotAcceptableError
        """
        return content_encodings.acceptable(header, prefer_compressed=self._prefer_compressed)

    def open(
        self,
        call: OutgoingCall,
        target: Target,
        *,
        aud: str | None = None,
        lxm: str | None = None,
        accept_encoding: str | None = None,
    ) -> UpstreamReply:
        """Pass a call on, and return the reply once its head is there.

        aud, lxm: what the token is for, if not for the target and the call's method.
        accept_encoding: in place of the client's.

        Raises:
            UpstreamReplyError: the upstream answered with an error.
            UpstreamBusyError: too many calls are under way.
            UpstreamFailureError, UpstreamTimeoutError: it could not be reached.
            AccountNotFoundError: the account was deleted in the meantime.
        """
        headers = _headers(call, accept_encoding)
        if call.did is not None:
            token = self._token(call.did, aud or target.did, lxm or call.nsid)
            headers["authorization"] = f"Bearer {token}"
        # Nobody's calls have the places of strangers' services, so that members find some.
        is_stranger = call.did is None or not target.is_peer
        slot = self._slots.take(Claim(target.origin, call.did or "", is_stranger))
        try:
            stream = self._send(call, target, headers)
            self._check(stream)
        except BaseException:
            slot.release()
            raise
        return self._reply(stream, target, slot)

    def _token(self, did: str, aud: str, lxm: str) -> str:
        account = accounts.find_by_did(did)
        if account is None:
            raise AccountNotFoundError
        return self._service_auth.sign(account, aud, lxm)

    def _send(self, call: OutgoingCall, target: Target, headers: dict[str, str]) -> Stream:
        request = StreamRequest(
            target.origin,
            call.path,
            call.http_method,
            headers,
            call.body,
            call.body_bytes,
            self._headers_timeout_s,
            self._tries,
        )
        try:
            stream = self._clients.to(target).stream(request)
        except FetchTimeoutError as error:
            self._outages.failed(target.origin, str(error))
            message = "Upstream service did not answer in time"
            raise UpstreamTimeoutError(message) from error
        except FetchError as error:
            self._outages.failed(target.origin, str(error))
            message = "Upstream service unreachable"
            raise UpstreamFailureError(message) from error
        if stream.status >= 500:
            self._outages.failed(target.origin, f"status {stream.status}")
        else:
            self._outages.answered(target.origin)
        return stream

    def _reply(self, stream: Stream, target: Target, slot: Slot) -> UpstreamReply:
        def end(error: FetchError | None) -> None:
            slot.release()
            if error is not None:
                self._outages.failed(target.origin, f"broke off in the middle of a reply: {error}")

        return UpstreamReply(stream, self._body_timeout_s, end)

    def _check(self, stream: Stream) -> None:
        """Raises UpstreamReplyError, and closes the stream, when the upstream has refused."""
        if stream.status < 400:
            return
        with closing(stream):
            raise self._error(stream)

    def _error(self, stream: Stream) -> UpstreamReplyError:
        """Its words, and our usual ones where it has none; the rest of its reply is dropped."""
        status = stream.status if stream.status < 600 and stream.status != 500 else 502
        usual = NAMES.get(status) or ("InvalidRequest" if status < 500 else NAMES[502])
        found = self._read_error(stream)
        name, message = found.get("error"), found.get("message")
        return UpstreamReplyError(
            status,
            name[:MAX_NAME_CHARS] if isinstance(name, str) and name else usual,
            message[:MAX_MESSAGE_CHARS] if isinstance(message, str) and message else _words(usual),
            passed_on(stream.headers),
        )

    def _read_error(self, stream: Stream) -> dict[str, Any]:
        raw = bytearray()
        try:
            while len(raw) <= MAX_ERROR_BYTES and (piece := stream.read(self._body_timeout_s)):
                raw += piece
            encoding = stream.headers.get("content-encoding", "")
            found = json.loads(content_encodings.decode(bytes(raw), encoding, MAX_ERROR_BYTES))
        except (FetchError, UndecodableError, ValueError, RecursionError):
            return {}  # a proxy's page, or half a reply: the status has to do
        return found if isinstance(found, dict) else {}


def check_proxied(nsid: str, scope: Scope | None) -> None:
    """Whether a session may have a method called elsewhere.

    scope: None for whoever asks, and for OAuth clients, whose own scopes are looked at elsewhere.

    Raises:
        InvalidTokenError
    """
    is_privileged = scope is Scope.APP_PASS and method_sets.is_privileged(nsid)
    if method_sets.is_protected(nsid) or is_privileged:
        message = "Bad token method"
        raise InvalidTokenError(message)


def _headers(call: OutgoingCall, accept_encoding: str | None) -> dict[str, str]:
    names = _SENT_ON + _SENT_ON_WITH_BODY if call.http_method == "POST" else _SENT_ON
    headers = {name: call.headers[name] for name in names if name in call.headers}
    if accept_encoding is not None:
        headers["accept-encoding"] = accept_encoding
    return headers


def _words(name: str) -> str:
    """``UpstreamFailure`` as ``Upstream Failure``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
