"""Sending: order, pauses, giving up; nothing lost, nothing sent for ever."""

from __future__ import annotations

import logging
import sqlite3
import threading
from email.message import EmailMessage
from pathlib import Path

import pytest

from pds.mail_settings import Mailbox
from pds.network.mail_errors import MailDelayedError, MailRefusedError, MailServerError
from pds.services.outbox import (
    DELAYS_S,
    MAX_TRIES,
    OTHERS_WAIT_S,
    LogTransport,
    Outbox,
    build_outbox,
)
from pds.services.sign_up_checks import check_email
from pds.storage import outgoing_mail
from pds.storage.database import rows, transaction
from pds.storage.outgoing_mail import NewMail, OutgoingMailRow, Sender
from tests.factories import StillClock, make_config

pytestmark = pytest.mark.usefixtures("open_database")

DAY_S = 24 * 3_600
PDS = Mailbox("", "pds@example.com")


class FakeTransport:
    """Takes messages, or raises what it was told to."""

    def __init__(self) -> None:
        self.sent: list[EmailMessage] = []
        self.errors: list[Exception] = []
        self.attempts = 0
        self.aborted = False
        self.arrived = threading.Event()

    def send(self, message: EmailMessage) -> None:
        self.attempts += 1
        if self.errors:
            raise self.errors.pop(0)
        self.sent.append(message)
        self.arrived.set()

    def abort(self) -> None:
        self.aborted = True

    @property
    def subjects(self) -> list[str]:
        return [str(message["Subject"]) for message in self.sent]


class Breaking(FakeTransport):
    """Breaks off whenever it sees one subject."""

    def __init__(self, subject: str) -> None:
        super().__init__()
        self._subject = subject

    def send(self, message: EmailMessage) -> None:
        if message["Subject"] == self._subject:
            reason = "Connection unexpectedly closed"
            raise MailServerError(reason)
        super().send(message)


@pytest.fixture
def server() -> FakeTransport:
    return FakeTransport()


@pytest.fixture
def outbox(clock: StillClock, server: FakeTransport) -> Outbox:
    return Outbox(clock, "pds.example.com", {"service": (PDS, server)})


def queue(
    clock: StillClock,
    subject: str = "a",
    *,
    lives_s: float = DAY_S,
    sender: Sender = "service",
    recipient: str = "alice@example.com",
) -> None:
    now_us = clock()
    until_us = now_us + int(lives_s * 1_000_000)
    with transaction():
        outgoing_mail.insert_mail(
            NewMail(None, sender, "t", recipient, subject, "text", "<p>", now_us, until_us)
        )


def waiting() -> list[tuple[str, int]]:
    return [(subject, tries) for subject, tries in rows("SELECT subject, tries FROM outgoing_mail")]


def test_messages_are_sent_in_order_and_once(
    outbox: Outbox, server: FakeTransport, clock: StillClock
) -> None:
    for subject in "abc":
        queue(clock, subject)

    assert outbox.send_due() == 3
    assert outbox.send_due() == 0
    assert server.subjects == ["a", "b", "c"]
    assert waiting() == []


def test_delayed_message_is_tried_with_growing_pauses(
    outbox: Outbox, server: FakeTransport, clock: StillClock
) -> None:
    server.errors = [MailDelayedError("451 greylisted") for _ in DELAYS_S]
    queue(clock, lives_s=10 * DAY_S)

    sent = outbox.send_due()
    for attempt, delay_s in enumerate(DELAYS_S, 1):
        assert (server.attempts, waiting()) == (attempt, [("a", attempt)])
        clock.advance(delay_s - 1)
        assert outbox.send_due() == 0
        assert server.attempts == attempt
        clock.advance(1)
        sent = outbox.send_due()

    assert sent == 1
    assert waiting() == []


def test_delayed_message_holds_up_no_other(
    outbox: Outbox, server: FakeTransport, clock: StillClock
) -> None:
    server.errors = [MailDelayedError("451 later")]
    queue(clock, "a")
    queue(clock, "b")

    assert outbox.send_due() == 1
    assert server.subjects == ["b"]
    assert rows("SELECT last_error FROM outgoing_mail") == [("451 later",)]


