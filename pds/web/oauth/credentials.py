"""Clients that show at the token and the revocation endpoint who they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pds.oauth_errors import ClientUnavailableError, OAuthError, TemporarilyUnavailableError
from pds.services.look_ups import for_members
from pds.services.oauth.client_credentials import AuthenticatedClient, ClientCredentials

if TYPE_CHECKING:
    from pds.services import Services


def authenticate(
    services: Services, fields: Mapping[str, str], jkt: str | None
) -> AuthenticatedClient:
    """The client that sends a request, signed with the key ``jkt`` if it is signed at all.

    May mean to ask its server, and before others: call it for a code or token of ours only.

    Raises:
        TemporarilyUnavailableError: its document is out of reach. The grant stays as it is, and
            the client shall try again: what it holds is none the worse for it.
        OAuthError: it has not proven who it is, or its document is at fault.
    """
    credentials = ClientCredentials.of(fields)
    try:
        with for_members():
            return services.oauth.authentication.authenticate(credentials, jkt)
    except ClientUnavailableError as error:
        raise TemporarilyUnavailableError(error.message) from error


def required(fields: Mapping[str, str], name: str) -> str:
    """Raises OAuthError (``invalid_request``) when a field is missing."""
    value = fields.get(name)
    if value is None:
        raise OAuthError(f"{name}: is missing")
    return value
