"""Messages: what they say, whom they reach, and that nothing in them can do harm."""

from __future__ import annotations

import email
import string
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pytest

from pds.config import Config
from pds.errors import InvalidRequestError
from pds.mail_settings import Mailbox
from pds.services.mail import MAX_WAITING_PER_ACCOUNT, text_of
from pds.services.mail_texts import CODES, NOTICES, PURPOSES, Notice, Purpose
from pds.storage import outgoing_mail
from pds.storage.database import execute, rows, transaction
from pds.storage.outgoing_mail import OutgoingMailRow
from tests.factories import Person, StillClock, make_account, make_config

if TYPE_CHECKING:
    from pds.services import Services

MODERATOR = "did:web:mod.example.com"
FACTS = {
    "password_changed": {"others": "Everybody else is out."},
    "app_password_created": {"name": 'phone" <b>&'},
    "app_allowed": {"app": "<b>app", "scopes": "see it all", "link": "https://pds.example.com/a"},
    "new_sign_in": {"details": "25 November 2026, from 192.0.2.1"},
    "identity_changed": {"change": "the handle is now bob.example.com"},
}


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return make_config(
        tmp_path,
        service_name="The <Hearth>",
        home_url="https://home.example.com",
        logo_url="https://home.example.com/logo.png",
        support_url="https://home.example.com/help",
        primary_color="#123456",
    )


def queued() -> list[OutgoingMailRow]:
    found = []
    while (mail := outgoing_mail.find_due(2**60)) is not None:
        found.append(mail)
        with transaction():
            outgoing_mail.delete_mail(mail.id)
    return found


def only() -> OutgoingMailRow:
    [mail] = queued()
    return mail


def as_sent(services: Services, mail: OutgoingMailRow) -> EmailMessage:
    """The message as its reader's program sees it."""
    composed = services.outbox.compose(mail, Mailbox("Müller, PDS", "pds@example.com"))
    return email.message_from_bytes(composed.as_bytes(), policy=SMTP)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_mail_brings_the_code(services: Services, alice: Person, purpose: Purpose) -> None:
    services.email_tokens.request(alice.row, purpose)
    [(token,)] = rows("SELECT token FROM email_token")

    mail = only()

    assert (mail.recipient, mail.sender, mail.topic) == (alice.email, "service", purpose)
    assert mail.subject == CODES[purpose].subject
    assert mail.expires_at_us == services.clock() + 15 * 60 * 1_000_000
    for body in (mail.text, mail.html):
        assert token in body
        assert "@alice.test" in body
        assert "15 minutes" in body
        assert "https://home.example.com/help" in body
    assert "The <Hearth>" in mail.text
    assert "The &lt;Hearth&gt;" in mail.html
    assert "#123456" in mail.html


