"""An identity as the methods that resolve one show it."""

from __future__ import annotations

from typing import Any

from pds.services.identity_resolution import ResolvedIdentity


def identity_view(found: ResolvedIdentity) -> dict[str, Any]:
    """The object ``com.atproto.identity.defs#identityInfo``."""
    return {"did": found.did, "handle": found.handle, "didDoc": found.document}
