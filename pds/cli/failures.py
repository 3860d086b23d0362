"""What is said when a command cannot do its work: one line, with the next step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from pds.errors import (
    AccountTakedownError,
    HandleElsewhereError,
    HandleNotAvailableError,
    IncompatibleDidDocError,
    InvalidHandleError,
    NotEnoughResourcesError,
    PdsError,
    UnsupportedDomainError,
    UpstreamFailureError,
)
from pds.settings import ConfigError

_TRY_AGAIN = "check this machine's network and PDS_DID_PLC_URL, then try again"

_NEXT_STEPS: tuple[tuple[type[PdsError], str], ...] = (
    (InvalidHandleError, "choose another handle"),
    (HandleNotAvailableError, "choose another handle"),
    (
        HandleElsewhereError,
        "its owner first has to make a TXT record at _atproto.<handle> that says did=<DID>, see:"
        " pdsadmin account info",
    ),
    (UnsupportedDomainError, "take a handle below one of PDS_SERVICE_HANDLE_DOMAINS"),
    (AccountTakedownError, "first: pdsadmin account untakedown"),
    (IncompatibleDidDocError, "its owner has to point the DID to this server first"),
    (UpstreamFailureError, _TRY_AGAIN),
    (NotEnoughResourcesError, "look at the disk, and for programs that hold the database"),
)


class Failure(click.ClickException):
    """The command cannot do it; exit status 1."""

    exit_code = 1


@contextmanager
def told() -> Iterator[None]:
    """Let expected failures of the block come out as a ``Failure``."""
    from pds.storage.database import DatabaseError  # Peewee: not for the help

    try:
        yield
    except ConfigError as error:
        raise Failure(str(error)) from error
    except PdsError as error:
        raise Failure(_with_next_step(error)) from error
    except DatabaseError as error:
        message = f"the database cannot be used: {error}; docs/operations.md tells how to check it"
        raise Failure(message) from error


def _with_next_step(error: PdsError) -> str:
    reason = f" ({error.__cause__})" if isinstance(error, NotEnoughResourcesError) else ""
    for kind, step in _NEXT_STEPS:
        if isinstance(error, kind):
            return f"{error.message}{reason}; {step}"
    return error.message
