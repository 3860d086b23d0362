"""Whether an OAuth session may make a call: the one place that holds scopes against methods.

The dispatcher asks once the body is read, before budgets are spent and the handler begins; the
proxy asks before it looks up whom a call is for. What a method needs is the table in
``pds.atproto.oauth.scopes.methods``; here the needs get their values from the call.

Tricky bits
- A call for another service is judged by what the client calls that service, so nothing is looked
  up, and nobody asked, for a call that is not permitted.
- Password sessions have no scopes and pass: what they may do is the ``Auth`` of the method.
Spec: https://atproto.com/specs/permission
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from pds.atproto.oauth.scopes.methods import (
    AnySession,
    AsksService,
    Fixed,
    NoSession,
    SignsToken,
    UploadsBlob,
    WritesBatch,
    WritesRecord,
    need_of_token,
    needs_of_batch,
    needs_of_call,
    needs_of_write,
    requirement_of,
)
from pds.atproto.oauth.scopes.missing import missing_scope
from pds.atproto.oauth.scopes.needs import BlobNeed, Need
from pds.atproto.oauth.scopes.repo import RepoScope
from pds.atproto.oauth.scopes.static import StaticScope
from pds.errors import ForbiddenError
from pds.oauth_errors import MissingScopeError
from pds.services.blobs import declared_type
from pds.services.upstream_targets import APP_VIEW
from pds.xrpc.method import Call, Caller
from pds.xrpc.proxy_header import HEADER
from pds.xrpc.repo_writes import action_of

if TYPE_CHECKING:
    from pds.services import Services

NOT_SUPPORTED: Final = (
    "OAuth credentials are not supported for this method: do it on the account page of this server,"
    " or in an app that was given the password"
)
# Answered with another name than the rest, as clients know it from the reference server.
_DEACTIVATE: Final = "com.atproto.server.deactivateAccount"


def check_scopes(call: Call, nsid: str) -> None:
    """Refuse what the scopes of an OAuth session do not hold. nsid: of a method answered here.

    Raises:
        MissingScopeError, ForbiddenError
        InvalidRequestError: the call does not say for whom it is, or of what type an upload is.
    """
    if call.caller.scopes is None:
        return
    requirement = requirement_of(nsid)
    if isinstance(requirement, NoSession):
        raise _not_supported(nsid)
    if isinstance(requirement, WritesBatch) and not call.input["writes"]:
        _check_empty_batch(call.caller)
    _demand(call.caller, _NEEDS[type(requirement)](requirement, call, nsid))


def check_proxied_scopes(services: Services, caller: Caller, nsid: str, header: str | None) -> None:
    """The same for a method that is not answered here. header: ``atproto-proxy``.

    Raises:
        MissingScopeError
        InvalidRequestError: the header is malformed.
    """
    if caller.scopes is None:
        return
    # What would need nothing if it were answered here is still a call of another service.
    known = _known_as(nsid)
    found = requirement_of(known)
    asks = found if isinstance(found, AsksService) else AsksService((known,))
    _demand(caller, needs_of_call(asks, _audience(services, nsid, header)))


def check_blob(call: Call, mime_type: str) -> None:
    """Refuse an upload of this type, lower-cased and without parameters.

    Raises:
        MissingScopeError
    """
    _demand(call.caller, [BlobNeed(mime_type)])


def _demand(caller: Caller, needs: Iterable[Need]) -> None:
    for need in needs:
        if not caller.permits(need):
            raise _missing(missing_scope(need))


def _missing(scope: str) -> MissingScopeError:
    return MissingScopeError(f'Missing required scope "{scope}"')


def _not_supported(nsid: str) -> ForbiddenError | MissingScopeError:
    if nsid == _DEACTIVATE:
        return MissingScopeError(NOT_SUPPORTED)
    return ForbiddenError(NOT_SUPPORTED)


def _check_empty_batch(caller: Caller) -> None:
    """No writes at all still make a commit: for whoever may write something."""
    scopes = () if caller.scopes is None else caller.scopes.scopes
    if not any(scope is StaticScope.GENERIC or isinstance(scope, RepoScope) for scope in scopes):
        raise _missing("repo:*")


def _audience(services: Services, nsid: str, header: str | None) -> str:
    """The service a call is for. Where there is none, this server stands in for the app view."""
    found = services.proxying.reference(nsid, header)
    return found or f"{services.config.service_did}#{APP_VIEW}"


def _known_as(nsid: str) -> str:
    """With its authority, which is a domain, in lower case: other servers may take it in any.

    Else ``CHAT.bsky`` would be permitted to those who may call everything but ``chat.bsky``.
    """
    authority, _, name = nsid.rpartition(".")
    return f"{authority.lower()}.{name}"


# --- the needs of each kind of requirement --------------------------------------------------------


def _of_nothing(_requirement: AnySession, _call: Call, _nsid: str) -> Iterable[Need]:
    return ()


def _of_fixed(requirement: Fixed, _call: Call, _nsid: str) -> Iterable[Need]:
    return (requirement.need,)


def _of_write(requirement: WritesRecord, call: Call, _nsid: str) -> Iterable[Need]:
    return needs_of_write(requirement, call.input["collection"])


def _of_batch(_requirement: WritesBatch, call: Call, _nsid: str) -> Iterable[Need]:
    return needs_of_batch((action_of(write), write["collection"]) for write in call.input["writes"])


def _of_upload(_requirement: UploadsBlob, call: Call, _nsid: str) -> Iterable[Need]:
    return (BlobNeed(declared_type(call.content_type)),)


def _of_token(_requirement: SignsToken, call: Call, _nsid: str) -> Iterable[Need]:
    method = call.params.get("lxm")
    return (need_of_token(call.params["aud"], None if method is None else _known_as(method)),)


def _of_call(requirement: AsksService, call: Call, nsid: str) -> Iterable[Need]:
    if requirement.service is not None:
        return needs_of_call(requirement, call.input["serviceDid"])
    return needs_of_call(requirement, _audience(call.services, nsid, call.headers.get(HEADER)))


_NEEDS: Final[dict[type, Callable[[Any, Call, str], Iterable[Need]]]] = {
    AnySession: _of_nothing,
    Fixed: _of_fixed,
    WritesRecord: _of_write,
    WritesBatch: _of_batch,
    UploadsBlob: _of_upload,
    SignsToken: _of_token,
    AsksService: _of_call,
}
