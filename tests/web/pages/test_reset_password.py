"""/account/reset-password: from the forgotten password to the new one, and what it tells nobody."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pds.config import Config
from pds.storage import accounts
from pds.storage.database import transaction
from tests.factories import Person, make_config
from tests.leftovers import all_rows
from tests.stage import Stage, code_of, queued_mail

RESET = "/account/reset-password"
NEW = "the new password"


@pytest.fixture
def code(stage: Stage, alice: Person) -> str:
    stage.services.password_changes.request_reset(alice.email)
    return code_of(alice, "reset_password")


def text(pattern: str, body: bytes) -> str:
    found = re.search(pattern, body.decode(), re.DOTALL)
    assert found, body
    return found[1]


def notice(body: bytes) -> str:
    return text(r'<p class="notice [a-z]+"[^>]*>(.*?)</p>', body)


def error_of(field: str, body: bytes) -> str:
    """The error that the field says it is described by."""
    tag = text(rf'(<input id="f-{field}"[^>]*>)', body)
    assert f"f-{field}-error" in text(r'aria-describedby="([^"]*)"', tag.encode())
    assert 'aria-invalid="true"' in tag
    return text(rf'<p class="error" id="f-{field}-error">(.*?)</p>', body)


def ask(stage: Stage, email: str) -> bytes:
    """Ask for a code; the page that follows."""
    answer = stage.submit(RESET, email=email)
    assert (answer.status, answer.headers["Location"]) == (303, f"{RESET}?asked=1")
    return stage.web.get(answer.headers["Location"]).body


def test_from_the_forgotten_password_to_the_new_one(stage: Stage, alice: Person) -> None:
    page = stage.web.get(RESET).body
    assert b'name="email"' in page
    assert b'name="code"' not in page

    page = ask(stage, alice.email)
    assert b'name="code"' in page
    assert b'name="email"' not in page
    code = code_of(alice, "reset_password")

    answer = stage.submit(RESET, code=code.lower(), password=NEW)
    assert answer.status == 303
    page = stage.web.get(answer.headers["Location"]).body
    assert b"Your new password is set" in page
    assert b'href="/account"' in page
    assert stage.may_log_in(alice, NEW)
    assert not stage.is_signed_in(alice)


def test_link_of_the_mail_fills_the_code_in(stage: Stage, alice: Person, code: str) -> None:
    [pending] = stage.services.email_tokens.pending()
    assert pending.link is not None
    page = stage.web.get(pending.link.removeprefix(stage.services.config.public_url)).body

    assert f'value="{code}"'.encode() in page
    assert b'autocomplete="new-password"' in page


def test_code_is_good_once(stage: Stage, alice: Person, code: str) -> None:
    stage.submit(RESET, code=code, password=NEW)
    answer = stage.submit(RESET, code=code, password="another one")

    assert answer.status == 400
    assert "used already" in error_of("code", answer.body)


@pytest.mark.parametrize(
    ("password", "told"), [("", "empty"), ("short", "at least 8 characters"), ("x" * 257, "long")]
)
def test_password_that_may_not_be_keeps_the_code_in_the_form(
    stage: Stage, alice: Person, code: str, password: str, told: str
) -> None:
    before = all_rows()
    answer = stage.submit(RESET, code=code, password=password)

    assert answer.status == 400
    assert told in error_of("password", answer.body)
    assert b"<title>Error: " in answer.body
    assert f'value="{code}"'.encode() in answer.body
    assert b"xxx" not in answer.body
    assert b"short" not in answer.body.replace(b"shortest", b"")
    assert all_rows() == before


def test_code_can_be_asked_for_without_telling_who_is_here(stage: Stage, alice: Person) -> None:
    pages = [ask(stage, email) for email in ("nobody@example.com", alice.email)]

    assert pages[0] == pages[1]
    assert notice(pages[0]) == (
        "If there is such an account: A code is on its way to the e-mail address of the account."
    )
    assert queued_mail() == [("reset_password", alice.email)]


def test_needs_neither_cookies_nor_a_token(stage: Stage, alice: Person, code: str) -> None:
    assert "Set-Cookie" not in stage.web.get(RESET).headers

    assert stage.submit(RESET, code=code, password=NEW).status == 303


class TestWithoutMail:
    @pytest.fixture
    def config(self, tmp_path: Path) -> Config:
        return make_config(
            tmp_path,
            hostname="pds.example.com",
            did_plc_url="http://127.0.0.1:9",
            contact_email_address="ops@example.com",
        )

    def test_member_is_told_whom_to_ask(
        self, stage: Stage, caplog: pytest.LogCaptureFixture
    ) -> None:
        row = accounts.NewAccountRow(
            "did:plc:m", "m.pds.example.com", "m@example.com", None, "2026-01-01"
        )
        with transaction():
            accounts.insert(row)

        page = ask(stage, "m@example.com")

        assert "Ask its operator (ops@example.com) for your code" in notice(page)
        assert "m.pds.example.com asked for a password reset" in caplog.text


class TestWithLimits:
    @pytest.fixture
    def config(self, tmp_path: Path) -> Config:
        return make_config(tmp_path, rate_limits_enabled="true")

    def test_page_shares_the_budgets_of_the_methods(self, stage: Stage) -> None:
        for number in range(15):
            assert stage.submit(RESET, email=f"nobody{number}@example.com").status == 303
        refused = stage.submit(RESET, email="nobody@example.com")
        assert (refused.status, refused.headers["Retry-After"]) == (429, "3600")
        assert "try again in" in notice(refused.body)
        body = {"email": "other@example.com"}
        assert stage.post("com.atproto.server.requestPasswordReset", body).status == 429

        for _ in range(25):
            assert stage.submit(RESET, code="AAAAA-AAAAA", password=NEW).status == 400
            assert stage.submit("/account/confirm-email", code="AAAAA-AAAAA").status == 400
        assert stage.submit(RESET, code="AAAAA-AAAAA", password=NEW).status == 429

    def test_mailbox_is_not_filled_through_the_page_either(
        self, stage: Stage, alice: Person
    ) -> None:
        def send(address: str) -> int:
            body = f"email={alice.email.upper()}"
            kind = "application/x-www-form-urlencoded"
            return stage.web.post(RESET, body, Content_Type=kind, X_Forwarded_For=address).status

        sent = [send(f"192.0.2.{number}") for number in range(6)]

        assert sent == [303] * 5 + [429]
        assert queued_mail() == [("reset_password", alice.email)]
