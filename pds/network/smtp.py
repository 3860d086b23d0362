"""Hand one message to a mail server."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any, Protocol

from pds.mail_settings import SmtpServer
from pds.network.mail_errors import (
    MailDelayedError,
    MailRefusedError,
    MailServerError,
    shortened,
)
from pds.network.sendmail import SendmailTransport, check_sendmail

Listener = Callable[[str], None]


def _tell_nobody(_line: str) -> None:
    pass


class Transport(Protocol):
    """A way out for messages."""

    def send(self, message: EmailMessage) -> None:
        """Hand over ``message``; its From and To say between whom.

        Raises:
            MailServerError, MailDelayedError, MailRefusedError
        """

    def abort(self) -> None:
        """Make a ``send`` that is under way in another thread fail soon."""


class SmtpTransport:
    """A connection of its own for every message: mail is rare here."""

    def __init__(self, server: SmtpServer, helo: str, tell: Listener = _tell_nobody) -> None:
        self._server = server
        self._tell = tell
        self._helo = server.helo or helo
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._aborted = False

    def send(self, message: EmailMessage) -> None:
        self._converse(lambda connection: _hand_over(connection, message))

    def check(self) -> None:
        """Do all that comes before a message. Raises MailServerError."""
        self._converse(_say_goodbye)

    def _converse(self, speak: Callable[[smtplib.SMTP], None]) -> None:
        """Connect, secure, log in, then ``speak``."""
        try:
            server = self._server
            connection = _Connection(server, self._helo, self._open, self._tell)
            try:
                self._secure(connection)
                self._log_in(connection)
                speak(connection)
            finally:
                connection.close()
        except smtplib.SMTPResponseException as error:
            raise MailServerError(_reply(error.smtp_code, error.smtp_error)) from error
        except OSError as error:  # smtplib's own errors are of this kind as well
            raise MailServerError(shortened(str(error) or type(error).__name__)) from error
        finally:
            self._socket = None

    def abort(self) -> None:
        with self._lock:
            self._aborted = True
            if self._socket is not None:
                with contextlib.suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)

    def _watch(self, sock: socket.socket) -> None:
        """From now on ``abort`` cuts off this socket."""
        with self._lock:
            self._socket = sock
            if self._aborted:
                sock.close()
                message = "stopping"
                raise MailServerError(message)

    def _open(self, host: str, port: int, timeout_s: float) -> socket.socket:
        plain = socket.create_connection((host, port), timeout_s)
        self._watch(plain)
        if self._server.security != "tls":
            return plain
        secured = self._context().wrap_socket(
            plain, server_hostname=host, do_handshake_on_connect=False
        )
        self._watch(secured)
        try:
            secured.do_handshake()
        except BaseException:
            secured.close()
            raise
        return secured

    def _secure(self, connection: smtplib.SMTP) -> None:
        """STARTTLS where it is wanted; a password is not sent over the network without."""
        server = self._server
        if server.security in ("tls", "none"):
            return
        connection.ehlo_or_helo_if_needed()
        if connection.has_extn("starttls"):
            connection.starttls(context=self._context())
            if connection.sock is not None:
                self._watch(connection.sock)
            return
        exposed = server.user is not None and not server.is_on_this_machine
        if server.security == "starttls" or exposed:
            message = (
                "the server offers no encryption (STARTTLS); use smtps://, or add ?ignoreTLS=true"
                " to PDS_EMAIL_SMTP_URL to do without"
            )
            raise MailServerError(message)

    def _log_in(self, connection: smtplib.SMTP) -> None:
        if self._server.user is not None:
            connection.login(self._server.user, self._server.password or "")

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if not self._server.verify_tls:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


class _Connection(smtplib.SMTP):
    """SMTP over a socket that ``open_socket`` opens: one that can be cut off from the start."""

    def __init__(
        self,
        server: SmtpServer,
        helo: str,
        open_socket: Callable[[str, int, float], socket.socket],
        tell: Listener,
    ) -> None:
        self._open_socket = open_socket
        self._tell = tell
        self._is_secret = False
        super().__init__(server.host, server.port, helo, server.timeout_s)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        self._tell(f"connecting to {host}, port {port}")
        return self._open_socket(host, port, timeout)

    def login(self, *arguments: Any, **options: Any) -> Any:
        """The same, with what is said kept from listeners."""
        self.ehlo_or_helo_if_needed()
        self._is_secret = True
        try:
            return super().login(*arguments, **options)
        finally:
            self._is_secret = False

    def putcmd(self, cmd: str, args: str = "") -> None:
        said = f"{cmd} {args}".strip()
        if self._is_secret:  # AUTH with its mechanism; what else is sent then is user or password
            said = " ".join(said.split()[:2]) + " …" if cmd == "AUTH" else "…"
        self._tell(f"> {said}")
        super().putcmd(cmd, args)

    def getreply(self) -> tuple[int, bytes]:
        code, text = super().getreply()
        for line in text.decode("utf-8", "replace").splitlines() or [""]:
            self._tell(f"< {code} {shortened(line)}")
        return code, text


def _hand_over(connection: smtplib.SMTP, message: EmailMessage) -> None:
    try:
        connection.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        raise _from_code(*next(iter(error.recipients.values()))) from error
    except smtplib.SMTPDataError as error:
        raise _from_code(error.smtp_code, error.smtp_error) from error
    except smtplib.SMTPNotSupportedError as error:
        raise MailRefusedError(shortened(str(error))) from error
    with contextlib.suppress(OSError):
        connection.quit()  # whatever the server answers, it has taken the message


def _say_goodbye(connection: smtplib.SMTP) -> None:
    connection.ehlo_or_helo_if_needed()
    with contextlib.suppress(OSError):
        connection.quit()


def _from_code(code: int, text: bytes | str) -> Exception:
    return (MailRefusedError if code >= 500 else MailDelayedError)(_reply(code, text))


def _reply(code: int, text: bytes | str) -> str:
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return shortened(f"{code} {said}")


def check_server(server: SmtpServer, helo: str) -> None:
    """Whether the server lets us in, without sending anything.

    Raises:
        MailServerError
    """
    if server.sendmail:
        check_sendmail()
    else:
        SmtpTransport(server, helo).check()


def transport_for(server: SmtpServer, helo: str, tell: Listener = _tell_nobody) -> Transport:
    """The way out that a setting names. ``helo`` is this server's host name.

    tell: gets every line of the conversation with a mail server but user and password.
    """
    return SendmailTransport() if server.sendmail else SmtpTransport(server, helo, tell)
