"""http(s) URLs, read strictly: only what every parser, a browser's included, reads the same way.

So no blanks, backslashes or characters outside ASCII, no stray percent signs, no host that a
browser would take for an IP address in disguise (``0x7f.1``).

Spec: https://www.rfc-editor.org/rfc/rfc3986
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

MAX_URL_LENGTH: Final = 4096

_CHAR: Final = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"
_URL: Final = re.compile(
    r"(?P<scheme>[Hh][Tt][Tt][Pp][Ss]?)://"
    r"(?P<credentials>[A-Za-z0-9._~!$&'()*+,;=:%-]*@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)"
    r"(?P<port>:[0-9]{1,5})?"
    rf"(?P<path>(?:/{_CHAR}*)*)"
    rf"(?:\?(?P<query>(?:{_CHAR}|[/?])*))?"
    rf"(?:\#(?P<fragment>(?:{_CHAR}|[/?])*))?"
)
_NUMERIC_LABEL: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_DNS_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED: Final = re.compile(r"[A-Za-z0-9._~-]")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_LOCAL_TLDS: Final = frozenset({"test", "local", "localhost", "invalid", "example"})


class InvalidUrlError(ValueError):
    """Not an http(s) URL, or one that is read in several ways."""


@dataclass(frozen=True, slots=True)
class WebUrl:
    """The parts as written, but scheme and host in lower case and an empty path as ``/``.

    ``host`` of an IPv6 address is in brackets and in its shortest form; ``port`` is None where the
    URL names none.
    """

    scheme: str
    has_credentials: bool
    host: str
    port: int | None
    path: str
    query: str | None
    fragment: str | None

    @property
    def origin(self) -> str:
        """``scheme://host``, with the port if it is not the scheme's own."""
        if self.port is None or self.port == _DEFAULT_PORTS[self.scheme]:
            return f"{self.scheme}://{self.host}"
        return f"{self.scheme}://{self.host}:{self.port}"

    @property
    def address(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
        """The host if it is an IP address."""
        return _address(self.host)

    @property
    def is_local(self) -> bool:
        """Whether the host means something in the own house only, not in the whole network."""
        address = self.address
        return is_local_name(self.host) if address is None else not address.is_global


def parse_web_url(text: str) -> WebUrl:
    """Read an absolute http or https URL.

    Raises:
        InvalidUrlError: see the module.
    """
    match = _URL.fullmatch(text) if len(text) <= MAX_URL_LENGTH else None
    if match is None:
        raise InvalidUrlError("not an http(s) URL")
    port = int(match["port"][1:]) if match["port"] else None
    if port is not None and port > 65_535:
        raise InvalidUrlError("the port is out of range")
    return WebUrl(
        scheme=match["scheme"].lower(),
        has_credentials=match["credentials"] is not None,
        host=_check_host(match["host"].lower()),
        port=port,
        path=match["path"] or "/",
        query=match["query"],
        fragment=match["fragment"],
    )


def normal_path(path: str) -> str:
    """The one form of a path: no needless escapes, the others in capitals, no ``.`` or ``..``."""
    segments = _ESCAPE.sub(_unescape, path).split("/")[1:]
    kept: list[str] = []
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1:] in ([".."], ["."]):
        kept.append("")
    return "/" + "/".join(kept)


def is_local_name(name: str) -> bool:
    """Whether a DNS name is of a single label or under a domain that never is in public DNS."""
    *parents, last = name.split(".")
    return not parents or last in _LOCAL_TLDS


def _check_host(host: str) -> str:
    if host.startswith("["):
        try:
            return f"[{ipaddress.IPv6Address(host[1:-1])}]"
        except ValueError as error:
            raise InvalidUrlError("the host is not an IPv6 address") from error
    labels = host.split(".")
    if _NUMERIC_LABEL.fullmatch(labels[-1]) is not None and _address(host) is None:
        raise InvalidUrlError("the host is not an IPv4 address")
    if len(host) > 253 or not all(_DNS_LABEL.fullmatch(label) for label in labels):
        raise InvalidUrlError("the host is not a DNS name")
    return host


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def _unescape(match: re.Match[str]) -> str:
    char = chr(int(match[1], 16))
    return char if _UNRESERVED.fullmatch(char) is not None else match[0].upper()
