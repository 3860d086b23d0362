"""Redirect URIs: which a client may register, and whether a requested one is among them.

This is where authorization codes are sent, so nothing is guessed: the one allowance is the port of
a program on the user's own machine, which it cannot know in advance.

Spec: https://atproto.com/specs/oauth#clients, https://www.rfc-editor.org/rfc/rfc8252
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from pds.atproto.oauth.client_errors import ClientMetadataError
from pds.atproto.oauth.client_id import is_loopback
from pds.atproto.oauth.web_url import InvalidUrlError, WebUrl, parse_web_url

MAX_REDIRECT_URI_LENGTH: Final = 4096

_PRIVATE: Final = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):/(?!/)"
    r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?#-]|%[0-9A-Fa-f]{2})*"
)
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_WEB_SCHEMES: Final = frozenset({"http", "https"})


def check_redirect_uri(uri: Any, *, client: WebUrl, native: bool) -> str:
    """Check one URI of a document; ``client`` is the parsed client id. Return the URI.

    Raises:
        ClientMetadataError: invalid_redirect_uri.
    """
    if not isinstance(uri, str) or len(uri) > MAX_REDIRECT_URI_LENGTH:
        raise _invalid("not a URI, or too long")
    match = _SCHEME.match(uri)
    scheme = match[1].lower() if match is not None else ""
    if scheme in _WEB_SCHEMES:
        # A client whose own document is on this machine is one under test.
        _check_web(_parse(uri), native=native or is_loopback(client))
    elif "." in scheme:
        _check_private(uri, client, native=native)
    else:
        raise _invalid("the scheme must be https, http with a loopback address, or a reversed host")
    return uri


def check_loopback_redirect_uri(uri: str) -> str:
    """Check the URI of a program on the user's machine, which may be http to itself only.

    Raises:
        ClientMetadataError: invalid_redirect_uri.
    """
    url = _parse(uri)
    if not is_loopback(url):
        raise _invalid("must begin with http://127.0.0.1 or http://[::1]")
    _check_web(url, native=True)
    return uri


def choose_redirect_uri(requested: str | None, registered: Sequence[str]) -> str:
    """The URI to send the browser to; one must be requested unless only one is registered.

    Raises:
        ClientMetadataError: invalid_redirect_uri.
    """
    if requested is None:
        if len(registered) != 1:
            raise _invalid("must be stated, as the client has several", field="redirect_uri")
        return registered[0]
    if not is_registered(requested, registered):
        raise _invalid("not one that the client has registered", field="redirect_uri")
    return requested


def is_registered(requested: str, registered: Iterable[str]) -> bool:
    """Whether one is equal, or differs in the port alone where the client leaves it open.

    Only a URI of the own machine is read, and held against none but such: otherwise a stranger's
    document full of URIs would keep this server busy with every request.
    """
    candidates = tuple(registered)
    if requested in candidates:
        return True
    if not requested.lower().startswith("http://"):
        return False
    try:
        theirs = parse_web_url(requested)
    except InvalidUrlError:
        return False
    return is_loopback(theirs) and any(
        _differs_in_port(theirs, parse_web_url(one))
        for one in candidates
        if one.lower().startswith("http://")
    )


def _differs_in_port(theirs: WebUrl, ours: WebUrl) -> bool:
    return ours.port in {None, theirs.port} and _without_port(ours) == _without_port(theirs)


def _without_port(url: WebUrl) -> tuple[object, ...]:
    return (url.scheme, url.has_credentials, url.host, url.path, url.query, url.fragment)


def _parse(uri: str) -> WebUrl:
    try:
        return parse_web_url(uri)
    except InvalidUrlError as error:
        raise _invalid(str(error)) from error


def _check_web(url: WebUrl, *, native: bool) -> None:
    if url.has_credentials:
        raise _invalid("must not hold credentials")
    if url.host == "localhost":
        raise _invalid("must not name localhost: use 127.0.0.1 or [::1]")
    if url.scheme == "https":
        if url.is_local:
            raise _invalid("the host of an https URI must be a public one")
    elif not is_loopback(url):
        raise _invalid("http is for loopback addresses only")
    elif not native:
        raise _invalid("http and a loopback address are for native clients only")


def _check_private(uri: str, client: WebUrl, *, native: bool) -> None:
    if not native:
        raise _invalid("private schemes are for native clients only")
    match = _PRIVATE.fullmatch(uri)
    if match is None:
        raise _invalid("a private scheme must be followed by one slash and a path")
    # Which is a public name: kind_of admits no other.
    if match["scheme"].lower() != ".".join(reversed(client.host.split("."))):
        raise _invalid("a private scheme must be the reversed host of the client_id")


def _invalid(reason: str, *, field: str = "redirect_uris") -> ClientMetadataError:
    return ClientMetadataError(field, reason, error="invalid_redirect_uri")
