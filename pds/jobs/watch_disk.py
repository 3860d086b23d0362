"""Tell the operator when the disk fills up."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pds.services import Services


def watch_disk(services: Services) -> None:
    services.disk_guard.report()
