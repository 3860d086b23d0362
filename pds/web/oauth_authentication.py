"""``Authorization: DPoP``: an app that a member has let in shows its token, and the key it is for.

A password session's token does not count here, and an app's does not count as ``Bearer``.
Spec: https://atproto.com/specs/oauth#tokens-and-session-lifetime and RFC 9449, section 7.1
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pds.errors import AccountDeactivatedError
from pds.oauth_errors import InvalidAccessTokenError
from pds.xrpc.method import Caller, Method

if TYPE_CHECKING:
    from pds.services import Services
    from pds.web.dpop import Credentials


def oauth_caller(method: Method, given: Credentials, token: str, services: Services) -> Caller:
    """The member in whose name an app calls; what the app may do is asked later.

    Raises:
        UseDpopNonceError, InvalidDpopProofError
        InvalidAccessTokenError: also if the account is taken down, whatever the method: apps then
            try to refresh, and are told that it is over.
        AccountDeactivatedError
    """
    oauth = services.oauth
    # First, as proofs are remembered, and strangers shall not fill the memory.
    oauth.grants.check_issued(token)
    thumbprint = oauth.proofs.check(
        given.proofs, method=given.http_method, path=given.path, access_token=token
    )
    access = oauth.grants.verify_access(token, thumbprint)
    if access.is_taken_down or not access.scopes.is_atproto:
        raise InvalidAccessTokenError
    if method.auth.check_deactivated and access.is_deactivated:
        raise AccountDeactivatedError
    return Caller(
        "user",
        access.did,
        scopes=access.scopes,
        grant_id=access.grant_id,
        client_id=access.client_id,
    )