def test_dead_server_is_asked_once_for_all_that_waits(
    outbox: Outbox, server: FakeTransport, clock: StillClock, caplog: pytest.LogCaptureFixture
) -> None:
    server.errors = [MailServerError("connection refused")]
    for subject in "abc":
        queue(clock, subject)

    assert outbox.send_due() == 0
    assert server.attempts == 1
    assert "the mail server does not take mail: connection refused" in caplog.text
    assert waiting() == [("a", 1), ("b", 0), ("c", 0)]
    clock.advance(DELAYS_S[0])
    assert outbox.send_due() == 3


def test_one_message_that_breaks_the_connection_does_not_hold_up_the_others(
    clock: StillClock,
) -> None:
    server = Breaking("poison")
    outbox = Outbox(clock, "pds.example.com", {"service": (PDS, server)})
    queue(clock, "poison", lives_s=10 * DAY_S)
    for number in range(20):
        queue(clock, f"first {number}")
        queue(clock, f"second {number}")
        for _ in range(OTHERS_WAIT_S + 1):
            outbox.send_due()
            clock.advance(1)
        assert server.subjects[-2:] == [f"first {number}", f"second {number}"]
        clock.advance(DELAYS_S[min(number, len(DELAYS_S) - 1)] - OTHERS_WAIT_S)

    assert waiting()[0][1] >= 10


def test_new_mail_is_tried_at_once_also_while_others_wait(
    outbox: Outbox, server: FakeTransport, clock: StillClock
) -> None:
    server.errors = [MailServerError("connection refused")]
    queue(clock, "a")
    outbox.send_due()
    clock.advance(1)
    queue(clock, "b")

    assert outbox.send_due() == 1
    assert server.subjects == ["b"]


def test_refused_message_is_dropped_with_one_line(
    outbox: Outbox, server: FakeTransport, clock: StillClock, caplog: pytest.LogCaptureFixture
) -> None:
    server.errors = [MailRefusedError("550 no such user")]
    queue(clock, "a")
    queue(clock, "b")

    assert outbox.send_due() == 1
    assert server.subjects == ["b"]
    assert waiting() == []
    assert [record.getMessage() for record in caplog.records] == [
        "mail 1 (t) is not sent: 550 no such user"
    ]


def test_message_whose_time_is_over_is_not_sent(
    outbox: Outbox, server: FakeTransport, clock: StillClock
) -> None:
    queue(clock, lives_s=900)
    clock.advance(900)

    assert outbox.send_due() == 0
    assert server.attempts == 0
    assert waiting() == []


def test_message_is_given_up_after_many_tries(
    outbox: Outbox, server: FakeTransport, clock: StillClock, caplog: pytest.LogCaptureFixture
) -> None:
    server.errors = [MailDelayedError("451 later") for _ in range(MAX_TRIES)]
    queue(clock, lives_s=100 * DAY_S)
    for _ in range(MAX_TRIES):
        outbox.send_due()
        clock.advance(DELAYS_S[-1])

    assert waiting() == []
    assert server.sent == []
    assert f"tried {MAX_TRIES} times, at last: 451 later" in caplog.text


@pytest.mark.parametrize(
    "recipient", ["", "nobody", "a@b\r\nBcc: c@d", "a b@c", "<a@b>", "a@b, c@d", "\x00@b"]
)
def test_recipient_that_is_no_address_stops_nothing(
    outbox: Outbox, server: FakeTransport, clock: StillClock, recipient: str
) -> None:
    queue(clock, "a", recipient=recipient)
    queue(clock, "b")

    assert outbox.send_due() == 1
    assert server.subjects == ["b"]
    assert waiting() == []


