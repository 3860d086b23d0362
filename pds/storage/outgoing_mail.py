"""Mail still to be sent. A row goes once its message was handed over, refused or is too old."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from peewee import IntegerField, TextField
from playhouse.sqlite_ext import AutoIncrementField

from pds.storage.database import Table, execute, row, rows

Sender = Literal["service", "moderation"]


class OutgoingMail(Table):
    """``topic`` names what the mail is about: a code's purpose, a notice, or "moderation"."""

    id = AutoIncrementField()
    account_id = IntegerField(null=True)
    sender = TextField()
    topic = TextField()
    recipient = TextField()
    subject = TextField()
    text = TextField()
    html = TextField()
    created_at_us = IntegerField()
    next_try_us = IntegerField(index=True)
    tries = IntegerField()
    last_error = TextField(null=True)
    expires_at_us = IntegerField()

    class Meta:
        table_name = "outgoing_mail"


@dataclass(frozen=True, slots=True)
class NewMail:
    """A message as it is queued. ``expires_at_us``: after this it is of no use to anybody."""

    account_id: int | None
    sender: Sender
    topic: str
    recipient: str
    subject: str
    text: str
    html: str
    created_at_us: int
    expires_at_us: int


@dataclass(frozen=True, slots=True)
class OutgoingMailRow:
    id: int
    account_id: int | None
    sender: Sender
    topic: str
    recipient: str
    subject: str
    text: str
    html: str
    created_at_us: int
    tries: int
    expires_at_us: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many messages wait, since when the oldest does, and what was said to it at last."""

    count: int
    created_at_us: int
    last_error: str | None


_DUE = (
    "SELECT id, account_id, sender, topic, recipient, subject, text, html, created_at_us, tries,"
    " expires_at_us FROM outgoing_mail WHERE next_try_us <= ? ORDER BY next_try_us, id LIMIT 1"
)


def find_due(now_us: int) -> OutgoingMailRow | None:
    """The message that has waited longest of those whose time has come."""
    found = row(_DUE, (now_us,))
    return None if found is None else OutgoingMailRow(*found)


def next_try_us() -> int | None:
    """When the next message is due; None when none waits."""
    [(due,)] = rows("SELECT min(next_try_us) FROM outgoing_mail")
    return None if due is None else int(due)


def count_for_account(account_id: int) -> int:
    [(count,)] = rows("SELECT count(*) FROM outgoing_mail WHERE account_id = ?", (account_id,))
    return int(count)


def longest_waiting() -> Waiting | None:
    """The queue as a whole; None when nothing waits."""
    found = row(
        "SELECT count(*) OVER (), created_at_us, last_error FROM outgoing_mail"
        " ORDER BY created_at_us, id LIMIT 1"
    )
    return None if found is None else Waiting(*found)


# Every function below changes rows; the caller holds the transaction.


def insert_mail(mail: NewMail) -> None:
    """Queue a message; it is due at once."""
    execute(
        "INSERT INTO outgoing_mail (account_id, sender, topic, recipient, subject, text, html,"
        " created_at_us, next_try_us, tries, last_error, expires_at_us)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, NULL, ?)",
        (
            mail.account_id,
            mail.sender,
            mail.topic,
            mail.recipient,
            mail.subject,
            mail.text,
            mail.html,
            mail.created_at_us,
            mail.created_at_us,
            mail.expires_at_us,
        ),
    )


def delete_mail(mail_id: int) -> None:
    execute("DELETE FROM outgoing_mail WHERE id = ?", (mail_id,))


def delete_topic(account_id: int | None, topic: str) -> None:
    """Drop what waits for an account about one topic: something newer replaces it."""
    execute("DELETE FROM outgoing_mail WHERE account_id IS ? AND topic = ?", (account_id, topic))


def note_failure(mail_id: int, error: str, next_try_us: int) -> None:
    execute(
        "UPDATE outgoing_mail SET tries = tries + 1, last_error = ?, next_try_us = ? WHERE id = ?",
        (error, next_try_us, mail_id),
    )


def postpone_others(mail_id: int, sender: Sender, not_before_us: int) -> None:
    """Let everything else of one sender wait, because its mail server is not there."""
    execute(
        "UPDATE outgoing_mail SET next_try_us = ? WHERE sender = ? AND next_try_us < ? AND id != ?",
        (not_before_us, sender, not_before_us, mail_id),
    )


def delete_all() -> int:
    """Forget all of it; return how many. The caller holds the transaction."""
    return execute("DELETE FROM outgoing_mail")
