"""What can go wrong when a message is handed over.

It comes in three kinds, because what to do next differs: the server is of no use at the moment
(wait with everything), this message is not taken now (try it again), or never will be.
"""

from __future__ import annotations

MAX_REASON_CHARS = 300


class MailServerError(Exception):
    """The server cannot be reached, or takes no mail from us as we are set up."""


class MailDelayedError(Exception):
    """This message was not taken now (greylisting, a full mailbox); later it may be."""


class MailRefusedError(Exception):
    """This message will not be taken, however often it is sent."""


def shortened(reason: str) -> str:
    """One printable line, fit for the log."""
    line = " ".join("".join(char if char.isprintable() else " " for char in reason).split())
    return line[:MAX_REASON_CHARS]
