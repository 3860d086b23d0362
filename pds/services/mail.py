"""Compose messages and queue them; ``outbox.py`` sends them later.

Queueing is part of the caller's transaction: a message goes out exactly if the change it tells of
has happened. There are three ways to run:

    smtp  a mail server is set
    log   none is set, and the server is only reachable from its own machine: the log shows the mail
    none  none is set: nothing is queued, codes wait for the operator to read them out
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from email.utils import parseaddr
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Literal, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from pds.config import Config
from pds.errors import InvalidRequestError, NotFoundError
from pds.services.clock import Clock
from pds.services.mail_texts import CODES, NOTICES, Notice, Purpose, Text
from pds.storage import accounts, outgoing_mail
from pds.storage.accounts import AccountRow
from pds.storage.database import after_commit, transaction
from pds.storage.outgoing_mail import NewMail

logger = logging.getLogger("pds.mail")

Mode = Literal["smtp", "log", "none"]

NOTICE_LIFETIME_US = 2 * 24 * 60 * 60 * 1_000_000
MAX_WAITING_PER_ACCOUNT = 20
ATTEMPT_NOTICE_EVERY_US = 60 * 60 * 1_000_000
MAX_SUBJECT_CHARS = 200
VERIFY_LINK = "https://bsky.app/intent/verify-email?code="

_TEMPLATES = Path(__file__).parent / "mail_templates"


class _Recipient(NamedTuple):
    account_id: int | None
    who: str
    address: str


_NOBODY = _Recipient(None, "@nobody.example.com", "nobody@example.com")


class Code(NamedTuple):
    """A one-time code as a message shows it. ``link`` is a page of this server that takes it."""

    purpose: Purpose
    token: str
    expires_at_us: int
    valid: str
    link: str | None


class Link(NamedTuple):
    label: str
    url: str


class Mail:
    """Composes and queues."""

    def __init__(self, config: Config, clock: Clock, wake: Callable[[], None]) -> None:
        """``wake`` is called after each commit that has queued something."""
        self._config = config
        self._wake = wake
        self._clock = clock
        self._last_attempt_notice: dict[int, int] = {}
        self._templates = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=select_autoescape(("html",)),
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=StrictUndefined,
        )

    @property
    def mode(self) -> Mode:
        if self._config.email_smtp_url is not None:
            return "smtp"
        return "log" if self._config.is_local else "none"

    def send_code(self, account: AccountRow, code: Code) -> None:
        """Queue the mail that brings a code; it replaces an earlier one not yet sent.

        The caller holds the transaction. An account without address, and a server without mail,
        get none.
        """
        if self.mode == "none" or account.email is None:
            return
        outgoing_mail.delete_topic(account.id, code.purpose)
        recipient = _Recipient(account.id, shown_name(account), account.email)
        self._insert(self._compose_code(recipient, code))

    def pretend(self, code: Code) -> None:
        """Do the work of ``send_code`` and leave nothing behind. The caller holds the transaction.

        So that the time taken does not tell whether there is an account.
        """
        outgoing_mail.insert_mail(self._compose_code(_NOBODY, code))
        outgoing_mail.delete_topic(None, code.purpose)

    def notify(self, account: AccountRow, notice: Notice, **facts: str) -> None:
        """Tell the owner what happened to the account, at the address that ``account`` has.

        The caller holds the transaction. Facts by notice: app_password_created ``name``;
        app_allowed ``app``, ``scopes`` (what it may do, in words) and ``link`` (where to end that);
        new_sign_in ``details`` (when, from where); identity_changed ``change`` (what is new);
        password_changed ``others`` (what became of their sign-ins); sign_up_attempt and
        email_changed none. The last goes to the old address
        when ``account`` was read before the change.
        """
        if self.mode == "none" or account.email is None or self._is_too_much(account, notice):
            return
        until_us = self._clock() + NOTICE_LIFETIME_US
        recipient = _Recipient(account.id, shown_name(account), account.email)
        self._insert(
            self._compose(recipient, notice, NOTICES[notice], facts, expires_at_us=until_us)
        )

    def alert_operator(self, text: Text, **facts: str) -> None:
        """Tell the operator, at the contact address or else where mail comes from.

        The caller holds the transaction.
        """
        address = self._operator_address()
        if self.mode == "none" or address is None:
            return
        until_us = self._clock() + NOTICE_LIFETIME_US
        recipient = _Recipient(None, "the operator", address)
        self._insert(self._compose(recipient, "operator", text, facts, expires_at_us=until_us))

    def _operator_address(self) -> str | None:
        contact, sender = self._config.contact_email_address, self._config.email_from_address
        if contact:
            return parseaddr(contact)[1] or None
        return sender.address if sender else None

    def send_from_moderation(self, sender_did: str, did: str, subject: str, html: str) -> None:
        """Queue a moderator's message to an account, the text as it is.

        Raises:
            NotFoundError: there is no such account here.
            InvalidRequestError: it has no address, or this server sends no mail.
        """
        account = accounts.find_by_did(did)
        if account is None:
            message = f"Recipient not found: {did}"
            raise NotFoundError(message)
        if account.email is None:
            message = "account does not have an email address"
            raise InvalidRequestError(message)
        has_own = self._config.moderation_email_smtp_url is not None
        if self.mode == "none" and not has_own:
            message = "This server sends no mail: PDS_EMAIL_SMTP_URL is not set"
            raise InvalidRequestError(message)
        now_us = self._clock()
        mail = NewMail(
            account.id,
            "moderation" if has_own else "service",
            "moderation",
            account.email,
            _one_line(subject),
            text_of(html),
            html,
            now_us,
            now_us + NOTICE_LIFETIME_US,
        )
        with transaction():
            self._insert(mail)
        logger.info("%s wrote to %s", sender_did, did)

    def _compose_code(self, recipient: _Recipient, code: Code) -> NewMail:
        shown = {"code": code.token, "valid": code.valid, "links": self._links(code)}
        text = CODES[code.purpose]
        return self._compose(
            recipient, code.purpose, text, {}, expires_at_us=code.expires_at_us, **shown
        )

    def _compose(
        self,
        recipient: _Recipient,
        topic: str,
        text: Text,
        facts: dict[str, str],
        *,
        expires_at_us: int,
        **shown: Any,
    ) -> NewMail:
        config = self._config
        words = {"who": recipient.who, "service": config.service_name, **facts}
        context: dict[str, Any] = {
            "text": text,
            "lines": [line.format(**words) for line in text.lines],
            "code": None,
            "valid": "",
            "links": [],
            "service": config.service_name,
            "home_url": config.home_url,
            "logo_url": config.logo_url,
            "support_url": config.support_url,
            "color": config.primary_color,
            **shown,
        }
        return NewMail(
            recipient.account_id,
            "service",
            topic,
            recipient.address,
            _one_line(text.subject),
            self._render("message.txt", context),
            self._render("message.html", context),
            self._clock(),
            expires_at_us,
        )

    def _render(self, name: str, context: dict[str, Any]) -> str:
        return self._templates.get_template(name).render(context)

    def _insert(self, mail: NewMail) -> None:
        outgoing_mail.insert_mail(mail)
        after_commit(self._wake)

    def _links(self, code: Code) -> list[Link]:
        links = []
        if code.link is not None:
            links.append(Link("Or open this page", code.link))
        if code.purpose == "confirm_email" and not self._config.email_disable_confirmation_link:
            links.append(Link("Or confirm it in the Bluesky app", VERIFY_LINK + code.token))
        return links

    def _is_too_much(self, account: AccountRow, notice: Notice) -> bool:
        """Whether somebody is filling this mailbox, or the queue."""
        now_us = self._clock()
        if notice == "sign_up_attempt":
            last_us = self._last_attempt_notice.get(account.id)
            if last_us is not None and now_us - last_us < ATTEMPT_NOTICE_EVERY_US:
                return True
            self._last_attempt_notice[account.id] = now_us
        if outgoing_mail.count_for_account(account.id) < MAX_WAITING_PER_ACCOUNT:
            return False
        logger.warning("too much mail waits for %s: left out %s", shown_name(account), notice)
        return True


def shown_name(account: AccountRow) -> str:
    """The account as its owner knows it."""
    return f"@{account.handle}" if account.handle else account.did


def _one_line(subject: str) -> str:
    """A subject that is one header, whatever was given."""
    printable = "".join(char if char.isprintable() else " " for char in subject)
    return " ".join(printable.split())[:MAX_SUBJECT_CHARS]


class _TextOf(HTMLParser):
    _BREAKS = frozenset({"p", "br", "div", "li", "tr", "h1", "h2", "h3", "h4", "blockquote"})
    _HIDDEN = frozenset({"style", "script", "title", "head"})

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._hidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self._HIDDEN:
            self._hidden.append(tag)
        if tag in self._BREAKS:
            self.parts.append("\n")
        target = dict(attrs).get("href") if tag == "a" else None
        if target:
            self.parts.append(f"<{target}> ")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._hidden:
            self._hidden.remove(tag)
        if tag in self._BREAKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(re.sub(r"\s+", " ", data))


def text_of(html: str) -> str:
    """A message in HTML as plain text, for readers who prefer that."""
    parser = _TextOf()
    parser.feed(html)
    parser.close()
    lines = "".join(parser.parts).split("\n")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.strip() for line in lines)).strip() + "\n"
