"""The same flows on a public server that sends no mail: the operator reads the codes out."""

from __future__ import annotations

import logging
import smtplib
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pds.config import Config
from pds.services.passwords import hash_password
from pds.storage import accounts
from pds.storage.database import execute, rows, transaction
from tests.factories import Person, make_config
from tests.stage import Stage, sending_mail

if TYPE_CHECKING:
    from pds.services import Services

SERVER = "com.atproto.server"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return make_config(
        tmp_path,
        hostname="pds.example.com",
        did_plc_url="http://127.0.0.1:9",
        contact_email_address="ops@example.com",
    )


@pytest.fixture(autouse=True)
def no_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a mail server nor sendmail may even be tried."""

    def fail(*_: Any, **__: Any) -> None:
        message = "mail was sent"
        raise AssertionError(message)

    monkeypatch.setattr(smtplib.SMTP, "__init__", fail)
    monkeypatch.setattr(subprocess, "run", fail)


@pytest.fixture
def member(services: Services) -> Person:
    new = accounts.NewAccountRow(
        "did:plc:member",
        "member.pds.example.com",
        "member@example.com",
        hash_password("the password"),
        "2026-01-01T00:00:00.000Z",
    )
    with transaction():
        accounts.insert(new)
    return signed_in(services, "the password")


def signed_in(services: Services, password: str) -> Person:
    session = services.sessions.login("member.pds.example.com", password)
    row, tokens = session.account, session.tokens
    assert row.handle is not None
    assert row.email is not None
    return Person(row.did, row.handle, row.email, password, tokens.access_jwt, tokens.refresh_jwt)


def read_out(stage: Stage, purpose: str) -> str:
    """What ``pdsadmin account codes`` shows."""
    [code] = [code for code in stage.services.email_tokens.pending() if code.purpose == purpose]
    return code.code


def test_every_flow_goes_through(
    stage: Stage, member: Person, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    used = []

    def code(purpose: str) -> str:
        used.append(read_out(stage, purpose))
        return used[-1]

    with sending_mail(stage.services):
        asked = stage.ok(f"{SERVER}.requestEmailConfirmation", by=member)
        assert asked.headers["Hearth-Notice"].startswith(
            "This server sends no mail. Ask its operator (ops@example.com) for your code"
        )
        body = {"email": member.email, "token": code("confirm_email")}
        stage.ok(f"{SERVER}.confirmEmail", body, by=member)

        reply = stage.ok(f"{SERVER}.requestEmailUpdate", by=member).json
        assert "Ask its operator (ops@example.com)" in reply["message"]
        new = {"email": "new@example.com", "token": code("update_email")}
        stage.ok(f"{SERVER}.updateEmail", new, by=member)

        stage.ok(f"{SERVER}.requestAccountDelete", by=member)
        assert code("delete_account")

        unknown = stage.ok(f"{SERVER}.requestPasswordReset", {"email": "nobody@example.com"})
        known = stage.ok(f"{SERVER}.requestPasswordReset", {"email": "new@example.com"})
        assert unknown.headers["Hearth-Notice"] == known.headers["Hearth-Notice"]
        reset = {"token": code("reset_password"), "password": "the new password"}
        stage.ok(f"{SERVER}.resetPassword", reset)

    assert not stage.is_signed_in(member)
    assert signed_in(stage.services, "the new password").email == "new@example.com"
    assert rows("SELECT * FROM outgoing_mail") == []
    asked_for = [line for line in caplog.messages if "pdsadmin account codes" in line]
    assert asked_for == [
        f"member.pds.example.com {what}; read the code with: pdsadmin account codes"
        for what in (
            "asked to confirm their e-mail address",
            "asked to change their e-mail address",
            "asked to delete their account",
            "asked for a password reset",
        )
    ]
    for secret in (*used, "the password", "the new password"):
        assert secret not in caplog.text


def test_links_for_the_operator_to_hand_over_work(stage: Stage, member: Person) -> None:
    stage.ok(f"{SERVER}.requestEmailConfirmation", by=member)
    stage.ok(f"{SERVER}.requestPasswordReset", {"email": member.email})
    links = {code.purpose: code.link for code in stage.services.email_tokens.pending()}

    for purpose, status, fields in (
        ("confirm_email", 200, {}),
        ("reset_password", 303, {"password": "the new password"}),
    ):
        link = links[purpose]
        assert link is not None
        path = link.removeprefix("https://pds.example.com")
        assert stage.web.get(path).status == 200
        where, _, code = path.partition("?code=")
        assert stage.submit(where, code=code, **fields).status == status

    assert member.row.is_email_confirmed
    assert signed_in(stage.services, "the new password").did == member.did


def test_notices_do_not_pile_up(stage: Stage, member: Person) -> None:
    with transaction():
        for _ in range(5):
            stage.services.mail.notify(member.row, "email_changed")

    assert rows("SELECT * FROM outgoing_mail") == []


def test_one_statement_in_sqlite3_is_enough_to_confirm(stage: Stage, member: Person) -> None:
    with transaction():
        execute("update account set emailConfirmedAt = '2026-01-01' where handle like 'member.%'")

    headers = {"Authorization": f"Bearer {member.access_jwt}"}
    session = stage.web.get("/xrpc/com.atproto.server.getSession", **headers).json
    assert session["emailConfirmed"] is True
    assert stage.ok(f"{SERVER}.requestEmailUpdate", by=member).json["tokenRequired"] is True
