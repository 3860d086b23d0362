"""Finish or undo sign-ups whose did:plc directory was silent when it mattered."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pds.services import Services


def resume_sign_ups(services: Services) -> None:
    services.accounts.resume_pending()
