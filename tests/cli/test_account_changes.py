"""pdsadmin account set-handle."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Operator
from tests.factories import read_events


@pytest.mark.parametrize("handle", ["alice2", "alice2.test", "@Alice2.test"])
def test_account_has_the_new_handle_everywhere(operator: Operator, handle: str) -> None:
    did = operator.create("alice")["did"]

    changed = operator.ask("account", "set-handle", "alice", handle)

    assert (changed["did"], changed["handle"]) == (did, "alice2.test")
    with operator.services() as services:
        document = services.identity.did_document(did)
        assert services.handles.resolve("alice2.test") == did
        assert [event["handle"] for kind, event in read_events() if kind == "#identity"] == [
            "alice.test",
            "alice2.test",
        ]
    assert document["alsoKnownAs"] == ["at://alice2.test"]


def test_operator_may_give_reserved_names(operator: Operator) -> None:
    operator.create("alice")

    result = operator.run("account", "set-handle", "alice", "admin")

    assert result.stdout == "alice.test is admin.test now.\n"


def test_refused_handle_changes_nothing(operator: Operator) -> None:
    operator.create("alice")
    operator.create("bob")

    assert operator.fail("account", "set-handle", "alice", "bob") == (
        "Handle already taken: bob.test; choose another handle"
    )
    assert operator.fail("account", "set-handle", "alice", "a b").startswith("Invalid handle")
    assert operator.fail("account", "set-handle", "nobody", "carol").startswith("there is no")


def test_domain_that_does_not_point_to_the_account_is_refused_with_what_its_owner_does(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator.create("alice")
    monkeypatch.setattr("pds.services.handles.Handles._external_did", lambda *_: None)

    said = operator.fail("account", "set-handle", "alice", "alice.example.com")

    assert "a TXT record at _atproto.<handle> that says did=<DID>" in said