def test_mail_is_text_and_html_with_the_headers_of_a_machine(
    services: Services, alice: Person
) -> None:
    services.email_tokens.request(alice.row, "reset_password")
    mail = only()
    message = as_sent(services, mail)

    assert str(message["From"]) == '"Müller, PDS" <pds@example.com>'
    assert str(message["To"]) == "alice@example.com"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime.timestamp() == mail.created_at_us // 1_000_000
    assert message["Message-ID"] == f"<{mail.created_at_us}.{mail.id}@localhost>"
    assert message.get_content_type() == "multipart/alternative"
    plain, html = message.iter_parts()
    assert (plain.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert as_sent(services, mail)["Message-ID"] == message["Message-ID"]


def test_reset_and_confirmation_come_with_a_link(services: Services, alice: Person) -> None:
    page = "http://localhost:2583/account/{}?code="
    services.email_tokens.request(alice.row, "reset_password")
    assert page.format("reset-password") in only().text

    services.email_tokens.request(alice.row, "confirm_email")
    mail = only()
    assert page.format("confirm-email") in mail.text
    assert "https://bsky.app/intent/verify-email?code=" in mail.html


class TestWithoutTheBlueskyLink:
    @pytest.fixture
    def config(self, tmp_path: Path) -> Config:
        return make_config(tmp_path, email_disable_confirmation_link="true")

    def test_only_our_own_page_is_named(self, services: Services, alice: Person) -> None:
        services.email_tokens.request(alice.row, "confirm_email")

        mail = only()
        assert "/account/confirm-email?code=" in mail.text
        assert "bsky.app" not in mail.text + mail.html


def test_code_asked_for_again_replaces_the_mail_that_waits(
    services: Services, alice: Person, bob: Person
) -> None:
    for person in (alice, bob, alice):
        services.email_tokens.request(person.row, "reset_password")

    assert sorted(mail.recipient for mail in queued()) == [alice.email, bob.email]


@pytest.mark.parametrize("notice", get_args(Notice))
def test_notice_says_what_happened_to_whom(
    services: Services, alice: Person, notice: Notice
) -> None:
    with transaction():
        services.mail.notify(alice.row, notice, **FACTS.get(notice, {}))

    mail = only()
    assert mail.subject == NOTICES[notice].subject
    assert "@alice.test" in mail.text
    assert "@alice.test" in mail.html
    for fact in FACTS.get(notice, {}).values():
        assert fact in mail.text
    assert "<b>" not in mail.html


def test_every_fact_is_one_that_the_tests_give() -> None:
    known = {"who", "service"}
    for notice, text in NOTICES.items():
        named = {name for line in text.lines for _, name, _, _ in string.Formatter().parse(line)}
        assert named - {None} - known == set(FACTS.get(notice, {}))


def test_notice_is_queued_with_the_change_or_not_at_all(services: Services, alice: Person) -> None:
    def fail() -> None:
        with transaction():
            services.mail.notify(alice.row, "email_changed")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert queued() == []


def test_account_without_address_gets_no_notice(services: Services, alice: Person) -> None:
    with transaction():
        execute("UPDATE account SET email = NULL, handle = NULL")
        services.mail.notify(alice.row, "email_changed")
    assert queued() == []


def test_account_without_handle_is_named_by_its_did(services: Services, alice: Person) -> None:
    with transaction():
        execute("UPDATE account SET handle = NULL")
        services.mail.notify(alice.row, "email_changed")
    assert alice.did in only().text


def test_queue_of_one_account_is_bounded(
    services: Services, alice: Person, bob: Person, caplog: pytest.LogCaptureFixture
) -> None:
    with transaction():
        for _ in range(MAX_WAITING_PER_ACCOUNT + 5):
            services.mail.notify(alice.row, "new_sign_in", details="")
        services.mail.notify(bob.row, "email_changed")

    assert len(queued()) == MAX_WAITING_PER_ACCOUNT + 1
    assert "too much mail waits for @alice.test" in caplog.text


def test_strangers_cannot_have_mail_sent_again_and_again(
    services: Services, alice: Person, bob: Person, clock: StillClock
) -> None:
    def attempt(person: Person) -> None:
        with transaction():
            services.mail.notify(person.row, "sign_up_attempt")

    attempt(alice)
    attempt(alice)
    attempt(bob)
    clock.advance(3_600)
    attempt(alice)

    assert [mail.recipient for mail in queued()] == [alice.email, bob.email, alice.email]


@pytest.mark.parametrize("name", ["Evil\r\nBcc: all@example.com", "Evil\nX: y", "\u2028x\x00"])
def test_moderators_subject_stays_one_header(services: Services, alice: Person, name: str) -> None:
    services.mail.send_from_moderation(MODERATOR, alice.did, name + " ", "<p>Hello</p>")

    message = as_sent(services, only())
    assert set(message.keys()) == {
        *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"),
        *("MIME-Version", "Content-Type"),
    }


def test_moderators_mail_is_sent_as_written(services: Services, alice: Person) -> None:
    html = "<p>Your <b>post</b></p><style>p {}</style><a href='https://a.example'>Rules</a>"
    services.mail.send_from_moderation(MODERATOR, alice.did, "About your post", html)

    mail = only()
    assert (mail.subject, mail.html) == ("About your post", html)
    assert mail.text == "Your post\n<https://a.example> Rules\n"
    assert mail.sender == "service"


def test_text_of_hostile_html_is_made_without_trouble() -> None:
    assert text_of("") == "\n"
    assert text_of("<" * 1_000 + "p>x</q></p></p><script>alert(1)").strip().endswith("x")
    assert text_of("&lt;b&gt; &amp; caf&eacute;") == "<b> & café\n"


def test_moderation_without_an_address_is_refused(services: Services, alice: Person) -> None:
    with transaction():
        execute("UPDATE account SET email = NULL")

    with pytest.raises(InvalidRequestError, match="does not have an email address"):
        services.mail.send_from_moderation(MODERATOR, alice.did, "s", "h")


def test_account_named_like_a_format_is_only_a_name(services: Services) -> None:
    mallory = make_account(services, "mallory")
    with transaction():
        services.mail.notify(mallory.row, "app_password_created", name="{who.__class__} %s {0}")

    assert "{who.__class__} %s {0}" in only().text
