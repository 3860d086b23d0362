"""Why a message could not be handed over, in words for whoever set the mail server up."""

from __future__ import annotations

import smtplib
import socket
import ssl

from pds.mail_settings import SmtpServer

_OTHER_PORT = (
    "many hosters block mail ports; try the other one of 465 (smtps://) and 587 (smtp://), then"
    " 2525, or ask the hoster to open it"
)
_CREDENTIALS = (
    "user or password is wrong, or not meant for SMTP: providers want an SMTP or API key here,"
    " Gmail an app password; # / ? % : in them are written %23 %2F %3F %25 %3A"
)
_SENDER = (
    "the provider does not let this user send from PDS_EMAIL_FROM_ADDRESS; prove to it that the"
    " address or its domain is yours, or use one that is"
)

# By the reply's code. Where several mean different things, by what the text holds.
_BY_CODE: dict[int, str] = {
    421: "the server has had enough for now, or does not want this machine; try again in an hour",
    450: "it asks to try again later, which the server does by itself (greylisting)",
    451: "it asks to try again later, which the server does by itself (greylisting)",
    452: "the mailbox, or the provider's quota, is full",
    454: "the provider cannot check passwords at the moment; try again later",
    502: "the server takes no passwords here; leave user and password out of PDS_EMAIL_SMTP_URL",
    503: "the server takes no passwords here; leave user and password out of PDS_EMAIL_SMTP_URL",
    504: "the server takes no passwords here; leave user and password out of PDS_EMAIL_SMTP_URL",
    530: "it wants user and password first, or encryption; add them to PDS_EMAIL_SMTP_URL",
    534: "the provider wants an app password here, not the one of the account",
    535: _CREDENTIALS,
    538: "it takes passwords over encrypted connections only; use smtps:// and port 465",
    550: "the address does not exist, or the sender may not be used: " + _SENDER,
    551: _SENDER,
    552: "the mailbox is full",
    553: _SENDER,
    554: "the server refuses mail from this machine or sender: " + _SENDER,
}


def likely_cause(error: Exception, server: SmtpServer) -> str | None:
    """What most probably is wrong and what to do; None when it could be anything.

    error: what ``Transport.send`` raised.
    """
    reason = error.__cause__ or error
    code = _code_of(reason, str(error))
    if code is not None:
        return _BY_CODE.get(code)
    return _of_connection(reason, str(error), server)


def _code_of(reason: BaseException, text: str) -> int | None:
    if isinstance(reason, smtplib.SMTPResponseException):
        return int(reason.smtp_code)
    start = text[:3]
    return int(start) if start.isdecimal() and text[3:4] in (" ", "") else None


def _of_connection(reason: BaseException, text: str, server: SmtpServer) -> str | None:
    for kind, cause in (
        (socket.gaierror, f"there is no server of the name {server.host}; look for a typing error"),
        (ssl.SSLCertVerificationError, _certificate(server)),
        (ssl.SSLError, _encryption(server)),
        (ConnectionRefusedError, f"nothing listens on port {server.port} there; {_OTHER_PORT}"),
        (TimeoutError, f"no answer from port {server.port}; {_OTHER_PORT}"),
        (smtplib.SMTPServerDisconnected, _hung_up(server)),
        (ConnectionResetError, _hung_up(server)),
        (smtplib.SMTPNotSupportedError, _BY_CODE[503]),
    ):
        if isinstance(reason, kind):
            return cause
    if "unreachable" in text:
        return "this machine has no way there; IPv6 or IPv4 may be missing on one side"
    return None


def _certificate(server: SmtpServer) -> str:
    return (
        f"the certificate is not one of {server.host}; write the name that the provider gives, not"
        " an address or another name of it. For a server of your own with a certificate of your"
        " own: ?tls.rejectUnauthorized=false"
    )


def _encryption(server: SmtpServer) -> str:
    if server.security == "tls":
        return (
            f"port {server.port} does not begin encrypted; use smtp:// there, or port 465 with"
            " smtps://"
        )
    return f"encryption fails on port {server.port}; use port 465 with smtps://"


def _hung_up(server: SmtpServer) -> str:
    if server.security != "tls" and server.port == 465:
        return "port 465 begins encrypted; use smtps://"
    return (
        f"the server hung up; it may want encryption from the start (smtps:// and port 465), or not"
        f" want this machine; {_OTHER_PORT}"
    )
