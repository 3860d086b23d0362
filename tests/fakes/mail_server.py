"""A real mail server on this machine: plain, STARTTLS or TLS from the start; with moods."""

from __future__ import annotations

import asyncio
import datetime
import email
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from pathlib import Path
from typing import Any, Literal

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Kind = Literal["plain", "starttls", "smtps"]


@dataclass
class Delivered:
    """A message as it arrived, with the envelope it came in."""

    sender: str
    recipients: list[str]
    message: EmailMessage
    over_tls: bool
    user: str | None

    def body(self, kind: Literal["plain", "html"] = "plain") -> str:
        part = self.message.get_body((kind,))
        assert part is not None
        content = part.get_content()
        assert isinstance(content, str)
        return content.replace("\r\n", "\n")


@dataclass
class MailServer:
    """Answers with what ``rcpt_replies`` and ``data_replies`` hold, then takes everything."""

    port: int = 0
    kind: Kind = "plain"
    delivered: list[Delivered] = field(default_factory=list)
    mail_replies: list[str] = field(default_factory=list)
    rcpt_replies: list[str] = field(default_factory=list)
    data_replies: list[str] = field(default_factory=list)
    attempts: int = 0
    news: threading.Condition = field(default_factory=threading.Condition)

    async def handle_MAIL(  # noqa: N802 # aiosmtpd's names
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.attempts += 1
        if self.mail_replies:
            return self.mail_replies.pop(0)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        if self.rcpt_replies:
            return self.rcpt_replies.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.data_replies:
            return self.data_replies.pop(0)
        content = envelope.content
        assert isinstance(content, bytes)
        user = getattr(session.auth_data, "login", b"").decode() or None
        with self.news:
            self.delivered.append(
                Delivered(
                    envelope.mail_from or "",
                    list(envelope.rcpt_tos),
                    email.message_from_bytes(content, policy=SMTP_POLICY),
                    self.kind == "smtps" or bool(session.ssl),
                    user,
                )
            )
            self.news.notify_all()
        return "250 OK"

    def wait_for(self, count: int = 1, timeout_s: float = 5.0) -> list[Delivered]:
        """The messages, once there are ``count``."""
        with self.news:
            arrived = self.news.wait_for(lambda: len(self.delivered) >= count, timeout_s)
            delivered = list(self.delivered)  # more may come
        assert arrived, f"{len(delivered)} of {count} messages in {timeout_s} s"
        return delivered

    def last_code(self, count: int = 1) -> str:
        """The one-time code in the newest message, once there are ``count``."""
        lines = self.wait_for(count)[-1].body().splitlines()
        [code] = [line.strip() for line in lines if len(line.strip()) == 11 and "-" in line]
        return code


class _Controller(Controller):
    """Ends with its connections: those still open would be left to the garbage collector."""

    def __init__(self, handler: MailServer, **options: Any) -> None:
        self._sessions: list[SMTP] = []
        super().__init__(handler, "127.0.0.1", ready_timeout=10, server_hostname="mx", **options)

    def factory(self) -> SMTP:
        session: SMTP = super().factory()  # type: ignore[no-untyped-call]
        self._sessions.append(session)
        return session

    def stop(self, no_assert: bool = False) -> None:
        asyncio.run_coroutine_threadsafe(self._hang_up(), self.loop).result(5)
        super().stop(no_assert)

    async def _hang_up(self) -> None:
        assert self.server is not None
        self.server.close()
        await asyncio.sleep(0.01)  # what was just accepted becomes a session meanwhile
        for _ in range(1_000):
            still_open = [session for session in self._sessions if session.transport is not None]
            if not still_open:
                return
            for session in still_open:
                assert session.transport is not None
                session.transport.close()
            await asyncio.sleep(0.001)


@contextmanager
def mail_server(
    kind: Kind = "plain",
    *,
    user: str | None = None,
    password: str = "",
    certificate: Path | None = None,
    port: int = 0,
    utf8: bool = True,
) -> Iterator[MailServer]:
    """Run one until the block ends. certificate: the folder that ``make_certificate`` filled."""
    server = MailServer(kind=kind)

    def check(
        _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        right = (data.login.decode(), data.password.decode()) == (user, password)
        return AuthResult(success=right, handled=right, auth_data=data)

    options: dict[str, Any] = {"auth_require_tls": False, "enable_SMTPUTF8": utf8}
    if user is not None:
        options |= {"authenticator": check}
    if kind != "plain":
        assert certificate is not None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate / "server.pem", certificate / "server.key")
        options["ssl_context" if kind == "smtps" else "tls_context"] = context
    controller = _Controller(server, port=port or free_port(), **options)
    controller.start()
    server.port = controller.port
    try:
        yield server
    finally:
        controller.stop()


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_certificate(folder: Path, name: str = "localhost") -> Path:
    """An authority of our own (``ca.pem``) and a certificate it has given to ``name``."""
    authority_key, key = (
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP256R1()),
    )
    authority_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
    today = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    lasts = today + datetime.timedelta(days=36_500)

    def builder(subject: x509.Name, public_key: Any) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(authority_name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(today)
            .not_valid_after(lasts)
        )

    authority = (
        builder(authority_name, authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    names: list[x509.GeneralName] = [x509.DNSName(name)]
    if name == "localhost":
        names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    certificate = (
        builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key.public_key())
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(authority.public_bytes(pem))
    (folder / "server.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "server.key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder
