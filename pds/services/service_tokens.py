"""Service tokens that others show here: who signed them, and whether that is who may.

Terms
- used: the exact token has been accepted before. What the moderation service may change with one is
  up to the request, so a token is good for one change. It is good for any number of reads, and of
  uploads: the video service makes several with one token. A token for createAccount needs no such
  memory: once it has done its work the DID is taken, and until then the person may try again.

Tricky bits
- Used tokens are remembered in memory, each until it lapses, which is soon (see MAX_AHEAD_S). A
  restart forgets them; only who has read the token on its way, or in a log, could gain by that.

Spec: https://atproto.com/specs/xrpc#inter-service-authentication-jwt
"""

from __future__ import annotations

import hashlib
import logging
import threading
from typing import Protocol

from pds.atproto import service_auth
from pds.atproto.crypto.keypair import PublicKey
from pds.atproto.service_auth import ServiceAuthError, ServiceClaims
from pds.config import Config
from pds.errors import ServiceTokenError
from pds.services.clock import Clock

logger = logging.getLogger("pds.sessions")

LABELER = "#atproto_labeler"
MAX_LIFETIME_S = 60 * 60  # what servers of this network give out
CLOCK_SKEW_S = 5 * 60
MAX_AHEAD_S = MAX_LIFETIME_S + CLOCK_SKEW_S
MAX_REMEMBERED = 10_000
LOOK_AGAIN_EVERY_S = 30
_SECOND_US = 1_000_000


class KeyLookup(Protocol):
    """The part of ``Identity`` that checking a service token needs."""

    def signing_key_of(
        self, did: str, *, key_id: str = "#atproto", force: bool = False
    ) -> str | None:
        """The did:key that signs for ``did``. Raises UnresolvableDidError."""


class ServiceTokens:
    """Checks the tokens by which other servers call for their users, or for themselves."""

    def __init__(self, config: Config, clock: Clock, identity: KeyLookup) -> None:
        self._audiences = (config.service_did, f"{config.service_did}#atproto_pds")
        self._moderator = config.mod_service_did
        self._clock = clock
        self._identity = identity
        self._used: dict[bytes, float] = {}  # digest of what was signed → when the token lapses
        self._looked_again: dict[str, int] = {}  # DID → when its keys were fetched anew
        self._lock = threading.Lock()

    def verify_user(self, token: str, lxm: str) -> str:
        """The DID whose repo key signed a token made for this server and the method ``lxm``.

        Raises:
            ServiceTokenError: 401, with the name of what is wrong.
            UnresolvableDidError: the issuer's keys cannot be found out.
        """
        claims, signed, signature = self._read(token, lxm)
        if claims.iss != claims.issuer_did:
            raise ServiceTokenError("BadJwtIss", "The token's issuer is not a DID")
        self._check_signature(claims, "#atproto", signed, signature)
        return claims.issuer_did

    def verify_moderator(self, token: str, lxm: str, *, once: bool) -> str:
        """The DID of this server's moderation service, which signed the token for ``lxm``.

        It may sign as itself, or as the labeler that it also is, with that one's key. ``once``: the
        token must not be used, and is from now on.

        Raises:
            ServiceTokenError: 401; ``UntrustedIss`` for everybody else.
            UnresolvableDidError: the service's keys cannot be found out.
        """
        claims, signed, signature = self._read(token, lxm)
        if self._moderator is None or claims.issuer_did != self._moderator:
            raise ServiceTokenError("UntrustedIss", "Untrusted issuer")
        key_id = "#atproto_label" if claims.iss == self._moderator + LABELER else "#atproto"
        self._check_signature(claims, key_id, signed, signature)
        if once:
            self._use_up(signed, claims.exp)
        return claims.issuer_did

    def _read(self, token: str, lxm: str) -> tuple[ServiceClaims, bytes, bytes]:
        now_s = self._clock() // _SECOND_US
        try:
            claims, signed, signature = service_auth.decode_service_token(token, now=now_s)
            service_auth.check_service_claims(claims, audiences=self._audiences, lxm=lxm)
        except ServiceAuthError as error:
            raise ServiceTokenError(error.error, str(error)) from error
        if claims.exp > now_s + MAX_AHEAD_S:
            raise ServiceTokenError("BadJwt", "jwt expires more than an hour in the future")
        if claims.iat is not None and claims.iat > now_s + CLOCK_SKEW_S:
            raise ServiceTokenError("BadJwt", "jwt was issued in the future")
        return claims, signed, signature

    def _use_up(self, signed: bytes, lapses_at_s: float) -> None:
        """Remember a token, or raise when it is used. Only tokens that are verified come here."""
        digest = hashlib.sha256(signed).digest()
        now_s = self._clock() // _SECOND_US
        with self._lock:
            self._used = {known: at for known, at in self._used.items() if at >= now_s}
            if digest in self._used:
                raise ServiceTokenError("BadJwt", "jwt was used before")
            if len(self._used) >= MAX_REMEMBERED:
                del self._used[next(iter(self._used))]
            self._used[digest] = lapses_at_s

    def _check_signature(
        self, claims: ServiceClaims, key_id: str, signed: bytes, signature: bytes
    ) -> None:
        """A key that does not fit may be a cached one that was replaced: then look again, once."""
        did = claims.issuer_did
        key = self._identity.signing_key_of(did, key_id=key_id)
        if _verifies(key, signed, signature):
            return
        if self._may_look_again(did):
            current = self._identity.signing_key_of(did, key_id=key_id, force=True)
            if current != key and _verifies(current, signed, signature):
                return
        raise ServiceTokenError("BadJwtSignature", "jwt signature does not match jwt issuer")

    def _may_look_again(self, did: str) -> bool:
        """Anybody can send forged tokens; the issuer's server must not be asked for each."""
        now_us = self._clock()
        with self._lock:
            last_us = self._looked_again.get(did)
            if last_us is not None and now_us - last_us < LOOK_AGAIN_EVERY_S * _SECOND_US:
                return False
            self._looked_again.pop(did, None)  # the dictionary stays in the order of time
            self._looked_again[did] = now_us
            if len(self._looked_again) > MAX_REMEMBERED:
                del self._looked_again[next(iter(self._looked_again))]
            return True


def _verifies(did_key: str | None, signed: bytes, signature: bytes) -> bool:
    if did_key is None:
        return False
    try:
        key = PublicKey.from_did_key(did_key)
    except ValueError:
        logger.info("an issuer's DID document names a key of an unknown kind")
        return False
    return service_auth.verify_service_signature(key, signed, signature)
