"""admin.sendEmail: moderators write to members."""

from __future__ import annotations

from pathlib import Path

import pytest

from pds.config import Config
from pds.storage import accounts
from pds.storage.database import execute, rows, transaction
from tests.factories import Person, make_config
from tests.leftovers import all_rows
from tests.stage import Stage, queued_mail

NSID = "com.atproto.admin.sendEmail"
STRANGER = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"


def message(did: str, **fields: str) -> dict[str, str]:
    return {
        "recipientDid": did,
        "senderDid": "did:web:mod.example.com",
        "content": "<p>Hello</p>",
        **fields,
    }


def test_message_is_queued(stage: Stage, alice: Person) -> None:
    reply = stage.ok(NSID, message(alice.did, subject="Hi\r\nBcc: x@y.z", comment="c"), admin=True)

    assert reply.json == {"sent": True}
    assert rows("SELECT sender, recipient, subject, text, html FROM outgoing_mail") == [
        ("service", alice.email, "Hi Bcc: x@y.z", "Hello\n", "<p>Hello</p>")
    ]


def test_subject_may_be_left_away(stage: Stage, alice: Person) -> None:
    stage.ok(NSID, message(alice.did), admin=True)

    assert rows("SELECT subject FROM outgoing_mail") == [("Message via your PDS",)]


def test_unknown_recipient_is_refused(stage: Stage, alice: Person) -> None:
    answer = stage.post(NSID, message(STRANGER), admin=True)

    assert answer.error == (400, "NotFound", f"Recipient not found: {STRANGER}")
    assert queued_mail() == []


def test_recipient_without_address_is_refused(stage: Stage, alice: Person) -> None:
    with transaction():
        execute("UPDATE account SET email = NULL")

    answer = stage.post(NSID, message(alice.did), admin=True)
    assert answer.error == (400, "InvalidRequest", "account does not have an email address")
    assert queued_mail() == []


def test_members_may_not(stage: Stage, alice: Person) -> None:
    before = all_rows()

    assert stage.post(NSID, message(alice.did), by=alice).status == 401
    assert all_rows() == before


def add_member() -> str:
    did = "did:plc:member"
    row = accounts.NewAccountRow(did, "m.pds.example.com", "m@example.com", None, "2026-01-01")
    with transaction():
        accounts.insert(row)
    return did


PUBLIC = {"hostname": "pds.example.com", "did_plc_url": "http://127.0.0.1:9"}


class TestWithoutMail:
    @pytest.fixture
    def config(self, tmp_path: Path) -> Config:
        return make_config(tmp_path, **PUBLIC)

    def test_the_moderator_is_told(self, stage: Stage) -> None:
        answer = stage.post(NSID, message(add_member()), admin=True)

        assert answer.error == (
            400,
            "InvalidRequest",
            "This server sends no mail: PDS_EMAIL_SMTP_URL is not set",
        )
        assert queued_mail() == []


class TestWithAServerOfTheirOwn:
    @pytest.fixture
    def config(self, tmp_path: Path) -> Config:
        return make_config(
            tmp_path,
            **PUBLIC,
            moderation_email_smtp_url="smtp://127.0.0.1:9",
            moderation_email_address="Moderation <mod@example.com>",
        )

    def test_it_is_used(self, stage: Stage) -> None:
        stage.ok(NSID, message(add_member()), admin=True)

        assert rows("SELECT sender FROM outgoing_mail") == [("moderation",)]
