"""Send the mail that is queued: one message at a time, with growing pauses after failures.

A message is deleted once the mail server has taken it. A crash between the two sends it again when
the server is back, with the same Message-ID: never lost, at worst twice.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import idna

from pds.config import Config
from pds.mail_settings import Mailbox, SmtpServer, is_address
from pds.network.mail_errors import MailDelayedError, MailRefusedError, MailServerError
from pds.network.smtp import Transport, transport_for
from pds.services.clock import Clock
from pds.storage import database, outgoing_mail
from pds.storage.database import transaction
from pds.storage.outgoing_mail import OutgoingMailRow, Sender

logger = logging.getLogger("pds.mail")

# Seconds after the first failure, the second, …; the last one repeats. Quick at first: greylisting
# wants minutes, and a code lives for fifteen.
DELAYS_S = (10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200)
OTHERS_WAIT_S = 60  # at most, when it may be the mail server that fails
MAX_TRIES = 30
LOOK_EVERY_S = 5.0  # another process (the command line) may have queued something
_SECOND_US = 1_000_000


class LogTransport:
    """Shows messages in the log, for a server that only its own machine can reach."""

    def send(self, message: EmailMessage) -> None:
        body = message.get_body(("plain",))
        shown = body.get_content() if body is not None else ""
        logger.info("mail to %s: %s\n%s", message["To"], message["Subject"], shown)

    def abort(self) -> None:
        """It takes a moment only."""


class Outbox:
    """Knows the ways out, and when to try which message."""

    def __init__(
        self,
        clock: Clock,
        hostname: str,
        senders: Mapping[Sender, tuple[Mailbox, Transport]],
    ) -> None:
        self._clock = clock
        self._hostname = hostname
        self._senders = senders
        self._news = threading.Event()
        self._stopped = False

    def wake(self) -> None:
        """Say that something was queued. Call it after the commit."""
        self._news.set()

    def stop(self) -> None:
        """Send nothing more; a message under way is kept and sent after the next start."""
        self._stopped = True
        self._news.set()
        for _, transport in self._senders.values():
            transport.abort()

    def send_until_stopped(self) -> None:
        """Send whatever is due, as soon as it is. For a thread of its own."""
        while not self._stopped:
            self._news.clear()
            try:
                self.send_due()
                pause_s = self._seconds_to_next()
            except Exception:
                logger.exception("sending mail failed; it goes on in %.0f s", LOOK_EVERY_S)
                pause_s = LOOK_EVERY_S
            finally:
                database.close_thread_connection()
            self._news.wait(min(pause_s, LOOK_EVERY_S))

    def send_due(self) -> int:
        """Try every message whose time has come, each once; return how many were handed over."""
        sent = 0
        due_at_us = self._clock()
        while not self._stopped:
            mail = outgoing_mail.find_due(due_at_us)
            if mail is None:
                break
            sent += self._try(mail)
        return sent

    def _try(self, mail: OutgoingMailRow) -> bool:
        if mail.expires_at_us <= self._clock():
            self._give_up(mail, "its time is over")
            return False
        way = self._senders.get(mail.sender)
        if way is None:
            self._give_up(mail, "no mail server is set any more")
            return False
        sender, transport = way
        try:
            transport.send(self.compose(mail, sender))
        except MailRefusedError as error:
            self._give_up(mail, str(error))
        except MailDelayedError as error:
            logger.info("mail %s has to wait: %s", _shown(mail), error)
            self._try_later(mail, str(error))
        except MailServerError as error:
            if not self._stopped:
                self._server_fails(mail, str(error))
        except Exception:
            logger.exception("mail %s could not be sent", _shown(mail))
            self._try_later(mail, "a bug")  # it must not hold up the others
        else:
            with transaction():
                outgoing_mail.delete_mail(mail.id)
            return True
        return False

    def compose(self, mail: OutgoingMailRow, sender: Mailbox) -> EmailMessage:
        """The message as it goes out.

        Raises:
            MailRefusedError: the recipient is no address.
        """
        if not is_address(mail.recipient):
            reason = "the recipient is no address"
            raise MailRefusedError(reason)
        message = EmailMessage(policy=SMTP)
        message["From"] = Address(sender.name, addr_spec=sender.address)
        message["To"] = _address(mail.recipient)
        message["Subject"] = mail.subject
        created = datetime.fromtimestamp(mail.created_at_us / _SECOND_US, UTC)
        message["Date"] = format_datetime(created)
        message["Message-ID"] = f"<{mail.created_at_us}.{mail.id}@{self._hostname}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(mail.text)
        message.add_alternative(mail.html, subtype="html")
        return message

    def _try_later(self, mail: OutgoingMailRow, reason: str) -> None:
        """Put the message back, or give it up."""
        if mail.tries + 1 >= MAX_TRIES:
            self._give_up(mail, f"tried {MAX_TRIES} times, at last: {reason}")
            return
        next_try_us = self._clock() + _delay_s(mail) * _SECOND_US
        with transaction():
            outgoing_mail.note_failure(mail.id, reason, next_try_us)

    def _server_fails(self, mail: OutgoingMailRow, reason: str) -> None:
        """Let everything that would go the same way wait too: one attempt is enough.

        But not as long, nor behind this message: it may be the only one that the server does not
        take. A stranger's address whose own server is slow can make ours break off.
        """
        logger.warning("the mail server does not take mail: %s", reason)
        self._try_later(mail, reason)
        delay_s = min(_delay_s(mail), OTHERS_WAIT_S)
        until_us = self._clock() + delay_s * _SECOND_US - 1  # the microsecond: before this message
        with transaction():
            outgoing_mail.postpone_others(mail.id, mail.sender, until_us)

    def _give_up(self, mail: OutgoingMailRow, reason: str) -> None:
        logger.warning("mail %s is not sent: %s", _shown(mail), reason)
        with transaction():
            outgoing_mail.delete_mail(mail.id)

    def _seconds_to_next(self) -> float:
        due_us = outgoing_mail.next_try_us()
        if due_us is None:
            return LOOK_EVERY_S
        return max(0.05, (due_us - self._clock()) / _SECOND_US)


def build_outbox(config: Config, clock: Clock) -> Outbox:
    """The outbox with the ways out that the settings name."""
    senders: dict[Sender, tuple[Mailbox, Transport]] = {}
    settings: tuple[tuple[Sender, SmtpServer | None, Mailbox | None], ...] = (
        ("service", config.email_smtp_url, config.email_from_address),
        ("moderation", config.moderation_email_smtp_url, config.moderation_email_address),
    )
    for sender, server, mailbox in settings:
        if server is not None and mailbox is not None:
            senders[sender] = (mailbox, transport_for(server, config.hostname))
    if config.is_local and "service" not in senders:
        senders["service"] = (Mailbox(config.service_name, "pds@localhost"), LogTransport())
    return Outbox(clock, config.hostname, senders)


def _delay_s(mail: OutgoingMailRow) -> int:
    return DELAYS_S[min(mail.tries, len(DELAYS_S) - 1)]


def _address(recipient: str) -> Address:
    """An address beyond ASCII needs a mail server that takes such; its domain does not.

    The domain is written in ASCII by the rules by which it was checked (IDNA 2008). Those of
    Python's own codec are older: by them ``straße`` is ``strasse``, which belongs to others.
    """
    user, _, domain = recipient.rpartition("@")
    try:
        if not domain.isascii():
            domain = idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        reason = "the recipient's domain is no domain"
        raise MailRefusedError(reason) from error
    return Address(username=user, domain=domain)


def _shown(mail: OutgoingMailRow) -> str:
    """A message in the log: what it is about, without whom it is for."""
    return f"{mail.id} ({mail.topic})"
