"""Expected failures in the protocol's own words; anything else that is raised is a bug.

Each class names one cause: ``error`` is the wire name that clients branch on, ``status`` the HTTP
status, and the message is safe to show (no secrets, no SQL, no paths).
Spec: https://atproto.com/specs/xrpc#error-responses
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

# Names by status, for failures that have none of their own.
NAMES = {
    400: "InvalidRequest",
    401: "AuthenticationRequired",
    403: "Forbidden",
    404: "XRPCNotSupported",
    405: "InvalidRequest",
    406: "NotAcceptable",
    413: "PayloadTooLarge",
    415: "UnsupportedMediaType",
    416: "RangeNotSatisfiable",
    426: "UpgradeRequired",
    429: "RateLimitExceeded",
    500: "InternalServerError",
    501: "MethodNotImplemented",
    502: "UpstreamFailure",
    503: "NotEnoughResources",
    504: "UpstreamTimeout",
}


class PdsError(Exception):
    """An expected failure. Subclasses set ``error``, ``status`` and ``default_message``."""

    error: ClassVar[str] = "InvalidRequest"
    status: ClassVar[int] = 400
    default_message: ClassVar[str] = "Invalid request"
    retry_after: str | None = None  # when to try again, as the header of this name says it

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.default_message)

    @property
    def message(self) -> str:
        """The text for the client."""
        return str(self)


# --- requests -----------------------------------------------------------------------------------


class InvalidRequestError(PdsError):
    """The request itself is wrong: a parameter, the body, an identifier."""


class NotAcceptableError(PdsError):
    error = "NotAcceptable"
    status = 406
    default_message = "No encoding that both the client and this server can read"


class PayloadTooLargeError(PdsError):
    error = "PayloadTooLarge"
    status = 413
    default_message = "The request body is larger than this method accepts"


class UnsupportedMediaTypeError(PdsError):
    error = "UnsupportedMediaType"
    status = 415
    default_message = "Unsupported content-encoding"


class MethodNotImplementedError(PdsError):
    error = "MethodNotImplemented"
    status = 501
    default_message = "Method not implemented"


class RateLimitExceededError(PdsError):
    error = "RateLimitExceeded"
    status = 429
    default_message = "Rate limit exceeded"


class UpstreamFailureError(PdsError):
    """Another server that we need did not answer, or answered with nonsense."""

    error = "UpstreamFailure"
    status = 502
    default_message = "Another server that is needed for this did not answer"


class UpstreamTimeoutError(UpstreamFailureError):
    error = "UpstreamTimeout"
    status = 504
    default_message = "Another server that is needed for this did not answer in time"


class NotEnoughResourcesError(PdsError):
    """The server is full or shutting down; trying again later may help."""

    error = "NotEnoughResources"
    status = 503
    default_message = "The server is too busy or is shutting down, try again shortly"


class UpstreamBusyError(NotEnoughResourcesError):
    """As many calls to other services are under way as there may be."""

    default_message = "Too many calls to other services are under way, try again shortly"
    retry_after = "5"


class UpstreamReplyError(PdsError):
    """Another service refused a call that was passed on to it: its words, and its status.

    headers: those of its answer that may be passed on, names in lower case.
    """

    def __init__(
        self,
        status: int = 502,
        error: str = "UpstreamFailure",
        message: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message or UpstreamFailureError.default_message)
        self.status = status  # type: ignore[misc] # as many as there are
        self.error = error  # type: ignore[misc]
        self.headers = dict(headers or {})
        self.retry_after = self.headers.get("retry-after")


# --- authentication -----------------------------------------------------------------------------


class AuthRequiredError(PdsError):
    error = "AuthenticationRequired"
    status = 401
    default_message = "Authentication Required"


class AuthFactorTokenRequiredError(PdsError):
    """The password is right, and the account wants a second proof."""

    error = "AuthFactorTokenRequired"
    status = 401
    default_message = "A second factor is needed to sign in"


class ForeignFormError(PdsError):
    """A form of our pages came from elsewhere, or from a browser that it was not made for."""

    error = "Forbidden"
    status = 403
    default_message = (
        "This form was not sent from our own page, or the page was open for too long. Go back, "
        "reload the page and try again. If that does not help, allow cookies for this site."
    )


class AuthMissingError(PdsError):
    error = "AuthMissing"
    status = 401
    default_message = "Authentication Required"


class InvalidTokenError(PdsError):
    """A token is malformed, forged, foreign, or of the wrong kind."""

    error = "InvalidToken"
    default_message = "Token could not be verified"


class ExpiredTokenError(PdsError):
    """Clients refresh their session on this name."""

    error = "ExpiredToken"
    default_message = "Token has expired"


class BadExpirationError(PdsError):
    error = "BadExpiration"
    default_message = "The expiration is in the past or too far in the future"


class MissingTokenIdError(PdsError):
    error = "MissingTokenId"
    status = 401
    default_message = "The refresh token has no id"


class ForbiddenError(PdsError):
    error = "Forbidden"
    status = 403
    default_message = "Forbidden"


class ServiceTokenError(PdsError):
    """A service token was refused; ``error`` says why (BadJwt, JwtExpired, BadJwtAudience, …)."""

    status = 401
    default_message = "The service token was refused"

    def __init__(self, error: str, message: str | None = None) -> None:
        super().__init__(message)
        self.error = error  # type: ignore[misc] # one class for the eight names of a bad JWT


class AccountTakedownError(PdsError):
    error = "AccountTakedown"
    status = 401
    default_message = "Account has been taken down"


class AccountDeactivatedError(PdsError):
    error = "AccountDeactivated"
    status = 401
    default_message = "Account is deactivated"


class AccountNotFoundError(PdsError):
    error = "AccountNotFound"
    status = 403
    default_message = "Account not found"


class NotFoundError(PdsError):
    """An admin or moderator names something that is not here."""

    error = "NotFound"
    default_message = "Not found"


# --- accounts and identity ----------------------------------------------------------------------


class InvalidHandleError(PdsError):
    error = "InvalidHandle"
    default_message = "Invalid handle"


class HandleElsewhereError(InvalidRequestError):
    """Outside this server's domains, and does not point to the account (yet)."""

    default_message = "External handle did not resolve to DID"


