"""At-identifiers: a DID or a handle, where either may stand.

Spec: https://atproto.com/specs/lexicon#at-identifier
"""

from __future__ import annotations

from pds.atproto.syntax.did import Did, is_did
from pds.atproto.syntax.handle import Handle, is_handle


class InvalidAtIdentifierError(ValueError):
    """Neither a DID nor a handle."""


def parse_at_identifier(raw: str) -> Did | Handle:
    """Read a DID or a handle; the beginning ``did:`` decides.

    Raises:
        InvalidAtIdentifierError: the syntax of either is wrong.
    """
    if raw.startswith("did:"):
        if is_did(raw):
            return Did(raw)
    elif is_handle(raw):
        return Handle(raw)
    raise InvalidAtIdentifierError("neither a DID nor a handle")


def is_at_identifier(raw: str) -> bool:
    return is_did(raw) if raw.startswith("did:") else is_handle(raw)