@pytest.mark.parametrize(
    ("domain", "sent_to"),
    [
        ("example.com", "example.com"),
        ("bücher.example.com", "xn--bcher-kva.example.com"),
        ("straße.example.com", "xn--strae-oqa.example.com"),  # strasse is somebody else's
        ("ελλάς.example.com", "xn--hxarsa0b.example.com"),
        ("ｅxample。com", "example.com"),
    ],
)
def test_mail_goes_to_the_domain_that_was_checked(
    outbox: Outbox, server: FakeTransport, clock: StillClock, domain: str, sent_to: str
) -> None:
    address = check_email(f"alice@{domain}")
    queue(clock, recipient=address)

    assert outbox.send_due() == 1
    assert server.sent[0]["To"] == f"alice@{sent_to}"


def test_mail_for_a_server_that_is_not_set_any_more_is_dropped(
    outbox: Outbox, server: FakeTransport, clock: StillClock
) -> None:
    queue(clock, sender="moderation")

    assert outbox.send_due() == 0
    assert waiting() == []


def test_thread_sends_as_soon_as_it_is_woken(server: FakeTransport, clock: StillClock) -> None:
    outbox = Outbox(clock, "pds.example.com", {"service": (PDS, server)})
    thread = threading.Thread(target=outbox.send_until_stopped)
    thread.start()
    try:
        queue(clock)
        outbox.wake()
        assert server.arrived.wait(3)
    finally:
        outbox.stop()
        thread.join(5)

    assert not thread.is_alive()
    assert server.aborted


def test_message_that_stopping_cuts_off_is_kept(clock: StillClock) -> None:
    sending, aborted = threading.Event(), threading.Event()

    class Slow(FakeTransport):
        def send(self, message: EmailMessage) -> None:
            sending.set()
            assert aborted.wait(5)
            raise MailServerError("cut off")

        def abort(self) -> None:
            aborted.set()

    outbox = Outbox(clock, "pds.example.com", {"service": (PDS, Slow())})
    queue(clock)
    thread = threading.Thread(target=outbox.send_until_stopped)
    thread.start()
    assert sending.wait(5)
    outbox.stop()
    thread.join(5)

    assert not thread.is_alive()
    assert waiting() == [("a", 0)]


def test_bug_with_one_message_stops_nothing(
    outbox: Outbox, server: FakeTransport, clock: StillClock, caplog: pytest.LogCaptureFixture
) -> None:
    server.errors = [KeyError("bug")]
    queue(clock, "a")
    queue(clock, "b")

    assert outbox.send_due() == 1
    assert server.subjects == ["b"]
    assert waiting() == [("a", 1)]
    assert "mail 1 (t) could not be sent" in caplog.text


def test_thread_goes_on_after_a_failure_of_the_database(
    server: FakeTransport,
    clock: StillClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("pds.services.outbox.LOOK_EVERY_S", 0.01)
    failures = [sqlite3.OperationalError("disk I/O error")]
    find_due = outgoing_mail.find_due

    def fail_once(now_us: int) -> OutgoingMailRow | None:
        if failures:
            raise failures.pop()
        return find_due(now_us)

    monkeypatch.setattr(outgoing_mail, "find_due", fail_once)
    outbox = Outbox(clock, "pds.example.com", {"service": (PDS, server)})
    queue(clock)
    thread = threading.Thread(target=outbox.send_until_stopped)
    thread.start()
    try:
        assert server.arrived.wait(5)
    finally:
        outbox.stop()
        thread.join(5)

    assert "sending mail failed" in caplog.text


def test_local_server_shows_mail_in_the_log(
    tmp_path: Path, clock: StillClock, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = build_outbox(make_config(tmp_path), clock)
    queue(clock, "Hello")
    with caplog.at_level(logging.INFO, "pds.mail"):
        assert outbox.send_due() == 1

    assert "mail to alice@example.com: Hello\ntext" in caplog.text
    LogTransport().abort()


def test_public_server_without_mail_has_no_way_out(tmp_path: Path, clock: StillClock) -> None:
    outbox = build_outbox(make_config(tmp_path, hostname="pds.example.com"), clock)
    queue(clock)

    assert outbox.send_due() == 0
    assert waiting() == []
