"""What each XRPC method takes of an OAuth session.

The table says it without looking at a request; the functions below turn what the request holds into
needs. A method that is not in the table belongs to another service, and is called there.

Spec: https://atproto.com/specs/permission
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from pds.atproto.oauth.scopes.needs import (
    AccountNeed,
    IdentityNeed,
    Need,
    RepoAction,
    RepoNeed,
    RpcNeed,
)
from pds.atproto.oauth.scopes.wildcard import ANY


@dataclass(frozen=True, slots=True)
class AnySession:
    """No more than to be signed in."""


@dataclass(frozen=True, slots=True)
class NoSession:
    """Never by OAuth: the member does it on this server's own pages, or with a password."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """The same need whatever the request says."""

    need: Need


@dataclass(frozen=True, slots=True)
class WritesRecord:
    """All of these actions on the collection of the request."""

    actions: tuple[RepoAction, ...]


@dataclass(frozen=True, slots=True)
class WritesBatch:
    """Each action of the batch on its own collection."""


@dataclass(frozen=True, slots=True)
class UploadsBlob:
    """The media type of the request's body."""


@dataclass(frozen=True, slots=True)
class SignsToken:
    """To call the method of the request (any, if it names none) at the audience it names."""


@dataclass(frozen=True, slots=True)
class AsksService:
    """To call all of these methods at the service that the request goes to.

    ``service`` is the fragment of that service where the request names a DID alone.
    """

    methods: tuple[str, ...]
    service: str | None = None


Requirement: TypeAlias = (
    AnySession
    | NoSession
    | Fixed
    | WritesRecord
    | WritesBatch
    | UploadsBlob
    | SignsToken
    | AsksService
)

_MANAGES_EMAIL: Final = Fixed(AccountNeed("email", "manage"))
_WHOLE_IDENTITY: Final = Fixed(IdentityNeed(ANY))

_TABLE: Final[Mapping[str, Requirement]] = {
    "app.bsky.feed.getFeed": AsksService(
        # The app view asks the feed's own server in the member's name.
        ("app.bsky.feed.getFeed", "app.bsky.feed.getFeedSkeleton")
    ),
    "app.bsky.notification.registerPush": AsksService(
        ("app.bsky.notification.registerPush",), "bsky_notif"
    ),
    "app.bsky.notification.unregisterPush": AsksService(
        ("app.bsky.notification.unregisterPush",), "bsky_notif"
    ),
    "com.atproto.identity.getRecommendedDidCredentials": AnySession(),
    "com.atproto.identity.refreshIdentity": AnySession(),
    "com.atproto.identity.requestPlcOperationSignature": _WHOLE_IDENTITY,
    "com.atproto.identity.signPlcOperation": _WHOLE_IDENTITY,
    "com.atproto.identity.submitPlcOperation": _WHOLE_IDENTITY,
    "com.atproto.identity.updateHandle": Fixed(IdentityNeed("handle")),
    "com.atproto.repo.applyWrites": WritesBatch(),
    "com.atproto.repo.createRecord": WritesRecord(("create",)),
    "com.atproto.repo.deleteRecord": WritesRecord(("delete",)),
    "com.atproto.repo.importRepo": Fixed(AccountNeed("repo", "manage")),
    "com.atproto.repo.listMissingBlobs": AnySession(),
    # Whether there is a record already is not known until it is written.
    "com.atproto.repo.putRecord": WritesRecord(("create", "update")),
    "com.atproto.repo.uploadBlob": UploadsBlob(),
    "com.atproto.server.activateAccount": NoSession(),
    "com.atproto.server.checkAccountStatus": AnySession(),
    "com.atproto.server.confirmEmail": _MANAGES_EMAIL,
    "com.atproto.server.createAppPassword": NoSession(),
    "com.atproto.server.deactivateAccount": NoSession(),
    "com.atproto.server.deleteSession": NoSession(),
    "com.atproto.server.getAccountInviteCodes": NoSession(),
    "com.atproto.server.getServiceAuth": SignsToken(),
    # Without SEES_EMAIL it says nothing of the address.
    "com.atproto.server.getSession": AnySession(),
    "com.atproto.server.listAppPasswords": NoSession(),
    "com.atproto.server.refreshSession": NoSession(),
    "com.atproto.server.requestAccountDelete": NoSession(),
    "com.atproto.server.requestEmailConfirmation": _MANAGES_EMAIL,
    "com.atproto.server.requestEmailUpdate": NoSession(),
    "com.atproto.server.revokeAppPassword": NoSession(),
    "com.atproto.server.updateEmail": NoSession(),
    "com.atproto.temp.checkSignupQueue": NoSession(),
}
_SYNC_PREFIX: Final = "com.atproto.sync."

SEES_EMAIL: Final = AccountNeed("email", "read")


def requirement_of(nsid: str) -> Requirement:
    """What it takes to call the method ``nsid`` through this server."""
    found = _TABLE.get(nsid)
    if found is not None:
        return found
    return AnySession() if nsid.startswith(_SYNC_PREFIX) else AsksService((nsid,))


def needs_of_write(requirement: WritesRecord, collection: str) -> tuple[Need, ...]:
    return tuple(RepoNeed(collection, action) for action in requirement.actions)


def needs_of_batch(writes: Iterable[tuple[RepoAction, str]]) -> tuple[Need, ...]:
    """The needs of writes, each an action and a collection; every pair counts once."""
    return tuple(RepoNeed(collection, action) for action, collection in dict.fromkeys(writes))


def need_of_token(audience: str, method: str | None) -> Need:
    """The need of a service token; one without a method is good for all of them."""
    return RpcNeed(ANY if method is None else method, audience)


def needs_of_call(requirement: AsksService, audience: str) -> tuple[Need, ...]:
    """The needs of a call at ``audience``: ``did#service``, or the DID where the table adds it."""
    if requirement.service is not None:
        audience = f"{audience}#{requirement.service}"
    return tuple(RpcNeed(method, audience) for method in requirement.methods)
