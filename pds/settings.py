"""How a setting is read from text: what a value may be, and what is said when it is wrong.

The settings themselves are the table in ``pds/config.py``. A reader takes the text of one variable
and returns its value, or raises ``ValueError`` with "what is wrong; what would be right".
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Reader = Callable[[str], Any]
Effect = Literal["used", "later", "none", "refused"]

K256_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
_HANDLE_DOMAIN = re.compile(rf"(?:\.{_LABEL})+")
_DID = re.compile(r"did:[a-z]+:[a-zA-Z0-9._:%-]*[a-zA-Z0-9._-]")
_EMAIL = re.compile(r"(?:[^<>]*<)?[^@\s<>]+@[^@\s<>]+>?")
_HEX_COLOUR = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})")
_RGB_COLOUR = re.compile(r"rgb\(\s*([0-9]{1,3})[\s,]+([0-9]{1,3})[\s,]+([0-9]{1,3})\s*\)")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
_DID_KEY = re.compile(r"did:key:z[1-9A-HJ-NP-Za-km-z]+")


class ConfigError(Exception):
    """One or more settings are wrong; ``problems`` has one line for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable.

    effect: "used"; "later" (checked, so that existing files load, but this version does nothing
        with it); "none" (never will: Hearth has no such thing); "refused" (starting without it
        would surprise its operator, so the server does not start).
    default: the value when unset, a callable that computes it from the values read so far, or
        ``REQUIRED``.
    default_text: how the documentation names the default.
    """

    name: str
    read: Reader
    default: Any
    help: str
    default_text: str
    secret: bool = False
    effect: Effect = "used"


REQUIRED = object()


def setting(read: Reader, default: Any, help_: str, **rest: Any) -> Any:
    """A row of the table. ``default`` may be computed from the values read so far.

    rest: ``shown`` (how the documentation names the default), ``secret``, ``effect`` (Setting).
    """
    row = {"shown": None, "secret": False, "effect": "used", **rest}
    return dataclasses.field(metadata={"read": read, "default": default, "help": help_, **row})


def text(raw: str) -> str:
    return raw


def boolean(raw: str) -> bool:
    """``true``/``1`` and ``false``/``0``."""
    known = {"true": True, "1": True, "false": False, "0": False}
    if raw.lower() not in known:
        message = "is neither true nor false; write true, false, 1 or 0"
        raise ValueError(message)
    return known[raw.lower()]


def integer(minimum: int, maximum: int = 2**53 - 1) -> Reader:
    """A whole number within the bounds, both included."""

    def read(raw: str) -> int:
        if not re.fullmatch(r"-?[0-9]{1,16}", raw) or not minimum <= int(raw) <= maximum:
            is_bound_of_interest = maximum < 2**53 - 1 or len(raw) >= 16
            upper = f" to {maximum}" if is_bound_of_interest else " or more"
            message = f"is not a whole number of {minimum}{upper}; write digits only"
            raise ValueError(message)
        return int(raw)

    return read


def bucket(raw: str) -> str:
    """The name of a bucket of an S3 service; older ones may have upper case and underscores."""
    if not _BUCKET.fullmatch(raw):
        message = "is not the name of a bucket; write it alone, without s3:// and slashes"
        raise ValueError(message)
    return raw


def log_level(raw: str) -> str:
    """The reference's names of levels, as Python's logging calls them."""
    levels = {
        "trace": "debug",
        "debug": "debug",
        "info": "info",
        "warn": "warning",
        "warning": "warning",
        "error": "error",
        "fatal": "critical",
    }
    if raw.lower() not in levels:
        message = "is not a log level; write debug, info, warn, error or fatal"
        raise ValueError(message)
    return levels[raw.lower()]


def one_of(*words: str) -> Reader:
    """A word out of a few, in any case."""

    def read(raw: str) -> str:
        if raw.lower() not in words:
            message = f"is not one of {', '.join(words)}"
            raise ValueError(message)
        return raw.lower()

    return read


def picture_url_pattern(raw: str) -> str:
    """An address in which ``%s`` stands for the size, the DID and the CID of a picture."""
    if raw.count("%s") != 3 or raw.count("%") != 3:
        message = "must hold %s three times: for the size, the DID and the CID of a picture"
        raise ValueError(message)
    url(raw.replace("%s", "x"))
    return raw


def many(read_one: Reader) -> Reader:
    """A comma-separated list; blanks around items and empty items do not count."""

    def read(raw: str) -> tuple[Any, ...]:
        return tuple(read_one(item.strip()) for item in raw.split(",") if item.strip())

    return read


def url(raw: str) -> str:
    """An http(s) address without a trailing slash, as every peer writes it."""
    example = "write it like https://example.com"
    parts = urlsplit(raw)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        message = f"is not a web address; {example}"
        raise ValueError(message)
    if re.search(r"\s", raw):
        message = f"contains a blank; {example}"
        raise ValueError(message)
    try:
        parts.port  # noqa: B018 # reading it is what checks it
    except ValueError:
        message = f"has a port that is no port; {example}"
        raise ValueError(message) from None
    return raw.rstrip("/")


def picture_url(raw: str) -> str:
    """An http(s) address whose host can stand in a Content-Security-Policy, and itself in CSS."""
    address = url(raw)
    host = urlsplit(address).hostname or ""
    if not re.fullmatch(r"[a-z0-9.-]+", host) or re.search(r"[\"'()\\<>]", raw):
        message = (
            "has a character that is special on web pages; "
            "write it like https://example.com/picture.svg, others as %22 and so on"
        )
        raise ValueError(message)
    return address


def colour(raw: str) -> str:
    """An opaque colour, ``#b4481e``, ``#b41`` or ``rgb(180, 72, 30)``, as ``#rrggbb``.

    Nothing else gets into style sheets and mail, and contrasts can be computed.
    """
    lower = raw.lower()
    if _HEX_COLOUR.fullmatch(lower):
        return lower if len(lower) == 7 else "#" + "".join(digit * 2 for digit in lower[1:])
    parts = _RGB_COLOUR.fullmatch(lower)
    if parts is None or any(int(part) > 255 for part in parts.groups()):
        message = "is not a colour; write it like #b4481e or rgb(180, 72, 30)"
        raise ValueError(message)
    return "#" + "".join(f"{int(part):02x}" for part in parts.groups())


def hostname(raw: str) -> str:
    """``localhost``, or the public name of this server."""
    name = raw.lower()
    if name == "localhost":
        return name
    if "/" in name or ":" in name:
        message = "is more than a name; write it like pds.example.com, without https:// and port"
        raise ValueError(message)
    if not _DOMAIN.fullmatch(name) or len(name) > 253 or name.rpartition(".")[2].isdigit():
        message = "is not a domain name; write it like pds.example.com (or localhost to try it)"
        raise ValueError(message)
    return name


def handle_domain(raw: str) -> str:
    name = raw.lower()
    if not _HANDLE_DOMAIN.fullmatch(name):
        message = "is not a handle domain; it starts with a dot, like .pds.example.com"
        raise ValueError(message)
    return name


def did(raw: str) -> str:
    if not _DID.fullmatch(raw):
        message = "is not a DID; write it like did:web:pds.example.com"
        raise ValueError(message)
    return raw


def did_key(raw: str) -> str:
    if not _DID_KEY.fullmatch(raw):
        message = "is not a did:key; it looks like did:key:zQ3sh…"
        raise ValueError(message)
    return raw


def email(raw: str) -> str:
    if not _EMAIL.fullmatch(raw):
        message = "is not an e-mail address; write it like pds@example.com"
        raise ValueError(message)
    return raw


def path(raw: str) -> Path:
    return Path(raw).expanduser().absolute()


def network(raw: str) -> Network:
    """An address or a CIDR range."""
    try:
        return ipaddress.ip_network(raw, strict=False)
    except ValueError:
        message = "is not an address range; write it like 10.0.0.0/8 or 192.0.2.7"
        raise ValueError(message) from None


def bind_address(raw: str) -> str:
    """An address of this machine, or ``*`` for all of them, IPv4 and IPv6."""
    if raw == "*":
        return raw
    try:
        return str(ipaddress.ip_address(raw))
    except ValueError:
        message = "is not an address; write it like 127.0.0.1, or * for all addresses"
        raise ValueError(message) from None


def k256_private_key_hex(raw: str) -> str:
    """32 bytes in hexadecimal that are a secp256k1 private key."""
    if not re.fullmatch(r"[0-9a-fA-F]{64}", raw) or not 0 < int(raw, 16) < K256_ORDER:
        message = "is not a K-256 private key; it has 64 hexadecimal digits: openssl rand -hex 32"
        raise ValueError(message)
    return raw.lower()


def hex_32_bytes(raw: str) -> str:
    """32 bytes in hexadecimal."""
    if not re.fullmatch(r"[0-9a-fA-F]{64}", raw):
        message = "does not have 64 hexadecimal digits; make one with: openssl rand -hex 32"
        raise ValueError(message)
    return raw.lower()
