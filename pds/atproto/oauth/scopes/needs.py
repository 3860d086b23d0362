"""What one request needs to be permitted.

A need is as narrow as can be. ``*`` in it means "all of them at once" and takes a scope that says
so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from pds.atproto.oauth.scopes.mime import is_mime_type

RepoAction: TypeAlias = Literal["create", "update", "delete"]
AccountAttribute: TypeAlias = Literal["email", "repo", "status"]
AccountAction: TypeAlias = Literal["read", "manage"]
IdentityAttribute: TypeAlias = Literal["handle", "*"]


@dataclass(frozen=True, slots=True)
class RepoNeed:
    """To write a record of this collection."""

    collection: str
    action: RepoAction


@dataclass(frozen=True, slots=True)
class RpcNeed:
    """To call a method in the member's name at ``audience``: ``did#service``, or a bare DID."""

    method: str
    audience: str


@dataclass(frozen=True, slots=True)
class BlobNeed:
    """To upload a blob of this media type, in lower case and without parameters."""

    mime_type: str

    @classmethod
    def of(cls, content_type: str) -> BlobNeed:
        """The need of an upload with this Content-Type.

        Raises:
            ValueError: it is no media type; ``image/*``, say.
        """
        essence = content_type.partition(";")[0].strip().lower()
        if not is_mime_type(essence):
            raise ValueError("not a media type")
        return cls(essence)


@dataclass(frozen=True, slots=True)
class AccountNeed:
    attribute: AccountAttribute
    action: AccountAction


@dataclass(frozen=True, slots=True)
class IdentityNeed:
    """To change the handle, or (``*``) anything of the identity, keys included."""

    attribute: IdentityAttribute


Need: TypeAlias = RepoNeed | RpcNeed | BlobNeed | AccountNeed | IdentityNeed
