"""What people see when a page cannot be shown."""

from __future__ import annotations

from typing import NamedTuple

from flask import Response

from pds.errors import ForeignFormError, PdsError
from pds.web.pages import page


class Words(NamedTuple):
    title: str
    text: str


WORDS = {
    400: Words("This did not work", "Go back, and try it once more from the beginning."),
    403: Words(
        "This is not allowed",
        "The page may have been open for too long, or was opened from another site. "
        "Go back, load it anew and try once more.",
    ),
    404: Words("There is no such page", "The address may be mistyped, or what it led to is gone."),
    405: Words(
        "This page is opened in another way",
        "It only takes what its own form sends. Go to the start page and follow the links there.",
    ),
    413: Words("That is too large", "Go back, and send less."),
    429: Words("Too many tries", "Wait a few minutes, then try again."),
    500: Words(
        "Something went wrong here",
        "That is a fault of this server, not yours. Try again in a while.",
    ),
    503: Words("This server is busy", "Wait half a minute, then try again."),
}


def failure_page(status: int, error: Exception, request_id: str) -> Response:
    """The page for a failure of status 4xx or 5xx.

    An expected failure says what was wrong in its own words. Of one that is not, only the number is
    shown by which the operator finds it in the log.
    """
    words = WORDS.get(status) or WORDS[400 if status < 500 else 500]
    return page.render(
        "failure.html",
        status,
        title=words.title,
        text=None if isinstance(error, ForeignFormError) else words.text,  # which says it all
        cause=error.message if isinstance(error, PdsError) else None,
        request_id=request_id if status >= 500 else None,
    )
