"""Failures of mail servers and what they mean."""

from __future__ import annotations

import smtplib
import socket
import ssl

import pytest

from pds.mail_settings import smtp_url
from pds.network.mail_errors import MailRefusedError, MailServerError
from pds.network.smtp_causes import likely_cause


def cause_of(reason: Exception, url: str = "smtp://u:p@mail.example.com:587") -> str | None:
    error = MailServerError(str(reason))
    error.__cause__ = reason
    return likely_cause(error, smtp_url(url))


@pytest.mark.parametrize(
    ("reason", "part"),
    [
        (socket.gaierror(-2, "Name or service not known"), "no server of the name mail.example"),
        (TimeoutError("timed out"), "no answer from port 587; many hosters block"),
        (ConnectionRefusedError(111, "refused"), "nothing listens on port 587"),
        (smtplib.SMTPServerDisconnected("closed"), "want encryption from the start"),
        (ssl.SSLError(1, "[SSL] record"), "use port 465 with smtps://"),
        (smtplib.SMTPNotSupportedError("no AUTH"), "leave user and password out"),
        (smtplib.SMTPAuthenticationError(534, b"application-specific"), "wants an app password"),
        (smtplib.SMTPAuthenticationError(535, b"bad"), "user or password is wrong"),
        (smtplib.SMTPSenderRefused(530, b"auth first", "a@b"), "wants user and password first"),
        (OSError(101, "Network is unreachable"), "has no way there"),
    ],
)
def test_failure_has_its_cause(reason: Exception, part: str) -> None:
    cause = cause_of(reason)

    assert cause is not None
    assert part in cause


def test_plain_speech_on_the_encrypted_port_is_known() -> None:
    url = "smtp://u:p@mail.example.com:465?secure=false"

    assert cause_of(smtplib.SMTPServerDisconnected("closed"), url) == (
        "port 465 begins encrypted; use smtps://"
    )


def test_code_counts_where_only_the_text_has_it() -> None:
    error = MailRefusedError("552 5.2.2 over quota")

    assert likely_cause(error, smtp_url("smtp://mail.example.com")) == "the mailbox is full"


def test_what_could_be_anything_has_none() -> None:
    assert cause_of(OSError("something else")) is None
    assert likely_cause(MailServerError("sendmail ended"), smtp_url("smtp://h.example")) is None
