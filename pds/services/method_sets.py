"""Methods, anybody's, that not every session may call through this server or get a token for.

Names are compared in lower case, because other servers may take them in any.
"""

from __future__ import annotations

CREATE_ACCOUNT = "com.atproto.server.createAccount"

# Private messages. The reference lists methods one by one and so misses the newer ones.
_PRIVILEGED_PREFIXES = ("chat.bsky.",)
_PRIVILEGED = frozenset({CREATE_ACCOUNT.lower()})

# What concerns the account at its own server, which takes no service token for it.
_PROTECTED = frozenset(
    name.lower()
    for name in (
        "com.atproto.admin.sendEmail",
        "com.atproto.identity.requestPlcOperationSignature",
        "com.atproto.identity.signPlcOperation",
        "com.atproto.identity.updateHandle",
        "com.atproto.server.activateAccount",
        "com.atproto.server.confirmEmail",
        "com.atproto.server.createAppPassword",
        "com.atproto.server.deactivateAccount",
        "com.atproto.server.getAccountInviteCodes",
        "com.atproto.server.getSession",
        "com.atproto.server.listAppPasswords",
        "com.atproto.server.requestAccountDelete",
        "com.atproto.server.requestEmailConfirmation",
        "com.atproto.server.requestEmailUpdate",
        "com.atproto.server.revokeAppPassword",
        "com.atproto.server.updateEmail",
    )
)


def is_privileged(nsid: str) -> bool:
    """Whether an app password must be a privileged one to call it."""
    lowered = nsid.lower()
    return lowered in _PRIVILEGED or lowered.startswith(_PRIVILEGED_PREFIXES)


def is_protected(nsid: str) -> bool:
    """Whether it is never called at another server in an account's name."""
    return nsid.lower() in _PROTECTED
