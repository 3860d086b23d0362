"""Finish or drop changes of identity whose did:plc directory was silent when it mattered."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pds.services import Services


def resume_identity_changes(services: Services) -> None:
    services.identity_journal.resume()
