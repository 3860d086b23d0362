"""An invite code as the lexicons show it (com.atproto.server.defs#inviteCode)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pds.services.invites import ListedCode


def invite_view(code: ListedCode) -> dict[str, Any]:
    return {
        "code": code.code,
        "available": code.available_uses,
        "disabled": code.disabled,
        "forAccount": code.for_account,
        "createdBy": code.created_by,
        "createdAt": code.created_at,
        "uses": [{"usedBy": use.used_by, "usedAt": use.used_at} for use in code.uses],
    }
