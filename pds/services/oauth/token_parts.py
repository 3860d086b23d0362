"""What all that issues tokens needs, and the rule by which clients are held to their key."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from pds.oauth_errors import InvalidClientError, InvalidGrantError, OAuthError
from pds.services.clock import Clock
from pds.services.oauth.access_tokens import AccessTokens
from pds.services.oauth.client_credentials import AuthenticatedClient
from pds.services.oauth.grant_scopes import GrantScopes
from pds.services.oauth.model import ClientAuth
from pds.services.oauth.refresh_tokens import RefreshTokens
from pds.services.oauth.token_reply import TokenReply, write_reply
from pds.storage.database import transaction
from pds.storage.oauth_grants import GrantRow

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class TokenParts:
    """The services that issuing tokens is put together from."""

    access_tokens: AccessTokens
    refresh_tokens: RefreshTokens
    scopes: GrantScopes
    clock: Clock

    def reply(self, grant: GrantRow, did: str) -> TokenReply:
        return write_reply(grant, did, self.access_tokens, self.refresh_tokens)


def refusing_in_transaction(work: Callable[[], Result]) -> Result:
    """Run ``work`` in a transaction that its refusals do not undo.

    A code that is shown with a wrong verifier is used up by that, and a token that is used twice
    ends its grant, although both are refused.

    Raises:
        OAuthError: what ``work`` raises, after the commit.
    """
    with transaction():
        try:
            outcome: Result | OAuthError = work()
        except OAuthError as error:
            outcome = error
    if isinstance(outcome, OAuthError):
        raise outcome
    return outcome


def new_token_id() -> str:
    return f"tok-{secrets.token_hex(16)}"


def use_up_assertion(client: AuthenticatedClient, now_us: int) -> None:
    """Note that the client's assertion was used. The caller holds the transaction.

    Raises:
        InvalidClientError: it was used before. By the name of ``invalid_grant`` clients would take
            their grant for dead, and it is not.
    """
    try:
        client.use_up(now_us)
    except InvalidGrantError as error:
        raise InvalidClientError(error.message) from error


def check_same_client(bound: ClientAuth, shown: ClientAuth) -> None:
    """Check that a client that shows in one way who it is may use what is bound to another way.

    What a public client began it may go on with when it has become a confidential one, which then
    binds it. The other way round, whoever knows the client's id could.

    Raises:
        InvalidClientError: it does not prove any more who it is.
        InvalidGrantError: it proves it with another key.
    """
    if bound.method == "none" or bound == shown:
        return
    if shown.method == "none":
        raise InvalidClientError("This was granted to a client that proves who it is")
    raise InvalidGrantError("This was granted to the client under another key of its own")
