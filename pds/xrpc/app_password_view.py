"""How an app password looks in replies, apart from the password."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pds.services.app_passwords import AppPasswordRow


def app_password_view(row: AppPasswordRow) -> dict[str, Any]:
    return {"name": row.name, "createdAt": row.created_at, "privileged": bool(row.privileged)}
