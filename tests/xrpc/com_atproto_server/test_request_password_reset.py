"""requestPasswordReset: a code for who has an account; the same answer for who has none."""

from __future__ import annotations

import pytest

from pds.storage import accounts
from pds.storage.database import rows
from tests.factories import Person, take_down
from tests.leftovers import all_rows
from tests.stage import Stage, code_of, queued_mail

NSID = "com.atproto.server.requestPasswordReset"


@pytest.mark.parametrize("address", ["alice@example.com", " ALICE@Example.com "])
def test_code_is_mailed(stage: Stage, alice: Person, address: str) -> None:
    stage.ok(NSID, {"email": address})

    assert queued_mail() == [("reset_password", alice.email)]


@pytest.mark.parametrize(
    "address",
    ["nobody@example.com", "", "alice", "@", "alice@example.com\x00", "'; --", "x" * 10_000],
)
def test_unknown_address_is_answered_alike(stage: Stage, alice: Person, address: str) -> None:
    before = all_rows()
    unknown = stage.ok(NSID, {"email": address})
    assert all_rows() == before

    known = stage.ok(NSID, {"email": alice.email})
    varying = {"X-Request-Id", "Date"}
    assert unknown.body == known.body == b""
    assert {name: value for name, value in unknown.headers.items() if name not in varying} == {
        name: value for name, value in known.headers.items() if name not in varying
    }


def test_unknown_address_costs_a_write_as_well(
    stage: Stage, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered: list[str] = []
    mail = type(stage.services.mail)
    render = mail._render

    def counting(self, name, context):
        rendered.append(name)
        return render(self, name, context)

    monkeypatch.setattr(mail, "_render", counting)
    [(seq,)] = rows("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name='outgoing_mail'")
    stage.ok(NSID, {"email": "nobody@example.com"})
    stage.ok(NSID, {"email": alice.email})

    assert rendered == ["message.txt", "message.html"] * 2
    assert rows("SELECT seq FROM sqlite_sequence WHERE name='outgoing_mail'") == [(seq + 2,)]


@pytest.mark.parametrize("state", ["deactivated", "taken down"])
def test_inactive_accounts_are_served(stage: Stage, alice: Person, state: str) -> None:
    if state == "deactivated":
        stage.services.accounts.deactivate(alice.did)
    else:
        take_down(alice)

    stage.ok(NSID, {"email": alice.email})
    assert code_of(alice, "reset_password")


def test_account_that_goes_meanwhile_is_answered_as_unknown(
    stage: Stage, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = alice.row
    stage.services.accounts.delete(alice.did)
    monkeypatch.setattr(accounts, "find_by_email", lambda _email: found)

    stage.ok(NSID, {"email": alice.email})

    assert queued_mail() == []


def test_asking_again_and_again_keeps_the_last_code(stage: Stage, alice: Person) -> None:
    for _ in range(10):
        stage.ok(NSID, {"email": alice.email})
    code, mail = code_of(alice, "reset_password"), queued_mail()

    answer = stage.ok(NSID, {"email": alice.email})

    assert "on its way" in answer.headers["Hearth-Notice"]
    assert code_of(alice, "reset_password") == code
    assert queued_mail() == mail == [("reset_password", alice.email)]
