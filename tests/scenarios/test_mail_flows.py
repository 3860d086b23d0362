"""Everything that takes a code, from asking to done, with a real mail server in between."""

from __future__ import annotations

import logging
import re
import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pds.config import Config
from pds.jobs.schedule import Job, Schedule
from pds.services import build_services
from pds.services.outbox import DELAYS_S
from pds.storage.database import rows
from tests.factories import Person, StillClock, make_config
from tests.fakes.mail_server import MailServer, free_port, mail_server
from tests.stage import Stage, code_of, open_stage, queued_mail, sending_mail

if TYPE_CHECKING:
    from pds.services import Services

SERVER = "com.atproto.server"
SMTP_PASSWORD = "sm7p-s3cret"


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with mail_server(user="pds", password=SMTP_PASSWORD) as server:
        yield server


@pytest.fixture
def config(tmp_path: Path, mail: MailServer) -> Config:
    return config_for(tmp_path, mail.port)


def config_for(folder: Path, port: int) -> Config:
    return make_config(
        folder,
        email_smtp_url=f"smtp://pds:{SMTP_PASSWORD}@127.0.0.1:{port}",
        email_from_address="Our PDS <pds@example.com>",
    )


@pytest.fixture
def sending(services: Services) -> Iterator[None]:
    with sending_mail(services):
        yield


def reset(stage: Stage, code: str, password: str = "the new password") -> int:
    return stage.post(f"{SERVER}.resetPassword", {"token": code, "password": password}).status


@pytest.mark.usefixtures("sending")
def test_member_confirms_changes_and_resets(
    stage: Stage, alice: Person, mail: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    codes = []

    stage.ok(f"{SERVER}.requestEmailConfirmation", by=alice)
    codes.append(mail.last_code(1))
    stage.ok(f"{SERVER}.confirmEmail", {"email": alice.email, "token": codes[-1]}, by=alice)
    assert stage.ok(f"{SERVER}.requestEmailUpdate", by=alice).json["tokenRequired"]
    codes.append(mail.last_code(2))
    new = {"email": "new@example.com", "token": codes[-1]}
    stage.ok(f"{SERVER}.updateEmail", new, by=alice)
    assert mail.wait_for(3)[-1].recipients == [alice.email]
    stage.ok(f"{SERVER}.requestEmailConfirmation", by=alice)
    codes.append(mail.last_code(4))
    stage.ok(f"{SERVER}.confirmEmail", {"email": "new@example.com", "token": codes[-1]}, by=alice)
    stage.ok(f"{SERVER}.requestAccountDelete", by=alice)
    codes.append(mail.last_code(5))
    stage.ok(f"{SERVER}.requestPasswordReset", {"email": "new@example.com"})
    codes.append(mail.last_code(6))
    assert reset(stage, codes[-1]) == 200
    delivered = mail.wait_for(7)
    notice = delivered[-1]

    assert stage.may_log_in(alice, "the new password")  # of which a mail tells in its turn
    assert alice.row.email == "new@example.com"
    assert alice.row.is_email_confirmed
    assert notice.message["Subject"] == "Your password was changed"
    assert {one.user for one in delivered} == {"pds"}
    assert {one.sender for one in delivered} == {"pds@example.com"}
    assert [one.recipients for one in delivered[3:]] == [["new@example.com"]] * 4
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("pds")]
    assert ours
    for secret in (*codes, SMTP_PASSWORD, alice.password, "the new password"):
        assert not any(secret in line for line in ours)


@pytest.mark.usefixtures("sending")
def test_link_in_the_mail_leads_to_a_page_that_works(
    stage: Stage, alice: Person, mail: MailServer
) -> None:
    stage.ok(f"{SERVER}.requestEmailConfirmation", by=alice)
    body = mail.wait_for(1)[0].body("html")
    found = re.search(r'href="http://localhost:2583(/account/confirm-email\?code=([^"]+))"', body)
    assert found

    assert found[2].encode() in stage.web.get(found[1]).body
    assert stage.submit("/account/confirm-email", code=found[2]).status == 200
    assert alice.row.is_email_confirmed


@pytest.mark.usefixtures("sending")
def test_mail_is_out_within_two_seconds(stage: Stage, alice: Person, mail: MailServer) -> None:
    started = time.monotonic()
    stage.ok(f"{SERVER}.requestPasswordReset", {"email": alice.email})
    mail.wait_for(1)

    assert time.monotonic() - started < 2


