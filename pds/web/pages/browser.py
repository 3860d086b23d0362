"""The browser behind a request to our pages: its cookies, and whether a form is its own.

Over HTTPS the cookies' names begin with ``__Host-``: browsers then take them from this very server
alone. Else a neighbour in the domain could plant its own, and members would write into its account.

Pages call ``current``, put ``browser.csrf`` into every form, and ``check_form`` before they act on
one. Whoever signs somebody in or out hands the browser that comes of it to ``keep``; other new
cookies are set by themselves.

A form is the browser's own when it holds the token made for that browser. What browsers say about
where a request comes from (Origin, Sec-Fetch-Site) must not contradict that; old ones say nothing.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from flask import Flask, Response, g, request

from pds.errors import ForeignFormError
from pds.services.browsers import Browser
from pds.services.devices import seen_device
from pds.web.request_log import ENVIRON_KEY

if TYPE_CHECKING:
    from pds.services import Services

DEV_ID = "dev-id"
SES_ID = "ses-id"
PREFIX = "__Host-"
CSRF_FIELD = "csrf"
MAX_AGE_S = 315_532_800  # ten years of 365.2 days, as the reference has it
_OWN_SITES = (None, "same-origin", "none")


def install(app: Flask) -> None:
    """Make the cookies go out with every answer of ``app`` for which ``current`` was asked."""

    @app.after_request
    def set_cookies(response: Response) -> Response:
        browser: Browser | None = g.get("browser")
        return response if browser is None else _set_cookies(response, browser)


def current(services: Services) -> Browser:
    """The browser that asks; looked up once in a request."""
    found: Browser | None = g.get("browser")
    if found is None:
        device = seen_device(
            request.headers.get("User-Agent"), request.environ[ENVIRON_KEY].client_ip
        )
        g.browser_is_secure = services.config.public_url.startswith("https:")
        found = services.browsers.recognise(_shown(DEV_ID), _shown(SES_ID), device)
        g.browser = found
    return found


def keeps_cookies(services: Services) -> bool:
    """Whether the browser shows a cookie of ours; it is given one with the answer if not."""
    shown = request.cookies
    current(services)
    return _name(DEV_ID) in shown


def keep(response: Response, browser: Browser) -> Response:
    """Answer to ``browser`` as a change has left it, a sign-in for example."""
    g.browser = browser
    return response


def keep_signed_out(response: Response, browser: Browser) -> Response:
    """``keep`` after a sign-out. When it was the last one, the secret goes.

    That also makes browsers drop the pages that they hold ready for the way back.
    """
    if not browser.is_known:
        response.delete_cookie(
            _name(SES_ID), path="/", secure=g.browser_is_secure, httponly=True, samesite="Lax"
        )
    return keep(response, browser)


def csrf_token(browser: Browser) -> str:
    """What the hidden field ``csrf`` of the browser's forms holds."""
    return browser.csrf


def check_form(services: Services, browser: Browser) -> None:
    """Make sure that the form was sent from our own page in this browser.

    Raises:
        ForeignFormError
    """
    check_origin(services)
    given = request.form.get(CSRF_FIELD, "").encode("utf-8", "replace")
    if not hmac.compare_digest(given, browser.csrf.encode()):
        raise _foreign()


def check_origin(services: Services) -> None:
    """Make sure that the browser does not say that a form comes from elsewhere.

    Enough by itself only where a form does nothing that needs to know the browser.

    Raises:
        ForeignFormError
    """
    headers = request.headers
    issuer = services.config.public_url
    is_own = headers.get("Sec-Fetch-Site") in _OWN_SITES
    if not is_own or headers.get("Origin", issuer) != issuer:
        raise _foreign()


def _foreign() -> ForeignFormError:
    """The error for a form from elsewhere, whose answer sets no cookies.

    Browsers send such forms without cookies, but keep those of the answer: new ones would take the
    place of the member's own, and sign everybody out.
    """
    g.pop("browser", None)
    return ForeignFormError()


def _name(cookie: str) -> str:
    return PREFIX + cookie if g.browser_is_secure else cookie


def _shown(cookie: str) -> str | None:
    return request.cookies.get(_name(cookie))


def _set_cookies(response: Response, browser: Browser) -> Response:
    for name, value in ((DEV_ID, browser.new_dev_id), (SES_ID, browser.new_ses_id)):
        if value is not None:
            response.set_cookie(
                _name(name),
                value,
                max_age=MAX_AGE_S,
                path="/",
                secure=g.browser_is_secure,
                httponly=True,
                samesite="Lax",
            )
    return response
