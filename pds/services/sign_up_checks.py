"""What can be said about a sign-up from its fields alone, and whether its names are free."""

from __future__ import annotations

from disposable_email_domains import blocklist
from email_validator import EmailNotValidError, validate_email

from pds.atproto.crypto.keypair import PublicKey
from pds.errors import AlreadyExistsError, InvalidPasswordError, InvalidRequestError
from pds.services.passwords import MAX_NEW_PASSWORD_LENGTH, password_length
from pds.storage import accounts, deletions, identity_changes

MIN_CHOSEN_PASSWORD_LENGTH = 8


class UnsupportedEmailError(InvalidRequestError):
    default_message = "This email address is not supported, please use a different email."


class NoEmailError(UnsupportedEmailError):
    default_message = "Email is required"


class HandleTakenError(InvalidRequestError):
    """Another account has the handle, or is about to."""


class EmailTakenError(UnsupportedEmailError):
    """Another account has the address. Strangers must not learn that: the message is the same."""


def check_new_password(password: str | None) -> None:
    if password is None:
        return
    if not password:
        message = "The password is empty"
        raise InvalidPasswordError(message)
    if password_length(password) > MAX_NEW_PASSWORD_LENGTH:
        message = f"Password too long. Maximum length is {MAX_NEW_PASSWORD_LENGTH} characters."
        raise InvalidPasswordError(message)


def check_chosen_password(password: str) -> None:
    """``check_new_password`` for what people choose on our pages. Programs may set shorter ones.

    Raises:
        InvalidPasswordError
    """
    check_new_password(password)
    if password_length(password) < MIN_CHOSEN_PASSWORD_LENGTH:
        message = f"Choose a password of at least {MIN_CHOSEN_PASSWORD_LENGTH} characters."
        raise InvalidPasswordError(message)


def check_recovery_key(recovery_key: str) -> None:
    try:
        PublicKey.from_did_key(recovery_key)
    except ValueError as error:
        message = "recoveryKey is not a did:key of a supported kind"
        raise InvalidRequestError(message) from error


def check_free(handle: str, email: str, did: str | None) -> None:
    """Refuse names in use by any account, also an inactive one, or about to be."""
    if did is not None and accounts.is_taken("did", did):
        message = "Repo already exists"
        raise AlreadyExistsError(message)
    if did is not None and deletions.is_being_deleted(did):
        message = "This account is still being deleted here, try again shortly"
        raise AlreadyExistsError(message)
    if identity_changes.is_handle_taken(handle):
        raise HandleTakenError(f"Handle already taken: {handle}")
    if accounts.is_taken("email", email):
        raise EmailTakenError


def check_email(email: str | None) -> str:
    """The address in the form it is stored and compared in: lower case.

    Whether mail arrives there is for the confirmation mail to find out; nothing is looked up here.

    Raises:
        InvalidRequestError: missing, malformed, or of a throw-away provider.
    """
    if not email:
        raise NoEmailError
    address = email.lower()
    try:
        # test_environment: addresses under .test, which a local server's users have.
        parsed = validate_email(
            address, check_deliverability=False, strict=True, test_environment=True
        )
    except EmailNotValidError as error:
        raise UnsupportedEmailError from error
    labels = parsed.ascii_domain.split(".")
    if len(labels) < 2 or not labels[-1][:1].isalpha() or parsed.ascii_domain in blocklist:
        raise UnsupportedEmailError
    return address
