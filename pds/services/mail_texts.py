"""What each message says. The layout, in HTML and as plain text, is in ``mail_templates``.

Lines are ``str.format`` texts: ``{who}`` is the account as people know it, ``{service}`` this
server's name, other names are the facts that whoever sends the message gives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Purpose = Literal[
    "confirm_email", "update_email", "reset_password", "delete_account", "plc_operation"
]
"""What a one-time code is good for."""

Notice = Literal[
    "password_changed",
    "email_changed",
    "app_password_created",
    "app_allowed",
    "new_sign_in",
    "identity_changed",
    "sign_up_attempt",
]
"""What the owner of an account is told of."""

PURPOSES: tuple[Purpose, ...] = get_args(Purpose)


@dataclass(frozen=True, slots=True)
class Text:
    """``asks`` says in the log, after the account's name, what was asked for."""

    subject: str
    heading: str
    lines: tuple[str, ...]
    advice: tuple[str, ...]
    asks: str = ""


_NOT_YOU = "If that was not you, somebody may have your password: change it now."

CODES: dict[Purpose, Text] = {
    "confirm_email": Text(
        "Email Confirmation",
        "Confirm your e-mail address",
        ("This code confirms that the account {who} on {service} can be reached at this address:",),
        ("If you have no account there, somebody mistyped their address: ignore this mail.",),
        "asked to confirm their e-mail address",
    ),
    "update_email": Text(
        "Email Update Requested",
        "Change your e-mail address",
        (
            "Somebody asked to change the e-mail address of {who} on {service}. This code allows"
            " it:",
        ),
        (_NOT_YOU, "Give this code to nobody."),
        "asked to change their e-mail address",
    ),
    "reset_password": Text(
        "Password Reset Requested",
        "Set a new password",
        ("Somebody asked to set a new password for {who} on {service}. This code allows it:",),
        ("If that was not you, ignore this mail: your password stays as it is.",),
        "asked for a password reset",
    ),
    "delete_account": Text(
        "Account Deletion Requested",
        "Delete your account",
        (
            "Somebody asked to delete the account {who} on {service}, with all its posts and"
            " pictures, for good. This code allows it, together with the password:",
        ),
        (_NOT_YOU, "Give this code to nobody."),
        "asked to delete their account",
    ),
    "plc_operation": Text(
        "PLC Update Operation Requested",
        "Change your identity",
        (
            "Somebody asked to change the identity (DID) of {who} on {service}, as is done when"
            " moving to another server. This code allows it:",
        ),
        (
            "Whoever has this code can take the account away from you for good. Use it only where"
            " you yourself began the change, and give it to nobody.",
            _NOT_YOU,
        ),
        "asked to sign a change of their identity",
    ),
}

NOTICES: dict[Notice, Text] = {
    "password_changed": Text(
        "Your password was changed",
        "Your password was changed",
        ("The password of {who} on {service} was changed. {others}",),
        ("If that was not you, ask for a password reset now, and tell the server's operator.",),
    ),
    "email_changed": Text(
        "Your e-mail address was changed",
        "Your e-mail address was changed",
        (
            "The account {who} on {service} now has another e-mail address. This is the last mail"
            " to this one.",
        ),
        ("If that was not you, tell the server's operator now.",),
    ),
    "app_password_created": Text(
        "A new app password was made",
        "A new app password",
        ('An app password named "{name}" was made for {who} on {service}.',),
        (_NOT_YOU + " Then delete the app password.",),
    ),
    "app_allowed": Text(
        "A new app may use your account",
        "A new app may use your account",
        (
            "{app} was allowed to use the account {who} on {service}. It may: {scopes}.",
            "See what your apps may do, and take it back, at {link}",
        ),
        ("If that was not you, take it back there, and change your password: somebody knows it.",),
    ),
    "new_sign_in": Text(
        "New sign-in to your account",
        "New sign-in",
        ("Somebody signed in to {who} on {service} with the account's password.", "{details}"),
        (_NOT_YOU,),
    ),
    "identity_changed": Text(
        "Your identity was changed",
        "Your identity was changed",
        ("The identity (DID) of {who} on {service} was changed: {change}.",),
        (
            "If that was not you, tell the server's operator now. A change of a did:plc identity"
            " can be undone for 72 hours by whoever holds a recovery key.",
        ),
    ),
    "sign_up_attempt": Text(
        "Somebody tried to sign up with your address",
        "You have an account already",
        (
            "Somebody tried to make a new account on {service} with your e-mail address. You have"
            " one there already: {who}.",
        ),
        (
            "If that was you, sign in with it, or ask for a password reset. If not, you need not"
            " do anything.",
        ),
    ),
}

# To the operator.

SIGN_UP_CLOSED = Text(
    "Sign-up on your server is closed",
    "Sign-up is closed",
    (
        "{count} accounts were made on {service} within an hour, so it lets nobody more sign up."
        " Members are not affected.",
        'Look at the new accounts with "pdsadmin account list" and delete those of robots. Then'
        ' open sign-up again with "pdsadmin sign-up open".',
    ),
    ("To let more people in within an hour, set PDS_SIGN_UPS_PER_HOUR.",),
)

DISK_LOW = Text(
    "Your server's disk is filling up",
    "Only {free} are free",
    (
        "On the disk of {service}, {free} are free: {what}.",
        "Members' pictures and videos, old logs and old backups on the same disk are what usually"
        " takes the room. When there is room again, all goes on by itself.",
    ),
    ('"pdsadmin doctor" shows how much is used.',),
)

SIGN_UP_FULL = Text(
    "Your server is full",
    "Nobody more can sign up",
    (
        "There are {count} accounts on {service}, as many as PDS_MAX_ACCOUNTS allows. Members are"
        " not affected.",
        "Relays throttle servers with more than about a hundred accounts. Ask those in"
        " PDS_CRAWLERS for more room before you raise PDS_MAX_ACCOUNTS.",
    ),
    ('You can still make accounts yourself, with "pdsadmin account create".',),
)
