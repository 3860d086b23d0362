"""All checks, in the order in which their findings are shown: what others rest on comes first."""

from __future__ import annotations

from typing import Final

from pds.services.doctor import (
    addresses,
    backups,
    blobs,
    certificate,
    clock,
    database,
    disk,
    dns,
    files,
    handles,
    identities,
    mail,
    memory,
    public_name,
    relay_accounts,
    relays,
    server,
    sign_up,
    uploads,
    versions,
    websocket,
    well_known,
)
from pds.services.doctor.model import Check

CHECKS: Final[tuple[Check, ...]] = (
    server.CHECK,
    versions.CHECK,
    database.CHECK,
    disk.CHECK,
    memory.CHECK,
    files.CHECK,
    clock.CHECK,
    dns.CHECK,
    certificate.CHECK,
    public_name.CHECK,
    addresses.CHECK,
    websocket.CHECK,
    well_known.CHECK,
    handles.CHECK,
    identities.CHECK,
    relays.CHECK,
    relay_accounts.CHECK,
    mail.CHECK,
    blobs.CHECK,
    uploads.CHECK,
    backups.CHECK,
    sign_up.CHECK,
)

OF_ANY_CHECK: Final = ("settings", "data", "unfinished")
"""What is found before there are checks, or in place of one."""

FINDINGS: Final = (*OF_ANY_CHECK, *(name for check in CHECKS for name in check.findings))
"""The names of all that can be wrong."""
