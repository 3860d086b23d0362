"""Every page goes through ``render``: one place for its headers, its style and its errors.

The headers let a page load nothing but our own files (and the pictures it names) and run no inline
code; nobody else may frame, keep or read it. Spec: oauth.md §4.8.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, render_template, request

from pds.web import accepting, branding

if TYPE_CHECKING:
    from pds.config import Config
    from pds.web.static_files import StaticFiles

HEADERS = {
    "Cache-Control": "no-store",
    "Pragma": "no-cache",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "camera=(), geolocation=(), microphone=(), payment=(), usb=(), otp-credentials=(self)"
    ),
    # Not no-referrer: with that browsers send "Origin: null" with our own forms.
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "X-XSS-Protection": "0",
}
HSTS = "max-age=63072000"  # two years
CAPTCHA_HOSTS = ("https://hcaptcha.com", "https://*.hcaptcha.com")

_EXTENSION = "pages"
_HOST = re.compile(r"[a-z0-9.-]+")


class HasToken(Protocol):
    """A browser, as far as pages show it: the token that its forms carry."""

    @property
    def csrf(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Link:
    """A link at the end of every page. rel: what it is, for browsers and tools."""

    label: str
    href: str
    rel: str


@dataclass(frozen=True, slots=True)
class Site:
    """What every page shows of this server; ``site`` in templates."""

    name: str
    address: str
    logo: str | None
    home: str | None
    contact: str | None
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Pages:
    """What ``render`` needs to know of this server."""

    pictures: tuple[str, ...]
    site: str  # scheme, host and port

    @property
    def is_http(self) -> bool:
        return self.site.startswith("http:")

    @property
    def scripts(self) -> str:
        """Where scripts may come from. Not all of this site: members' uploads are there, too."""
        return f"{self.site}/static/"


def install(app: Flask, config: Config, files: StaticFiles) -> None:
    """Make ``render`` work in ``app``. Templates get ``site`` and ``static(path)``."""
    app.extensions[_EXTENSION] = Pages(branding.pictures(config), config.public_url)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters["shade"] = _shade
    app.jinja_env.globals["site"] = _site(config)
    app.jinja_env.globals["static"] = files.address


def render(
    template: str,
    status: int = 200,
    *,
    browser: HasToken | None = None,
    flow: bool = False,
    images: Iterable[str | None] = (),
    captcha: bool = False,
    **context: Any,
) -> Response:
    """The page ``template``, which extends layout.html, with every header a page needs.

    browser: who looks at it; ``browser`` in the template, and its token ``csrf``.
    flow: its forms lead out to an app. Chromium holds the redirects after a form against
        ``form-action`` as well, so such pages have none.
    images: addresses of pictures from elsewhere that it shows; those that are no web address, and
        None, are passed over.
    captcha: it shows hCaptcha.
    context: for the template. ``notice`` (what has just worked), ``advice`` and ``error`` (what was
        wrong) are shown by the layout above the content.
    """
    pages: Pages = current_app.extensions[_EXTENSION]
    if status == 200 and _came_by_number(pages):
        address = pages.site + request.full_path.removesuffix("?")
        return Response(status=303, headers={"Location": address, "Cache-Control": "no-store"})
    own = {"browser": browser, "csrf": browser.csrf if browser else None}
    content = render_template(template, **{**own, **context})
    response = Response(content, status, HEADERS, content_type="text/html; charset=utf-8")
    origins = sorted({*map(_origin, (*pages.pictures, *images))} - {None, ""})
    policy = _policy(pages.scripts, origins, with_form_action=not flow, captcha=captcha)
    if not pages.is_http:
        response.headers["Strict-Transport-Security"] = HSTS
        policy += "; upgrade-insecure-requests"
    response.headers["Content-Security-Policy"] = policy
    embedder = "credentialless" if origins else "require-corp"
    response.headers["Cross-Origin-Embedder-Policy"] = "unsafe-none" if captcha else embedder
    return response


def _came_by_number(pages: Pages) -> bool:
    """Whether a browser has opened a page of a local server at 127.0.0.1, not localhost.

    It would look right, but its scripts and forms are those of another site there.
    """
    if not pages.is_http or request.method != "GET":
        return False
    if request.headers.get("Sec-Fetch-Mode") != "navigate":
        return False
    port = urlsplit(pages.site).port
    return request.host in (f"127.0.0.1:{port}", f"[::1]:{port}")


def wants_html() -> bool:
    """Whether a browser asks: they name text/html first; tools send ``*/*`` or nothing."""
    accepted = accepting.media_types()
    return accepted["text/html"] > accepted["text/plain"]


def _policy(scripts: str, origins: Iterable[str], *, with_form_action: bool, captcha: bool) -> str:
    others = CAPTCHA_HOSTS if captcha else ()
    ours = ("'self'", *others)
    rules = {
        "default-src": ("'none'",),
        "script-src": (scripts, *others),
        "style-src": ours,
        "connect-src": ours,
        "img-src": ("'self'", *origins),
        **({"frame-src": CAPTCHA_HOSTS} if captcha else {}),
        "base-uri": ("'none'",),
        **({"form-action": ("'self'",)} if with_form_action else {}),
        "frame-ancestors": ("'none'",),
    }
    return "; ".join(f"{name} {' '.join(sources)}" for name, sources in rules.items())


def _origin(url: str | None) -> str:
    """The origin as a source of a policy; "" for what cannot be one."""
    try:
        parts = urlsplit(url or "")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not _HOST.fullmatch(host):
        return ""
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")


def _shade(handle: str) -> int:
    """One of six colours for an account without a picture, always the same."""
    return zlib.crc32(handle.encode()) % 6


def _site(config: Config) -> Site:
    contact = config.contact_email_address
    links = (
        ("Home", config.home_url, "canonical"),
        ("Terms of service", config.terms_of_service_url, "terms-of-service"),
        ("Privacy policy", config.privacy_policy_url, "privacy-policy"),
        ("Help", config.support_url, "help"),
        ("Contact", f"mailto:{contact}" if contact else None, "author"),
    )
    return Site(
        config.service_name,
        config.public_url,
        config.logo_url,
        config.home_url,
        contact,
        tuple(Link(label, href, rel) for label, href, rel in links if href),
    )
