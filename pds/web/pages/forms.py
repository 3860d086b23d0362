"""What pages with a form have in common: what was sent, and what was wrong with it.

Opening a link with a one-time code only shows a form, because mail programs and virus scanners open
links too; the code is used by sending the form. It stands in the page's address, which the headers
of every page keep from other sites and from caches.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Response, request

from pds.errors import ExpiredTokenError, InvalidTokenError, PdsError
from pds.web.pages import page

MAX_CODE_CHARS = 100
LOOK_BELOW = "That did not work yet. What to change is said below."

_PLAIN_WORDS = {
    "InvalidToken": "This code is wrong or was used already. Ask for a new one.",
    "ExpiredToken": "This code is too old. Ask for a new one.",
}

Fields = Sequence[tuple[type[PdsError] | tuple[type[PdsError], ...], str]]
"""Which errors are of which field of a form."""
OF_CODES: Fields = (((InvalidTokenError, ExpiredTokenError), "code"),)


def answer(
    template: str, error: PdsError | None = None, *, fields: Fields = (), **shown: Any
) -> Response:
    """A page, or the page again with what was wrong, told where it was.

    In the template ``wrong`` has the texts of errors by field.
    """
    if error is None:
        return page.render(template, wrong={}, **shown)
    field = field_of(error, fields)
    text = words_of(error)
    response = page.render(
        template,
        error.status,
        error=text if field is None else LOOK_BELOW,
        wrong={} if field is None else {field: text},
        **shown,
    )
    if error.retry_after is not None:
        response.headers["Retry-After"] = error.retry_after
    return response


def words_of(error: PdsError) -> str:
    """What was wrong, for people."""
    return _PLAIN_WORDS.get(error.error, error.message)


def field_of(error: PdsError, fields: Fields) -> str | None:
    """The field that an error is of; None when it is of none."""
    return next((name for kinds, name in fields if isinstance(error, kinds)), None)


def on_to(address: str) -> Response:
    """Look at another page, without sending the form again."""
    return Response(status=303, headers={"Location": address, "Cache-Control": "no-store"})


def code_in_address() -> str:
    """The code of the link that was opened, as it is filled into the form."""
    return request.args.get("code", "")[:MAX_CODE_CHARS]


def field(name: str) -> str:
    return request.form.get(name, "")
