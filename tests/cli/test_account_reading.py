"""pdsadmin account list, info."""

from __future__ import annotations

import pytest

from pds.services import account_listing
from pds.services.record_writes import Write
from tests.cli.conftest import Operator


def test_list_is_an_aligned_table_in_the_order_the_accounts_were_made(operator: Operator) -> None:
    carol, bob = operator.create("carol"), operator.create("bob")
    operator.ask("account", "deactivate", "bob")

    lines = operator.run("account", "list").stdout.splitlines()

    assert lines == [
        f"{'Handle':10}  {'E-mail':17}  {'DID':32}  Status",
        f"{'carol.test':10}  carol@example.com  {carol['did']}  active",
        f"{'bob.test':10}  {'bob@example.com':17}  {bob['did']}  deactivated",
    ]


def test_list_of_nobody_is_a_heading(operator: Operator) -> None:
    assert operator.run("account", "list").stdout == "Handle  E-mail  DID  Status\n"
    assert operator.ask("account", "list") == {"accounts": []}


def test_list_does_not_end_with_a_page(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["alice", "bob", "carol", "dave", "erin"]
    for name in names:
        operator.create(name)
    monkeypatch.setattr(account_listing, "PAGE", 2)

    listed = operator.ask("account", "list")["accounts"]

    assert [account["handle"] for account in listed] == [f"{name}.test" for name in names]


def test_list_is_narrowed_by_text_and_status(operator: Operator) -> None:
    alice, bob = operator.create("alice"), operator.create("bob")
    operator.ask("account", "deactivate", "alice")

    def listed(*words: str) -> list[str]:
        return [account["did"] for account in operator.ask("account", "list", *words)["accounts"]]

    assert listed("ALI") == [alice["did"]]
    assert listed("bob@") == [bob["did"]]
    assert listed(bob["did"][-8:]) == [bob["did"]]
    assert listed("--inactive") == [alice["did"]]
    assert listed("bob", "--inactive") == []


@pytest.mark.parametrize("name", ["alice", "@alice.test", "ALICE.test", "Alice@example.com"])
def test_account_is_found_by_any_of_its_names(operator: Operator, name: str) -> None:
    did = operator.create("alice")["did"]

    assert operator.ask("account", "info", name)["did"] == did
    assert operator.ask("account", "info", did)["did"] == did


def test_info_tells_what_the_account_holds(operator: Operator) -> None:
    made = operator.create("alice")
    with operator.services() as services:
        account = services.accounts.get_account("alice.test")
        record = {"$type": "app.bsky.feed.post", "text": "x", "createdAt": "2026-01-01T00:00:00Z"}
        write = Write("create", "app.bsky.feed.post", services.repos.next_rkey(), record)
        commit = services.repos.apply_writes(account, [write])

    known = operator.ask("account", "info", "alice")
    told = operator.run("account", "info", "alice").stdout

    assert (known["records"], known["blobs"], known["missingBlobs"]) == (1, 0, 0)
    assert (known["rev"], known["head"]) == (commit.rev, str(commit.cid))
    assert {key: value for key, value in made.items() if key != "password"}.items() <= known.items()
    assert "Records   : 1\n" in told
    assert "Confirmed : not confirmed\n" in told
