"""Handles: which may be taken here, and whose they are.

Spec: https://atproto.com/specs/handle
"""

from __future__ import annotations

import logging
from typing import Protocol

from pds.atproto.syntax.handle import DISALLOWED_TLDS, Handle, is_handle
from pds.config import Config
from pds.errors import (
    HandleElsewhereError,
    HandleNotAvailableError,
    HandleNotFoundError,
    InvalidHandleError,
    InvalidRequestError,
    NotEnoughResourcesError,
    PdsError,
    UnsupportedDomainError,
)
from pds.services.offensive_words import has_slur
from pds.services.reserved_handles import RESERVED_HANDLES
from pds.storage import accounts

logger = logging.getLogger("pds.identity")

MIN_LABEL = 3  # characters of the part that a user chooses
MAX_LABEL = 18


class HandleLookup(Protocol):
    """Somebody who may know whose a handle is."""

    def resolve(self, handle: str) -> str:
        """The DID. Raises PdsError when the handle does not resolve, for whatever reason."""


class Handles:
    """Rules for new handles, and the answer to "whose is it?".

    ``outside`` asks DNS and the handle's own web server; ``app_view``, where there is one, is
    asked first when somebody wants to know, but never believed about a handle to be taken here.
    """

    def __init__(
        self, config: Config, outside: HandleLookup, app_view: HandleLookup | None = None
    ) -> None:
        self.domains = config.service_handle_domains
        # Longest first, so that a domain inside another one is found before it.
        self._domains = tuple(sorted(self.domains, key=len, reverse=True))
        self._allows_test = config.is_local
        self._outside = outside
        self._app_view = app_view

    def is_service_handle(self, handle: str) -> bool:
        """Whether the handle is below one of the domains that this server gives out."""
        return self._front_of(handle.lower()) is not None

    def check_new(self, handle: str, did: str | None = None, *, by_admin: bool = False) -> str:
        """Check a handle that an account is to have; return its normal form.

        A handle outside our domains needs ``did``, to which it must already point. Whether another
        account here has the handle is not checked. The admin may use reserved and rude names, and
        one of our domains itself.

        Raises:
            InvalidHandleError: its form, its top-level domain or its words.
            HandleNotAvailableError: it is reserved.
            UnsupportedDomainError: it is outside our domains and there is no ``did``.
            HandleElsewhereError: it does not point to ``did``.
            NotEnoughResourcesError: too many are being looked up.
        """
        normal = self.check_form(handle)
        if not by_admin and has_slur(normal):
            message = "Inappropriate language in handle"
            raise InvalidHandleError(message)
        front = self._front_of(normal)
        if f".{normal}" in self._domains:  # even when it is a name below another one of them
            if not by_admin:
                raise _reserved()
        elif front is not None:
            _check_front(front, by_admin=by_admin)
        elif did is None:
            raise UnsupportedDomainError
        elif self._external_did(normal) != did:
            raise HandleElsewhereError
        return normal

    def resolve(self, handle: str) -> str:
        """The DID a handle points to: our own accounts first, then the network.

        Raises:
            HandleNotFoundError: it is in our domains, and no active account here has it.
            InvalidRequestError: nobody could say.
            NotEnoughResourcesError: too many are being looked up.
        """
        normal = handle.lower()
        account = accounts.find_by_handle(normal)
        if account is not None and account.is_active:
            return account.did
        if self._is_ours(normal):
            raise HandleNotFoundError
        did = self._network_did(normal) if is_handle(normal) else None
        if did is None:
            message = "Unable to resolve handle"
            raise InvalidRequestError(message)
        return did

    def check_form(self, handle: str) -> str:
        """The normal form of what is a handle. InvalidHandleError: it never could be one."""
        if not is_handle(handle):
            message = "Invalid handle"
            raise InvalidHandleError(message)
        normal = Handle(handle).normalized()
        is_stray_test = (
            normal.tld == ".test" and not self._allows_test and not self._is_ours(normal)
        )
        if normal.tld in DISALLOWED_TLDS or is_stray_test:
            message = "Handle TLD is invalid or disallowed"
            raise InvalidHandleError(message)
        return str(normal)

    def domain_of(self, handle: str) -> str | None:
        """Which of our domains (with its dot) a lower-case handle is below; the longest one."""
        for domain in self._domains:
            if handle.endswith(domain) and len(handle) > len(domain):
                return domain
        return None

    def _front_of(self, handle: str) -> str | None:
        """The part before our domain; None when the handle is in none of them."""
        domain = self.domain_of(handle)
        return None if domain is None else handle.removesuffix(domain)

    def _is_ours(self, handle: str) -> bool:
        return self._front_of(handle) is not None or f".{handle}" in self._domains

    def _external_did(self, handle: str) -> str | None:
        try:
            return self._outside.resolve(handle)
        except NotEnoughResourcesError:
            raise
        except PdsError as error:
            logger.info("handle %s does not resolve: %s", handle, error)
            return None

    def _network_did(self, handle: str) -> str | None:
        if self._app_view is not None:
            try:
                return self._app_view.resolve(handle)
            except PdsError as error:
                logger.debug("the app view does not resolve %s: %s", handle, error)
        return self._external_did(handle)


def _check_front(front: str, *, by_admin: bool) -> None:
    if "." in front:
        message = "Invalid characters in handle"
        raise InvalidHandleError(message)
    if len(front) < MIN_LABEL:
        message = "Handle too short"
        raise InvalidHandleError(message)
    if len(front) > MAX_LABEL:
        message = "Handle too long"
        raise InvalidHandleError(message)
    if not by_admin and front in RESERVED_HANDLES:
        raise _reserved()


def _reserved() -> HandleNotAvailableError:
    return HandleNotAvailableError("Reserved handle")
