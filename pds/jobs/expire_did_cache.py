"""Forget DID documents that are too old to be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pds.services import Services


def expire_did_cache(services: Services) -> None:
    services.identity.expire_cache()