@pytest.mark.usefixtures("sending")
def test_greylisted_mail_arrives_later(
    stage: Stage, alice: Person, mail: MailServer, clock: StillClock
) -> None:
    mail.rcpt_replies.append("451 4.7.1 greylisted, come back later")
    stage.ok(f"{SERVER}.requestPasswordReset", {"email": alice.email})
    _wait_until(lambda: rows("SELECT tries FROM outgoing_mail") == [(1,)])
    assert mail.delivered == []

    clock.advance(DELAYS_S[0])
    stage.services.outbox.wake()

    assert reset(stage, mail.last_code()) == 200


@pytest.mark.usefixtures("sending")
def test_refused_recipient_is_final_and_hinders_nobody(
    stage: Stage, alice: Person, bob: Person, mail: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    mail.rcpt_replies.append("550 5.1.1 no such user")
    stage.ok(f"{SERVER}.requestPasswordReset", {"email": alice.email})
    _wait_until(lambda: queued_mail() == [])
    stage.ok(f"{SERVER}.requestPasswordReset", {"email": bob.email})

    assert mail.wait_for(1)[0].recipients == [bob.email]
    assert "is not sent: 550 5.1.1 no such user" in caplog.text
    assert reset(stage, code_of(alice, "reset_password")) == 200


class TestServerThatIsAway:
    """Nothing waits for it, nothing is lost."""

    @pytest.fixture
    def port(self) -> int:
        return free_port()

    @pytest.fixture
    def config(self, tmp_path: Path, port: int) -> Config:
        return config_for(tmp_path, port)

    def test_mail_arrives_once_it_is_back(
        self,
        stage: Stage,
        alice: Person,
        port: int,
        clock: StillClock,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        with sending_mail(stage.services):
            started = time.monotonic()
            stage.ok(f"{SERVER}.requestPasswordReset", {"email": alice.email})
            assert time.monotonic() - started < 2
            _wait_until(lambda: rows("SELECT tries FROM outgoing_mail") == [(1,)])
            assert "the mail server does not take mail" in caplog.text

            with mail_server(user="pds", password=SMTP_PASSWORD, port=port) as mail:
                clock.advance(DELAYS_S[0])
                stage.services.outbox.wake()
                assert reset(stage, mail.last_code()) == 200
                mail.wait_for(2)

    def test_mail_survives_the_end_of_the_process(
        self, services: Services, config: Config, alice: Person, port: int, clock: StillClock
    ) -> None:
        with open_stage(services) as stage:
            stage.ok(f"{SERVER}.requestPasswordReset", {"email": alice.email})
        again = build_services(config, clock)
        back = mail_server(user="pds", password=SMTP_PASSWORD, port=port)
        try:
            with back as mail, sending_mail(again), open_stage(again) as stage:
                assert reset(stage, mail.last_code()) == 200
                mail.wait_for(2)
        finally:
            again.close()

    def test_lapsed_code_is_not_sent(
        self, stage: Stage, alice: Person, port: int, clock: StillClock
    ) -> None:
        stage.ok(f"{SERVER}.requestPasswordReset", {"email": alice.email})
        clock.advance(15 * 60)
        back = mail_server(user="pds", password=SMTP_PASSWORD, port=port)
        with back as mail, sending_mail(stage.services):
            _wait_until(lambda: queued_mail() == [])
        assert mail.attempts == 0


class TestSlowServer:
    @pytest.fixture
    def silent(self) -> Iterator[tuple[int, threading.Event]]:
        """A port that accepts and says nothing; set once somebody has come."""
        came, done = threading.Event(), threading.Event()
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def linger() -> None:
                connection, _ = listener.accept()
                with connection:
                    came.set()
                    done.wait(10)

            thread = threading.Thread(target=linger)
            thread.start()
            try:
                yield listener.getsockname()[1], came
            finally:
                done.set()
                thread.join(5)

    @pytest.fixture
    def config(self, tmp_path: Path, silent: tuple[int, threading.Event]) -> Config:
        return make_config(
            tmp_path,
            email_smtp_url=f"smtp://127.0.0.1:{silent[0]}?socketTimeout=1500",
            email_from_address="pds@example.com",
        )

    def test_neither_requests_nor_jobs_wait_for_it(
        self, stage: Stage, alice: Person, silent: tuple[int, threading.Event]
    ) -> None:
        ran = threading.Event()
        job = Job("other", timedelta(days=1), lambda _: ran.set())
        with sending_mail(stage.services):
            stage.ok(f"{SERVER}.requestPasswordReset", {"email": alice.email})
            assert silent[1].wait(5)
            schedule = Schedule(stage.services, (job,), timedelta(0))
            schedule.start()
            try:
                assert ran.wait(5)
                assert stage.is_signed_in(alice)
                assert queued_mail() == [("reset_password", alice.email)]
            finally:
                schedule.stop()


def _wait_until(condition, timeout_s: float = 5.0) -> None:
    until = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.01)
