"""How an account and its session look in replies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pds.errors import NotEnoughResourcesError, UnresolvableDidError, UpstreamFailureError

if TYPE_CHECKING:
    from pds.services.accounts import AccountRow
    from pds.services.sessions import Session
    from pds.xrpc.method import Call

INVALID_HANDLE = "handle.invalid"


def account_view(call: Call, account: AccountRow) -> dict[str, Any]:
    """did, handle, e-mail and status; the DID document where the server is set to send it along.

    A document that cannot be had right now is left out: it must not keep anybody from logging in.
    """
    view: dict[str, Any] = {
        "did": account.did,
        "handle": account.handle or INVALID_HANDLE,
        "emailConfirmed": account.is_email_confirmed,
        "active": account.is_active,
    }
    if account.email is not None:
        view["email"] = account.email
    if account.status is not None:
        view["status"] = account.status
    if call.services.config.enable_did_doc_with_session:
        try:
            view["didDoc"] = call.services.identity.did_document(account.did)
        except (UnresolvableDidError, UpstreamFailureError, NotEnoughResourcesError):
            return view
    return view


def session_view(call: Call, session: Session) -> dict[str, Any]:
    """``account_view`` with the tokens of a session just begun or renewed."""
    return {
        "accessJwt": session.tokens.access_jwt,
        "refreshJwt": session.tokens.refresh_jwt,
        **account_view(call, session.account),
    }
