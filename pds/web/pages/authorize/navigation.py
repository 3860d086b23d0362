"""Whether a page of the authorization is opened as one: by a person, in a window.

Browsers say so in Sec-Fetch-*. Old ones say nothing at all, and are let in: such pages are kept out
of frames by other headers too, and forms have a check of their own.
Spec: https://www.w3.org/TR/fetch-metadata/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import request

from pds.oauth_errors import OAuthError

if TYPE_CHECKING:
    from pds.services import Services

_SITES = frozenset({"same-origin", "same-site", "cross-site", "none"})


class ForeignNavigationError(OAuthError):
    """In a frame, by a script, or by another site's form."""

    error = "invalid_request"
    default_message = "This page has to be opened in a window of the browser, not within another."


def check_navigation(services: Services) -> None:
    """Raises ForeignNavigationError."""
    headers = request.headers
    site, mode, dest = (headers.get(f"Sec-Fetch-{name}") for name in ("Site", "Mode", "Dest"))
    if (site, mode, dest) != (None, None, None):
        is_own_window = site in _SITES and mode == "navigate" and dest == "document"
        if not is_own_window:
            raise ForeignNavigationError
    issuer = services.config.public_url
    if headers.get("Origin", issuer) != issuer:
        raise ForeignNavigationError