class HandleNotAvailableError(PdsError):
    error = "HandleNotAvailable"
    default_message = "Handle is not available"


class UnsupportedDomainError(PdsError):
    error = "UnsupportedDomain"
    default_message = "Not a supported handle domain"


class HandleNotFoundError(PdsError):
    error = "HandleNotFound"
    default_message = "Unable to resolve handle"


class NoSuchDidError(PdsError):
    """Only for the methods that resolve DIDs; elsewhere the name is UnresolvableDid."""

    error = "DidNotFound"
    default_message = "There is no such DID"


class DidDeactivatedError(PdsError):
    error = "DidDeactivated"
    default_message = "The DID has been ended by its owner"


class UnresolvableDidError(PdsError):
    error = "UnresolvableDid"
    default_message = "Could not resolve DID"


class IncompatibleDidDocError(PdsError):
    error = "IncompatibleDidDoc"
    default_message = "The DID document does not fit this account"


class InvalidEmailError(PdsError):
    error = "InvalidEmail"
    default_message = "Invalid email"


class InvalidPasswordError(PdsError):
    error = "InvalidPassword"
    default_message = "Invalid password"


class TokenRequiredError(PdsError):
    error = "TokenRequired"
    default_message = "confirmation token required"


class InvalidInviteCodeError(PdsError):
    error = "InvalidInviteCode"
    default_message = "Provided invite code not available"


class SignUpClosedError(PdsError):
    """Nobody more may sign up. The lexicon has no name for it, and waiting does not help."""

    default_message = "Sign-up on this server is closed"


class AlreadyExistsError(PdsError):
    error = "AlreadyExists"
    default_message = "This already exists"


class UnknownFeedError(PdsError):
    error = "UnknownFeed"
    default_message = "could not find feed"


class FutureCursorError(PdsError):
    error = "FutureCursor"
    default_message = "Cursor in the future."


# --- repos and blobs ----------------------------------------------------------------------------


class InvalidSwapError(PdsError):
    error = "InvalidSwap"
    default_message = "The repo has changed since the client last read it"


class RecordNotFoundError(PdsError):
    error = "RecordNotFound"
    default_message = "Could not locate record"


class RecordExistsError(PdsError):
    """A create names a key that is taken. The lexicon has no name for it, so InvalidRequest."""

    default_message = "A record with this key already exists"


class RepoNotFoundError(PdsError):
    error = "RepoNotFound"
    default_message = "Could not find repo"


class RepoTakendownError(PdsError):
    error = "RepoTakendown"
    default_message = "Repo has been taken down"


class RepoDeactivatedError(PdsError):
    error = "RepoDeactivated"
    default_message = "Repo has been deactivated"


class BlockNotFoundError(PdsError):
    error = "BlockNotFound"
    default_message = "Could not find block"


class BlobNotFoundError(PdsError):
    error = "BlobNotFound"
    default_message = "Blob not found"


class InvalidMimeTypeError(PdsError):
    error = "InvalidMimeType"
    default_message = "The blob's type does not match the upload"


class InvalidSizeError(PdsError):
    error = "InvalidSize"
    default_message = "The blob's size does not match the upload"
