"""Which service a call that is not answered here is for: what the client says, else by its method.

Spec: https://atproto.com/specs/xrpc#service-proxying
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from pds.atproto.did_document import DidDocumentError, find_service
from pds.atproto.syntax.did import is_did
from pds.config import Config
from pds.errors import InvalidRequestError, UnresolvableDidError, UpstreamBusyError
from pds.services.identity import Identity
from pds.services.upstream_slots import WAIT_S

APP_VIEW: Final = "bsky_appview"
LABELER: Final = "atproto_labeler"
CREATE_REPORT: Final = "com.atproto.moderation.createReport"

# What moderators' tools ask; asked without naming a service it is this server's own.
_OZONE: Final = frozenset(
    f"tools.ozone.{family}.{method}"
    for family, methods in {
        "communication": "createTemplate deleteTemplate listTemplates updateTemplate",
        "moderation": (
            "cancelScheduledActions emitEvent getAccountTimeline getEvent getRecord getRepo"
            " listScheduledActions queryEvents queryStatuses scheduleAction searchRepos"
        ),
        "safelink": "addRule queryEvents queryRules removeRule updateRule",
        "team": "addMember deleteMember listMembers updateMember",
        "verification": "grantVerifications listVerifications revokeVerifications",
    }.items()
    for method in methods.split()
)


@dataclass(frozen=True, slots=True)
class Target:
    """A service: its DID, its id there (without ``#``), and where it is (scheme, host, port).

    is_peer: the operator has configured it; everything else is a stranger, which may only be at a
        public address.
    """

    did: str
    service_id: str
    origin: str
    is_peer: bool

    @property
    def reference(self) -> str:
        """As clients write it, and OAuth scopes."""
        return f"{self.did}#{self.service_id}"


class UpstreamTargets:
    """Knows the configured services, and looks up the others."""

    def __init__(self, config: Config, identity: Identity) -> None:
        self._identity = identity
        self._own_origin = _origin(config.public_url)
        self._app_view = _peer(config.bsky_app_view_did, APP_VIEW, config.bsky_app_view_url)
        self._moderation = _peer(config.mod_service_did, LABELER, config.mod_service_url)
        self._reports = _peer(config.report_service_did, LABELER, config.report_service_url)
        peers = (self._reports, self._moderation, self._app_view)
        self._peers = {peer.reference: peer for peer in peers if peer is not None}
        self._resolving = threading.BoundedSemaphore(max(1, config.threads // 2))

    def find(self, nsid: str, header: str | None) -> Target:
        """The target of a call to ``nsid``.

        header: ``atproto-proxy`` as the client sent it; an empty one counts as none. Looking up a
        service that is not configured may take seconds: ask only for callers who are known.

        Raises:
            InvalidRequestError: the header is malformed or leads nowhere, or nothing is configured.
            UpstreamBusyError: too many others are being looked up.
        """
        return self._named(header) if header else self._default(nsid)

    def reference(self, nsid: str, header: str | None) -> str | None:
        """The ``Target.reference`` of what ``find`` would find; nothing is looked up for it.

        None when the header is silent and nothing is configured.

        Raises:
            InvalidRequestError: the header is malformed.
        """
        if header:
            _split(header)
            return header
        found = self._usual(nsid)
        return None if found is None else found.reference

    def find_configured(self, nsid: str, header: str | None) -> Target:
        """Like ``find``, for callers who are not known: nothing is looked up for them.

        Raises:
            InvalidRequestError: the header names a service that is not configured.
        """
        if not header:
            return self._default(nsid)
        _split(header)
        peer = self._peers.get(header)
        if peer is None:
            message = "only services that are configured here are asked without an account"
            raise InvalidRequestError(message)
        return peer

    def _default(self, nsid: str) -> Target:
        found = self._usual(nsid)
        if found is None:
            raise InvalidRequestError(f"No service configured for {nsid}")
        return found

    def _usual(self, nsid: str) -> Target | None:
        if nsid == CREATE_REPORT:
            return self._reports
        return self._moderation if nsid in _OZONE else self._app_view

    def _named(self, header: str) -> Target:
        did, service_id = _split(header)
        peer = self._peers.get(header)
        if peer is not None:
            return peer
        origin = _origin(self._endpoint(did, service_id))
        if origin == self._own_origin:
            message = "could not resolve proxy did service url: it is this server"
            raise InvalidRequestError(message)
        return Target(did, service_id, origin, is_peer=False)

    def _endpoint(self, did: str, service_id: str) -> str:
        message = "could not resolve proxy did"
        if not is_did(did):
            raise InvalidRequestError(message)
        try:
            with self._one_of_few():
                document = self._identity.did_document(did)
            endpoint = find_service(document, did, service_id)
        except (UnresolvableDidError, DidDocumentError) as error:
            raise InvalidRequestError(message) from error
        if endpoint is None:
            message = "could not resolve proxy did service url"
            raise InvalidRequestError(message)
        return endpoint

    @contextmanager
    def _one_of_few(self) -> Iterator[None]:
        """Anybody with an account can name DIDs whose servers are slow."""
        if not self._resolving.acquire(timeout=WAIT_S):
            message = "Too many DIDs are being resolved, try again shortly"
            raise UpstreamBusyError(message)
        try:
            yield
        finally:
            self._resolving.release()


def _peer(did: str | None, service_id: str, url: str | None) -> Target | None:
    return Target(did, service_id, _origin(url), is_peer=True) if did and url else None


def _origin(url: str) -> str:
    """Scheme, host and port: a path in a service's address does not count."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _split(header: str) -> tuple[str, str]:
    """DID and service id of ``<did>#<service id>``."""
    did, hash_sign, service_id = header.partition("#")
    message = ""
    if hash_sign and not did:
        message = "no did specified in proxy header"
    elif not service_id:
        message = "no service id specified in proxy header"
    elif "#" in service_id:
        message = "invalid proxy header format"
    elif " " in header:
        message = "proxy header cannot contain spaces"
    if message:
        raise InvalidRequestError(message)
    return did, service_id
