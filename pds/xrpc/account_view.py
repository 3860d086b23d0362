"""An account as moderators see it (com.atproto.admin.defs#accountView)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pds.services.account_events import INVALID_HANDLE
from pds.xrpc.invite_view import invite_view

if TYPE_CHECKING:
    from pds.services.account_info import AccountInfo


def account_view(info: AccountInfo) -> dict[str, Any]:
    account = info.account
    view: dict[str, Any] = {
        "did": account.did,
        "handle": account.handle or INVALID_HANDLE,
        "indexedAt": account.created_at,
        "invites": [invite_view(code) for code in info.invites],
        "invitesDisabled": bool(account.invites_disabled),
    }
    if info.invited_by is not None:
        view["invitedBy"] = invite_view(info.invited_by)
    optional = {
        "email": account.email,
        "emailConfirmedAt": account.email_confirmed_at or None,
        "deactivatedAt": account.deactivated_at,
    }
    return view | {name: value for name, value in optional.items() if value is not None}
