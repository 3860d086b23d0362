"""PKCE: only the app that began an authorization can finish it.

The app sends the hash of a secret (the challenge) at the beginning and the secret itself (the
verifier) at the end. The method is always S256; ``plain`` is not part of the protocol.

Spec: RFC 7636
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final

from pds.atproto.oauth import base64url

_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)
# 32 bytes; the last character carries four bits, so its two lowest are zero.
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]", re.ASCII)


def is_code_verifier(raw: str) -> bool:
    return _VERIFIER.fullmatch(raw) is not None


def is_code_challenge(raw: str) -> bool:
    """Whether ``raw`` can be the challenge of any verifier."""
    return _CHALLENGE.fullmatch(raw) is not None


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a well-formed verifier."""
    return base64url.encode(hashlib.sha256(verifier.encode("ascii")).digest())


def verifies(verifier: str, challenge: str) -> bool:
    """Whether ``verifier`` is well-formed and the one of ``challenge``, in constant time."""
    if not is_code_verifier(verifier) or not is_code_challenge(challenge):
        return False
    return hmac.compare_digest(challenge_of(verifier), challenge)
