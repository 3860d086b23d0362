"""Permission sets: Lexicon documents that say what an ``include:`` scope stands for.

A set grants within its own group only: ``com.example.calendar.auth`` what begins with
``com.example.calendar.``. Permissions in it that go further, or that make no sense, are left out
and the others hold. Fetching the document is somebody else's business.

Spec: https://atproto.com/specs/permission#permission-sets
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pds.atproto.lexicon.document import check_document
from pds.atproto.lexicon.errors import LexiconError
from pds.atproto.oauth.scopes import repo, rpc
from pds.atproto.oauth.scopes.errors import InvalidScopeError
from pds.atproto.oauth.scopes.granted import ScopeSet
from pds.atproto.oauth.scopes.localized import Localized
from pds.atproto.oauth.scopes.repo import RepoScope
from pds.atproto.oauth.scopes.rpc import RpcScope
from pds.atproto.oauth.scopes.wildcard import ANY
from pds.atproto.syntax.nsid import Nsid

MAX_TITLE_LENGTH: Final = 100
MAX_DETAIL_LENGTH: Final = 500
# Collections and methods together; they end up in every token. Bluesky's full set has 114.
MAX_NAMES: Final = 2000
# Characters of the names in all sets of a request: what a token permits is kept, read and compared
# with every call.
MAX_EXPANDED_LENGTH: Final = 131_072


class InvalidPermissionSetError(ValueError):
    """The document is no permission set, or not the one asked for."""


class OversizedSetsError(ValueError):
    """The sets of a request hold more, together, than can be granted."""

    def __init__(self) -> None:
        super().__init__("the permission sets that are included hold too much, together")


class UnknownPermissionSetError(LookupError):
    """A scope includes a set that the caller does not have; ``nsid`` is its name."""

    def __init__(self, nsid: Nsid) -> None:
        super().__init__(f"no permission set {nsid}")
        self.nsid: Final = nsid


@dataclass(frozen=True, slots=True)
class OpenRpc:
    """Methods at the service that the ``include:`` scope names."""

    methods: tuple[str, ...]


Permission: TypeAlias = RepoScope | RpcScope | OpenRpc


@dataclass(frozen=True, slots=True)
class PermissionSet:
    nsid: Nsid
    title: Localized
    detail: Localized
    permissions: tuple[Permission, ...]

    def scopes(self, audience: str | None) -> tuple[RepoScope | RpcScope, ...]:
        """What the set grants; methods whose service is left open only with an ``audience``."""
        found: list[RepoScope | RpcScope] = []
        for permission in self.permissions:
            if not isinstance(permission, OpenRpc):
                found.append(permission)
            elif audience is not None:
                found.append(RpcScope.of(permission.methods, audience))
        return tuple(found)


def read_permission_set(document: Any, nsid: Nsid) -> PermissionSet:
    """Read the Lexicon document of a set.

    Raises:
        InvalidPermissionSetError: saying what is wrong.
    """
    try:
        check_document(document)
    except LexiconError as error:
        raise InvalidPermissionSetError(str(error)) from error
    main = document["defs"].get("main", {})
    if document["id"] != nsid:
        raise InvalidPermissionSetError(f"id: must be {nsid}")
    if main.get("type") != "permission-set":
        raise InvalidPermissionSetError("defs/main: must be of type permission-set")
    read = (_read_permission(entry, _group_of(nsid)) for entry in main["permissions"])
    permissions = tuple(permission for permission in read if permission is not None)
    if sum(len(_names_of(permission)) for permission in permissions) > MAX_NAMES:
        raise InvalidPermissionSetError(f"permissions: must not name more than {MAX_NAMES}")
    return PermissionSet(
        nsid,
        Localized.read(main.get("title"), main.get("title:lang"), max_length=MAX_TITLE_LENGTH),
        Localized.read(main.get("detail"), main.get("detail:lang"), max_length=MAX_DETAIL_LENGTH),
        permissions,
    )


def expand(requested: ScopeSet, sets: Mapping[str, PermissionSet]) -> ScopeSet:
    """The same with every ``include:`` replaced by what its set grants; ``sets`` are by NSID.

    Raises:
        UnknownPermissionSetError, OversizedSetsError
    """
    expanded = list(requested.without(requested.includes).scopes)
    length = 0
    for scope in requested.includes:
        found = sets.get(scope.nsid)
        if found is None:
            raise UnknownPermissionSetError(scope.nsid)
        granted = found.scopes(scope.audience)
        length += sum(len(name) for one in granted for name in _names_of(one))
        if length > MAX_EXPANDED_LENGTH:
            raise OversizedSetsError
        expanded.extend(granted)
    return ScopeSet.of(expanded)


def _group_of(nsid: Nsid) -> str:
    """What every name in the set must begin with; ends with a dot."""
    return nsid.removesuffix(nsid.name)


def _read_permission(entry: Mapping[str, Any], group: str) -> Permission | None:
    fields = {name: value for name, value in entry.items() if name not in ("type", "resource")}
    read = _RESOURCES.get(entry["resource"])
    if read is None:
        return None
    try:
        permission = read(fields)
    except InvalidScopeError:
        return None
    within = all(name.startswith(group) for name in _names_of(permission))
    return permission if within else None


def _read_repo(fields: Mapping[str, Any]) -> Permission:
    return RepoScope.from_values(repo.SCHEMA.bind_json(fields))


def _read_rpc(fields: Mapping[str, Any]) -> Permission:
    """At any service or at the one of the scope; sets cannot name services of their own."""
    if "inheritAud" not in fields:
        values = rpc.SCHEMA.bind_json(fields)
        if values["aud"] != (ANY,):
            raise InvalidScopeError("InvalidValue", "aud must be *")
        return RpcScope.from_values(values)
    if fields["inheritAud"] is not True or "aud" in fields:
        raise InvalidScopeError("InvalidValue", "inheritAud must be true, and aud absent")
    methods = {name: value for name, value in fields.items() if name != "inheritAud"}
    values = rpc.SCHEMA.bind_json(methods | {"aud": ANY})
    return OpenRpc(tuple(sorted(set(values["lxm"]))))


_RESOURCES: Final = {"repo": _read_repo, "rpc": _read_rpc}


def _names_of(permission: Permission) -> tuple[str, ...]:
    return permission.collections if isinstance(permission, RepoScope) else permission.methods
