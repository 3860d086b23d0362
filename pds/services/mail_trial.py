"""Send one message at once, so that whoever sets mail up sees what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from pathlib import Path

from pds.config import Config
from pds.errors import InvalidRequestError
from pds.mail_settings import Mailbox, is_address
from pds.network import sendmail
from pds.network.mail_errors import MailDelayedError, MailRefusedError, MailServerError
from pds.network.sendmail import IN_PLACE_OF_IT, may_gain_no_rights, needs_rights
from pds.network.smtp import transport_for
from pds.network.smtp_causes import likely_cause
from pds.services.clock import Clock
from pds.storage.process_lock import holder


@dataclass(frozen=True, slots=True)
class TrialFailure:
    """Why it was not taken: in the server's words, and what most probably is wrong."""

    reason: str
    cause: str | None


def try_mail(
    config: Config, clock: Clock, recipient: str, tell: Callable[[str], None]
) -> TrialFailure | None:
    """Hand a test message over; None when the mail server has taken it.

    tell: gets every line of the conversation but user and password.

    Raises:
        InvalidRequestError: this server sends no mail, or ``recipient`` is no address.
    """
    server, sender = config.email_smtp_url, config.email_from_address
    if server is None or sender is None:
        message = "this server sends no mail: PDS_EMAIL_SMTP_URL is not set"
        raise InvalidRequestError(message)
    if not is_address(recipient) or not recipient.isascii():
        message = f"{recipient} is not an e-mail address"
        raise InvalidRequestError(message)
    if server.sendmail and keeps_from_sendmail(config):
        reason = "the server that runs may not gain the rights that this machine's sendmail needs"
        return TrialFailure(reason, f"set PDS_EMAIL_SMTP_URL={IN_PLACE_OF_IT} and restart it")
    try:
        transport_for(server, config.hostname, tell).send(
            _message(config, sender, recipient, clock())
        )
    except (MailServerError, MailDelayedError, MailRefusedError) as error:
        return TrialFailure(str(error), likely_cause(error, server))
    return None


def keeps_from_sendmail(config: Config, proc: Path = Path("/proc")) -> bool:
    """Whether the server that runs cannot use sendmail, though this process may be able to."""
    process = holder(config.data_directory / "pds.lock")
    return (
        process is not None
        and needs_rights(sendmail.SENDMAIL)
        and may_gain_no_rights(proc / str(process) / "status")
    )


def _message(config: Config, sender: Mailbox, recipient: str, now_us: int) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(sender.name, addr_spec=sender.address)
    message["To"] = Address(addr_spec=recipient)
    message["Subject"] = f"Test message of {config.service_name}"
    message["Date"] = format_datetime(datetime.fromtimestamp(now_us / 1_000_000, UTC))
    message["Message-ID"] = make_msgid(domain=config.hostname)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(
        f"Mail of {config.public_url} arrives.\n\n"
        "The operator has sent this to try it out; there is nothing to do.\n"
    )
    return message
