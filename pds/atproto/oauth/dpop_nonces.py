"""The nonces of DPoP proofs: derived from a secret and the minute, so that none need be stored.

The nonce of window n is base64url(HMAC-SHA-256(secret, n as 8 bytes)). In window n the nonces n-1,
n and n+1 are accepted and n+1 is given out, so each is good for two to three windows, all processes
with the same secret know the same ones, and a restart changes nothing.

Spec: https://www.rfc-editor.org/rfc/rfc9449#section-8
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Final

from pds.atproto.oauth import base64url

MAX_WINDOW_S: Final = 60
MIN_SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class DpopNonces:
    """The nonces that follow from ``secret`` (32 bytes or more)."""

    secret: bytes = field(repr=False)
    window_s: int = MAX_WINDOW_S

    def __post_init__(self) -> None:
        if len(self.secret) < MIN_SECRET_BYTES:
            raise ValueError(f"the secret must have {MIN_SECRET_BYTES} bytes at least")
        if not 1 <= self.window_s <= MAX_WINDOW_S:
            raise ValueError(f"a window must be 1 to {MAX_WINDOW_S} seconds long")

    def current(self, now: float) -> str:
        """The nonce to give to clients at ``now`` (Unix seconds)."""
        return self._nonce(self._window(now) + 1)

    def accepts(self, nonce: str, now: float) -> bool:
        window = self._window(now)
        return any(nonce == self._nonce(window + step) for step in (1, 0, -1))

    def _window(self, now: float) -> int:
        return int(now // self.window_s)

    def _nonce(self, window: int) -> str:
        counter = window.to_bytes(8, "big")
        return base64url.encode(hmac.digest(self.secret, counter, hashlib.sha256))
