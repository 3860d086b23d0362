"""DPoP proofs as this server takes them: its URL, its nonces, and each proof once.

The URL in a proof is held against the server's public one, never against the Host header: behind a
reverse proxy that header is anybody's.

Spec: https://www.rfc-editor.org/rfc/rfc9449, https://atproto.com/specs/oauth#demonstrating-proof-of-possession-dpop
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from pds.atproto.oauth.dpop import DpopError, verify_proof
from pds.atproto.oauth.dpop_nonces import MIN_SECRET_BYTES, DpopNonces
from pds.oauth_errors import InvalidDpopProofError, UseDpopNonceError
from pds.services.clock import Clock
from pds.services.oauth.replay_memory import ReplayMemory


class Proofs:
    """Checks proofs and gives out nonces, for the authorization endpoints and for XRPC alike."""

    def __init__(self, public_url: str, clock: Clock, secret: bytes | None = None) -> None:
        """secret: 32 bytes or more from which the nonces follow; None: new ones with every start.

        Then what was signed for an earlier start is useless, as is the memory that went with it.
        """
        self._public_url = public_url
        self._clock = clock
        self._nonces = DpopNonces(secret or secrets.token_bytes(MIN_SECRET_BYTES))
        # Strangers can fill the first one; in the second is only what came with a token of ours.
        self._seen = ReplayMemory()
        self._seen_with_token = ReplayMemory()

    def next_nonce(self) -> str:
        """The nonce for the ``DPoP-Nonce`` header of an answer."""
        return self._nonces.current(self._now())

    def check(
        self, headers: Sequence[str], *, method: str, path: str, access_token: str | None = None
    ) -> str:
        """Check the proof of a request and use it up; the thumbprint of its key (``jkt``).

        headers: the values of every ``DPoP`` header. path: of the request, without a query.
        access_token: the one that comes with the request, if any; see first whether it is ours.

        Raises:
            UseDpopNonceError: good but for its nonce; it is not used up.
            InvalidDpopProofError: there is none, more than one, a wrong one, or a used one.
            TemporarilyUnavailableError: so many are under way that none more can be remembered.
        """
        if len(headers) != 1:
            message = "more than one DPoP header" if headers else "the DPoP header is missing"
            raise InvalidDpopProofError(message)
        now = self._now()
        try:
            proof = verify_proof(
                headers[0],
                method=method,
                url=self._public_url + path,
                now=now,
                nonces=self._nonces,
                access_token=access_token,
            )
        except DpopError as error:
            if error.error == "use_dpop_nonce":
                raise UseDpopNonceError(str(error)) from error
            raise InvalidDpopProofError(str(error)) from error
        # Last, so that what is refused for another reason may come again.
        seen = self._seen if access_token is None else self._seen_with_token
        if not seen.add(proof.thumbprint, proof.jti, until=proof.expires_at, now=now):
            raise InvalidDpopProofError('a proof with this "jti" was used already')
        return proof.thumbprint

    def _now(self) -> float:
        return self._clock() / 1_000_000
