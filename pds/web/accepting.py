"""What a client says it would like to be answered with: media types, languages.

Reading these headers takes time that grows with them: 45 ms for as much as a head may hold, before
anything is known of who asks. So one that is longer than any client's counts as absent.
"""

from __future__ import annotations

from typing import Final

from flask import request
from werkzeug.datastructures import MIMEAccept

MAX_LENGTH: Final = 1_000


def media_types() -> MIMEAccept:
    """``Accept`` of the request at hand."""
    return request.accept_mimetypes if _is_short("Accept") else MIMEAccept()


def languages() -> tuple[str, ...]:
    """``Accept-Language`` of the request at hand, the dearest first."""
    return tuple(request.accept_languages.values()) if _is_short("Accept-Language") else ()


def _is_short(header: str) -> bool:
    return len(request.headers.get(header, "")) <= MAX_LENGTH
