"""Keys for tokens of different kinds, derived from one secret, so that none is taken for another.

What signs the access tokens of OAuth must not be what signs those of password sessions: then a
token of one kind cannot pass for the other, whatever it says of itself.
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

# Changing one of these ends every token of its kind.
ACCESS_TOKENS: Final = b"hearth oauth access tokens v1"
REFRESH_TOKENS: Final = b"hearth oauth refresh tokens v1"
AUTHORIZATION_CODES: Final = b"hearth oauth authorization codes v1"


def derive_key(secret: str, purpose: bytes) -> bytes:
    """32 bytes that say nothing about ``secret`` (``PDS_JWT_SECRET``) or other purposes' keys."""
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose)
    return derived.derive(secret.encode("utf-8"))
