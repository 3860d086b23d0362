"""At-identifiers: a DID or a handle, where either may stand.

Spec: https://atproto.com/specs/lexicon#at-identifier
"""

from __future__ import annotations

from pds.atproto.syntax.did import is_did
from pds.atproto.syntax.handle import is_handle


def is_at_identifier(raw: str) -> bool:
    return is_did(raw) if raw.startswith("did:") else is_handle(raw)
