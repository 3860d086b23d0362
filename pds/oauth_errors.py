"""Expected failures in OAuth's words: what its endpoints answer, and XRPC to OAuth callers.

``error`` is the name on the wire, ``message`` what goes into ``error_description``.
Specs: RFC 6749 §4.1.2.1 and §5.2, RFC 9126 §2.3, RFC 9449 §7.1 and §8
"""

from __future__ import annotations

from pds.errors import PdsError


class OAuthError(PdsError):
    """A failure of an OAuth endpoint. ``of`` makes one whose name is known at run time only."""

    error = "invalid_request"
    status = 400
    default_message = "The request is malformed"

    @classmethod
    def of(cls, error: str, message: str, *, status: int = 400) -> OAuthError:
        found = OAuthError(message)
        found.error = error  # type: ignore[misc] # this one's alone
        found.status = status  # type: ignore[misc] # likewise
        return found


# --- clients --------------------------------------------------------------------------------------


class InvalidClientError(OAuthError):
    """The client has not shown who it is."""

    error = "invalid_client"
    default_message = "Client authentication failed"


class InvalidClientMetadataError(OAuthError):
    """What is said about the client, by its id or its document, is at fault."""

    error = "invalid_client_metadata"
    default_message = "The client's metadata are at fault"


class ClientUnavailableError(InvalidClientMetadataError):
    """What the client has published could not be fetched; the next time it may be there."""


class InvalidRedirectUriError(OAuthError):
    error = "invalid_redirect_uri"
    default_message = "The redirect_uri is not one of the client's"


class UnauthorizedClientError(OAuthError):
    error = "unauthorized_client"
    default_message = "The client may not do this"


# --- requests -------------------------------------------------------------------------------------


class InvalidScopeError(OAuthError):
    error = "invalid_scope"
    default_message = "The scope is not valid"


class UnsupportedResponseTypeError(OAuthError):
    error = "unsupported_response_type"
    default_message = 'Only the response_type "code" is supported'


class TemporarilyUnavailableError(OAuthError):
    """The same request may succeed later."""

    error = "temporarily_unavailable"
    status = 503
    default_message = "The server cannot do this at the moment, try again shortly"


# --- tokens ---------------------------------------------------------------------------------------


class InvalidGrantError(OAuthError):
    """A code or refresh token that is good for nothing (any more). Clients forget their session."""

    error = "invalid_grant"
    default_message = "The grant is not valid"


class UnsupportedGrantTypeError(OAuthError):
    error = "unsupported_grant_type"
    default_message = "This grant_type is not supported"


class InvalidAccessTokenError(OAuthError):
    error = "invalid_token"
    status = 401
    default_message = "The access token is not valid"


class InvalidDpopProofError(OAuthError):
    error = "invalid_dpop_proof"
    status = 401
    default_message = "The DPoP proof is not valid"


class UseDpopNonceError(OAuthError):
    """The client shall repeat the request with the nonce that comes with the answer.

    Answered with 400 by the OAuth endpoints and with 401 by XRPC.
    """

    error = "use_dpop_nonce"
    default_message = "The DPoP proof must hold a nonce of this server"


class MissingScopeError(OAuthError):
    """The member has not allowed this; the message names the scope that would."""

    error = "ScopeMissingError"
    status = 403
    default_message = "Missing required scope"
