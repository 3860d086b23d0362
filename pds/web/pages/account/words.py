"""What members are told: what has worked; and what was wrong, where the protocol is terse."""

from __future__ import annotations

from typing import Final

from pds.errors import PdsError

CODE_ISSUED: Final = "code"
"""A code was issued; where to find it depends on whether this server sends mail."""

DONE: Final = {
    "signed-in": "It is you. Now go on.",
    "handle": "Your handle is changed. Apps may show the old one for some hours.",
    "email": "Your e-mail address is changed. Now confirm it.",
    "email-unchanged": "This is your e-mail address already.",
    "email-confirmed": "Your e-mail address is confirmed.",
    "email-was-confirmed": "Your e-mail address is confirmed already.",
    "password": "Your password is changed. All other devices and apps were signed out.",
    "password-kept": "Your password is changed. Other devices and apps stay signed in.",
    "place": "That device is signed out.",
    "no-place": "That device was signed out before.",
    "places": "All other devices are signed out.",
    "app": "The app has no access any more.",
    "no-app": "The app had no access any more.",
    "app-password": "The app password is deleted, and what used it is signed out.",
    "deactivated": "Your account is paused. Nobody sees it until you come back.",
    "reactivated": "Welcome back. Your account is active again.",
}

_BY_NAME: Final = {
    "InvalidToken": "This code is wrong or was used already. Ask for a new one.",
    "ExpiredToken": "This code is too old. Ask for a new one.",
    "TokenRequired": "Changing this address takes a code. Ask for one first.",
    "AccountTakedown": "This account was taken down by the person who runs this server.",
    "InvalidHandle": (
        "This cannot be a handle. Take letters, digits and hyphens, as in a web address."
    ),
    "HandleNotAvailable": "Somebody has this handle already. Choose another one.",
}
_BY_TEXT: Final = {
    "External handle did not resolve to DID": (
        "The domain does not point to your account yet. Check the entry; a new one can take an hour"
        " until everybody sees it. Then try again."
    ),
    "Handle TLD is invalid or disallowed": "Handles cannot end like this. Choose another domain.",
    "Invalid characters in handle": (
        "A handle has letters, digits and hyphens only, and does not begin or end with a hyphen."
    ),
    "Handle too short": "This name is too short: take three characters or more.",
    "Handle too long": "This name is too long: take eighteen characters or fewer.",
    "Inappropriate language in handle": "This name is not allowed here. Choose another one.",
    "Reserved handle": "This name is reserved. Choose another one.",
    "Invalid did or password": "That is not your password. Try again.",
    "account does not have an email address": (
        "Your account has no e-mail address, so no code can be sent. Add an address first."
    ),
    "DID document atproto_pds service endpoint does not match PDS public url": (
        "Your account lives on another server now, so it cannot be active here."
    ),
    "DID document verification method does not match expected signing key": (
        "Your account lives on another server now, so it cannot be active here."
    ),
}


SIGN_IN_REFUSED: Final = "This handle, e-mail address or password is wrong."


def of(error: PdsError) -> str:
    """The error as a member understands it, who is known to be who they are."""
    return _BY_TEXT.get(error.message) or _BY_NAME.get(error.error) or error.message
