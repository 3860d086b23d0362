"""Handing over one message to this machine's sendmail."""

from __future__ import annotations

import os
import stat
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest

from pds.mail_settings import smtp_url
from pds.network import sendmail as module
from pds.network.mail_errors import MailDelayedError, MailRefusedError, MailServerError
from pds.network.sendmail import SendmailTransport, may_gain_no_rights, needs_rights
from pds.network.smtp import check_server, transport_for

HELO = "pds.example.com"


def message(recipient: str = "alice@example.com", text: str = "Grüße\n.\nbye") -> EmailMessage:
    made = EmailMessage(policy=SMTP)
    made["From"] = Address("My PDS", addr_spec="pds@example.com")
    user, _, domain = recipient.rpartition("@")
    made["To"] = Address(username=user, domain=domain)
    made["Subject"] = "Hello"
    made.set_content(text)
    made.add_alternative("<p>Grüße</p>", subtype="html")
    return made


@pytest.fixture
def sendmail(tmp_path: Path) -> Path:
    """A program that notes what it was given, and ends with the status in the file ``status``."""
    program = tmp_path / "sendmail"
    program.write_text(
        "#!/bin/sh\n"
        f'cd "{tmp_path}"\n'
        'printf "%s\\n" "$@" > arguments\n'
        "env > environment\n"
        "cat > message\n"
        "echo trouble >&2\n"
        "exit $(cat status 2>/dev/null || echo 0)\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def test_sendmail_is_given_the_message(sendmail: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "PDS_JWT_SECRET", "s3cret")
    SendmailTransport(str(sendmail)).send(message("-o@example.com"))

    folder = sendmail.parent
    arguments = (folder / "arguments").read_text().splitlines()
    assert arguments == ["-i", "-f", "pds@example.com", "--", "-o@example.com"]
    content = (folder / "message").read_bytes()
    assert b"Subject: Hello\n" in content
    assert b"\r" not in content
    assert "s3cret" not in (folder / "environment").read_text()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (65, MailRefusedError),
        (67, MailRefusedError),
        (75, MailDelayedError),
        (78, MailServerError),
        (1, MailServerError),
    ],
)
def test_status_of_sendmail_says_what_to_do(
    sendmail: Path, status: int, error: type[Exception]
) -> None:
    (sendmail.parent / "status").write_text(str(status))

    with pytest.raises(error, match=f"status {status} trouble"):
        SendmailTransport(str(sendmail)).send(message())


def test_missing_sendmail_is_told(tmp_path: Path) -> None:
    with pytest.raises(MailServerError, match="cannot be run"):
        SendmailTransport(str(tmp_path / "nothing")).send(message())
    assert isinstance(transport_for(smtp_url("smtp:///?sendmail=true"), HELO), SendmailTransport)
    SendmailTransport().abort()


def test_sendmail_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "sendmail"
    monkeypatch.setattr(module, "SENDMAIL", str(program))
    there_is_none = pytest.raises(MailServerError, match="cannot be run")
    with there_is_none:
        check_server(smtp_url("smtp:///?sendmail=true"), HELO)

    program.touch(mode=0o755)
    check_server(smtp_url("smtp:///?sendmail=true"), HELO)


def test_a_service_that_may_gain_no_rights_is_told_before_it_tries(
    sendmail: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = sendmail.parent / "status-of-process"
    monkeypatch.setattr(module, "_OWN_STATUS", status)
    status.write_text("Name:\tpython\nNoNewPrivs:\t1\nSeccomp:\t2\n")
    SendmailTransport(str(sendmail)).send(message())
    postdrop = sendmail.with_name("postdrop")
    postdrop.touch()
    postdrop.chmod(0o2755)

    with pytest.raises(MailServerError, match=r"PDS_EMAIL_SMTP_URL=smtp://localhost:25\?ignoreTLS"):
        SendmailTransport(str(sendmail)).send(message())

    status.write_text("Name:\tpython\nNoNewPrivs:\t0\n")
    SendmailTransport(str(sendmail)).send(message())


def test_whether_rights_are_needed_is_seen_through_links(tmp_path: Path) -> None:
    real, link = tmp_path / "bin/exim4", tmp_path / "sendmail"
    real.parent.mkdir()
    real.touch(mode=0o755)
    link.symlink_to(real)
    assert not needs_rights(str(link))

    real.chmod(0o4755)
    assert needs_rights(str(link))


def test_a_process_that_does_not_tell_is_taken_for_a_free_one(tmp_path: Path) -> None:
    assert not may_gain_no_rights(tmp_path / "nothing")
