"""``pdsadmin mail test`` with real mail servers: what is shown, and what it makes of failures."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Operator
from tests.fakes.mail_server import free_port, mail_server, make_certificate

SECRET = "hush-hush"


@pytest.fixture
def set_up(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    del operator
    monkeypatch.setenv("PDS_EMAIL_FROM_ADDRESS", "My PDS <pds@example.com>")
    return monkeypatch


def test_message_arrives_and_the_conversation_is_shown(
    operator: Operator, set_up: pytest.MonkeyPatch
) -> None:
    with mail_server(user="me@example.com", password=SECRET) as server:
        set_up.setenv(
            "PDS_EMAIL_SMTP_URL", f"smtp://me%40example.com:{SECRET}@127.0.0.1:{server.port}"
        )
        result = operator.run("mail", "test", "--to", "alice@example.com")

    assert (result.exit_code, result.stderr) == (0, "")
    [mail] = server.delivered
    assert (mail.sender, mail.recipients) == ("pds@example.com", ["alice@example.com"])
    assert mail.user == "me@example.com"
    assert "there is nothing to do" in mail.body()
    lines = [line.strip() for line in result.stdout.splitlines()]
    assert f"connecting to 127.0.0.1, port {server.port}" in lines
    assert "> rcpt TO:<alice@example.com>" in [line.replace("RCPT", "rcpt") for line in lines]
    assert lines[-1].startswith("The mail server has taken it.")
    assert SECRET not in result.stdout
    assert "> AUTH" in result.stdout


def test_for_programs_it_is_one_document(operator: Operator, set_up: pytest.MonkeyPatch) -> None:
    with mail_server() as server:
        set_up.setenv("PDS_EMAIL_SMTP_URL", f"smtp://127.0.0.1:{server.port}")
        told = operator.ask("mail", "test", "--to", "alice@example.com")

    assert told["to"] == "alice@example.com"
    assert any(line.startswith("< 250") for line in told["dialogue"])


def test_without_a_recipient_it_goes_to_the_operator(
    operator: Operator, set_up: pytest.MonkeyPatch
) -> None:
    with mail_server() as server:
        set_up.setenv("PDS_EMAIL_SMTP_URL", f"smtp://127.0.0.1:{server.port}")
        assert operator.fail("mail", "test").startswith("say where it goes with --to")
        set_up.setenv("PDS_CONTACT_EMAIL_ADDRESS", "op@example.com")
        assert operator.ask("mail", "test")["to"] == "op@example.com"

    [mail] = server.delivered
    assert mail.recipients == ["op@example.com"]


def failure(operator: Operator, set_up: pytest.MonkeyPatch, url: str) -> str:
    set_up.setenv("PDS_EMAIL_SMTP_URL", url)
    result = operator.run("mail", "test", "--to", "alice@example.com")
    assert result.exit_code == 1
    [line] = result.stderr.splitlines()
    assert SECRET not in result.stdout + result.stderr
    return line


def test_wrong_password_is_named(operator: Operator, set_up: pytest.MonkeyPatch) -> None:
    with mail_server(user="me", password="other") as server:
        line = failure(operator, set_up, f"smtp://me:{SECRET}@127.0.0.1:{server.port}")

    assert "535" in line
    assert "user or password is wrong" in line


def test_closed_port_is_named(operator: Operator, set_up: pytest.MonkeyPatch) -> None:
    port = free_port()

    line = failure(operator, set_up, f"smtp://127.0.0.1:{port}")

    assert f"nothing listens on port {port}" in line
    assert "block mail ports" in line


def test_unknown_certificate_is_named(
    operator: Operator, set_up: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with mail_server("smtps", certificate=make_certificate(tmp_path)) as server:
        line = failure(operator, set_up, f"smtps://127.0.0.1:{server.port}")

    assert "the certificate is not one of 127.0.0.1" in line


def test_encryption_where_there_is_none_is_named(
    operator: Operator, set_up: pytest.MonkeyPatch
) -> None:
    with mail_server() as server:
        line = failure(operator, set_up, f"smtps://127.0.0.1:{server.port}")

    assert "does not begin encrypted; use smtp:// there" in line


@pytest.mark.parametrize(
    ("reply", "cause"),
    [
        ("550 5.1.1 no such user", "the address does not exist"),
        ("450 4.7.1 greylisted", "try again later, which the server does by itself"),
        ("553 5.7.1 sender not yours", "prove to it that the address or its domain is yours"),
        ("599 strange", "ask the provider what it means"),
    ],
)
def test_refusals_are_explained(
    operator: Operator, set_up: pytest.MonkeyPatch, reply: str, cause: str
) -> None:
    with mail_server() as server:
        server.rcpt_replies = [reply]
        line = failure(operator, set_up, f"smtp://127.0.0.1:{server.port}")

    assert reply in line
    assert cause in line


def test_without_a_mail_server_there_is_nothing_to_try(operator: Operator) -> None:
    for words in (("--to", "alice@example.com"), ()):
        assert "PDS_EMAIL_SMTP_URL is not set" in operator.fail("mail", "test", *words)


def test_recipient_must_be_an_address(operator: Operator, set_up: pytest.MonkeyPatch) -> None:
    set_up.setenv("PDS_EMAIL_SMTP_URL", "smtp://127.0.0.1:25")

    assert "not an e-mail address" in operator.fail("mail", "test", "--to", "alice")
