"""How the settings of mail are read: the mail server's address, and the sender.

The address is one that nodemailer takes, as the reference's environment files have it:
``smtps://user:password@host:465``, ``smtp://host:587?requireTLS=true``, or
``smtp:///?sendmail=true`` for the sendmail program of this machine. Of nodemailer's many options
those that mean something here are honoured, those that change nothing are passed over, all others
are refused.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parseaddr
from typing import Literal, NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

Security = Literal["tls", "starttls", "starttls if offered", "none"]

SUBMISSION_PORT = 587
IMPLICIT_TLS_PORT = 465
_EXAMPLE = "write it like smtps://user:password@mail.example.com:465"

# They steer nodemailer's own machinery and change nothing about what is sent.
_WITHOUT_EFFECT = frozenset(
    {"pool", "maxConnections", "maxMessages", "rateDelta", "rateLimit", "logger", "debug"}
    | {"disableFileAccess", "disableUrlAccess", "transactionLog"}
)
_KNOWN = (
    "requireTLS, ignoreTLS, secure, name, connectionTimeout, greetingTimeout, socketTimeout, "
    "tls.rejectUnauthorized, sendmail"
)
_ADDRESS = re.compile(r"[^@\s<>,;:\"()\[\]\\]+@[^@\s<>,;:\"()\[\]\\]+")


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where messages are handed over. With ``sendmail`` the rest does not count.

    helo: what we call ourselves; None for our own host name.
    """

    host: str
    port: int
    security: Security
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    verify_tls: bool = True
    helo: str | None = None
    timeout_s: float = 30.0
    sendmail: bool = False

    @property
    def is_on_this_machine(self) -> bool:
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


class Mailbox(NamedTuple):
    """A sender: ``name`` may be empty."""

    name: str
    address: str


def smtp_url(raw: str) -> SmtpServer:
    """A nodemailer address as what it means. No message here repeats a part of ``raw``: secret."""
    parts = _split(raw)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if _switch(options, "sendmail"):
        if parts.hostname or len(options) > 1:
            _refuse("names a server as well as sendmail", "write smtp:///?sendmail=true")
        return SmtpServer("", 0, "none", sendmail=True)
    if not parts.hostname:
        _refuse("names no host", _EXAMPLE)
    port = _port(parts)
    security = _security(parts.scheme, port, options)
    user, password = _credentials(parts)
    server = SmtpServer(
        parts.hostname or "",
        port or (IMPLICIT_TLS_PORT if security == "tls" else SUBMISSION_PORT),
        security,
        user,
        password,
    )
    return _with_options(server, options)


def _refuse(wrong: str, right: str) -> None:
    message = f"{wrong}; {right}"
    raise ValueError(message)


def _split(raw: str) -> SplitResult:
    if "://" not in raw or not raw.lower().startswith(("smtp://", "smtps://")):
        _refuse("is not a mail server address", _EXAMPLE)
    if re.search(r"[\s\x00-\x1f\x7f]", raw):
        _refuse(
            "contains a blank", "write special characters of the password as %20, %40 and so on"
        )
    authority = re.split(r"[/?#]", raw.partition("://")[2], maxsplit=1)[0]
    if "@" in raw[len(authority) + raw.index("://") + 3 :]:
        _refuse(
            "has a #, / or ? before the @ that ends the password",
            "write them as %23, %2F and %3F",
        )
    if "#" in raw:
        _refuse("contains a #", "write it as %23")
    try:
        parts = urlsplit(raw)
    except ValueError:
        _refuse(
            "has brackets that enclose no IPv6 address", "write it like smtp://[2001:db8::1]:587"
        )
        raise
    if parts.path not in ("", "/"):
        _refuse("has a path after the host", "end it after the port")
    return parts


def _port(parts: SplitResult) -> int | None:
    host_and_port = parts.netloc.rpartition("@")[2]
    if host_and_port.count(":") > 1 and "[" not in host_and_port:
        _refuse(
            "has an IPv6 address without brackets or more than one port",
            "write it like smtp://[2001:db8::1]:587",
        )
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        _refuse("has a port that is no port", "use a number of 1 to 65535, mostly 465 or 587")
    return port


def _credentials(parts: SplitResult) -> tuple[str | None, str | None]:
    if "@" not in parts.netloc:
        return None, None
    if re.search(r"%(?![0-9a-fA-F]{2})", parts.netloc.rpartition("@")[0]):
        _refuse("has a % in user or password that encodes nothing", "write it as %25")
    if not parts.username or not parts.password:
        _refuse("names a user without a password, or the reverse", _EXAMPLE)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not (user + password).isascii():
        _refuse(
            "has letters beyond ASCII in user or password", "let the mail server give you others"
        )
    return user, password


def _security(scheme: str, port: int | None, options: dict[str, str]) -> Security:
    secure = _switch(options, "secure", default=scheme == "smtps" or port == IMPLICIT_TLS_PORT)
    required, ignored = _switch(options, "requireTLS"), _switch(options, "ignoreTLS")
    if scheme == "smtps" and not secure:
        _refuse("is smtps but says secure=false", "write smtp:// or leave secure away")
    if ignored and (required or secure):
        _refuse("asks for encryption and against it", "leave ignoreTLS away")
    if secure:
        return "tls"
    if required:
        return "starttls"
    return "none" if ignored else "starttls if offered"


def _with_options(server: SmtpServer, options: Mapping[str, str]) -> SmtpServer:
    verify = _switch(options, "tls.rejectUnauthorized", default=True)
    timeouts = [
        _milliseconds(options, name)
        for name in ("connectionTimeout", "greetingTimeout", "socketTimeout")
        if name in options
    ]
    known = {name.strip() for name in _KNOWN.split(",")} | _WITHOUT_EFFECT
    unknown = sorted(name for name in options if name not in known)
    if unknown:
        _refuse(f'has an option "{unknown[0][:40]}" that is not known here', f"known are {_KNOWN}")
    return dataclasses.replace(
        server,
        verify_tls=verify,
        helo=options.get("name") or None,
        timeout_s=max(timeouts, default=server.timeout_s),
    )


def _switch(options: Mapping[str, str], name: str, *, default: bool = False) -> bool:
    raw = options.get(name)
    if raw is None:
        return default
    if raw.lower() not in ("true", "false", "1", "0"):
        _refuse(f"has an option {name} that is neither true nor false", f"write {name}=true")
    return raw.lower() in ("true", "1")


def _milliseconds(options: Mapping[str, str], name: str) -> float:
    raw = options[name]
    if not re.fullmatch(r"[0-9]{3,6}", raw):
        _refuse(f"has an option {name} that is no time", f"write milliseconds, like {name}=30000")
    return int(raw) / 1_000


def mailbox(raw: str) -> Mailbox:
    """``pds@example.com`` or ``My PDS <pds@example.com>``."""
    name, address = parseaddr(raw)
    bare = not name and raw.strip() in (address, f"<{address}>")
    framed = name and raw.rstrip().endswith(f"<{address}>")
    if not (bare or framed) or not is_address(address) or not raw.isprintable():
        _refuse(
            "is not an e-mail address",
            "write it like pds@example.com or My PDS <pds@example.com>",
        )
    return Mailbox(name, address)


def is_address(text: str) -> bool:
    """Whether ``text`` is one bare e-mail address that can stand in a header as it is."""
    return bool(_ADDRESS.fullmatch(text)) and text.isprintable()
