"""The scope to name when a request is refused for want of one."""

from __future__ import annotations

from pds.atproto.oauth.scopes.account import AccountScope
from pds.atproto.oauth.scopes.blob import BlobScope
from pds.atproto.oauth.scopes.identity import IdentityScope
from pds.atproto.oauth.scopes.needs import AccountNeed, BlobNeed, Need, RepoNeed, RpcNeed
from pds.atproto.oauth.scopes.repo import RepoScope
from pds.atproto.oauth.scopes.rpc import RpcScope


def missing_scope(need: Need) -> str:
    """The narrowest scope that permits what is needed, in canonical form.

    Where the audience is a bare DID there is none; the text then says what it would look like.
    """
    if isinstance(need, RepoNeed):
        return str(RepoScope((need.collection,), (need.action,)))
    if isinstance(need, RpcNeed):
        return str(RpcScope((need.method,), need.audience))
    if isinstance(need, BlobNeed):
        return str(BlobScope((need.mime_type,)))
    if isinstance(need, AccountNeed):
        return str(AccountScope(need.attribute, (need.action,)))
    return str(IdentityScope(need.attribute))
