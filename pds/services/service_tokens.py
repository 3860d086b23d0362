"""Service tokens that others show here: who signed them, and whether that is who may.

Spec: https://atproto.com/specs/xrpc#inter-service-authentication-jwt
"""

from __future__ import annotations

import logging
from typing import Protocol

from pds.atproto import service_auth
from pds.atproto.crypto.keypair import PublicKey
from pds.atproto.service_auth import ServiceAuthError, ServiceClaims
from pds.config import Config
from pds.errors import ServiceTokenError
from pds.services.clock import Clock

logger = logging.getLogger("pds.sessions")

LABELER = "#atproto_labeler"
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

    def verify_moderator(self, token: str, lxm: str) -> str:
        """The DID of this server's moderation service, which signed the token for ``lxm``.

        It may sign as itself, or as the labeler that it also is, with that one's key.

        Raises:
            ServiceTokenError: 401; ``UntrustedIss`` for everybody else.
            UnresolvableDidError: the service's keys cannot be found out.
        """
        claims, signed, signature = self._read(token, lxm)
        if self._moderator is None or claims.issuer_did != self._moderator:
            raise ServiceTokenError("UntrustedIss", "Untrusted issuer")
        key_id = "#atproto_label" if claims.iss == self._moderator + LABELER else "#atproto"
        self._check_signature(claims, key_id, signed, signature)
        return claims.issuer_did

    def _read(self, token: str, lxm: str) -> tuple[ServiceClaims, bytes, bytes]:
        try:
            claims, signed, signature = service_auth.decode_service_token(
                token, now=self._clock() // _SECOND_US
            )
            service_auth.check_service_claims(claims, audiences=self._audiences, lxm=lxm)
        except ServiceAuthError as error:
            raise ServiceTokenError(error.error, str(error)) from error
        return claims, signed, signature

    def _check_signature(
        self, claims: ServiceClaims, key_id: str, signed: bytes, signature: bytes
    ) -> None:
        """A key that does not fit may be a cached one that was replaced: then look again, once."""
        did = claims.issuer_did
        key = self._identity.signing_key_of(did, key_id=key_id)
        if _verifies(key, signed, signature):
            return
        current = self._identity.signing_key_of(did, key_id=key_id, force=True)
        if current == key or not _verifies(current, signed, signature):
            raise ServiceTokenError("BadJwtSignature", "jwt signature does not match jwt issuer")


def _verifies(did_key: str | None, signed: bytes, signature: bytes) -> bool:
    if did_key is None:
        return False
    try:
        key = PublicKey.from_did_key(did_key)
    except ValueError:
        logger.info("an issuer's DID document names a key of an unknown kind")
        return False
    return service_auth.verify_service_signature(key, signed, signature)
