"""getPreferences: who sees what; the rules are told in services/test_preferences.py."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from pds.errors import InvalidRequestError, PdsError
from pds.services.session_scopes import Scope
from pds.xrpc.loading import load_methods
from pds.xrpc.method import Auths, Caller
from tests.factories import Person, ask

if TYPE_CHECKING:
    from pds.services import Services

NSID = "app.bsky.actor.getPreferences"
MODERATOR = Caller("moderator", "did:web:mod.example.com")
BORN = {
    "$type": "app.bsky.actor.defs#personalDetailsPref",
    "birthDate": "1990-01-01T00:00:00.000Z",
}
AGE = {
    "$type": "app.bsky.actor.defs#declaredAgePref",
    "isOverAge13": True,
    "isOverAge16": True,
    "isOverAge18": True,
}


def test_new_account_has_none(services: Services, alice: Person) -> None:
    assert ask(services, NSID, alice.caller) == {"preferences": []}


@pytest.mark.parametrize("scope", list(Scope))
def test_birth_date_is_shown_to_a_full_session_alone(
    services: Services, alice: Person, scope: Scope
) -> None:
    services.preferences.put(alice.row, [BORN], full_access=True)
    caller = dataclasses.replace(alice.caller, scope=scope)
    expected = [BORN, AGE] if scope == Scope.ACCESS else [AGE]

    assert ask(services, NSID, caller) == {"preferences": expected}


def test_question_for_another_service_gets_no_answer_of_ours(
    services: Services, alice: Person
) -> None:
    headers = {"atproto-proxy": "did:web:mod.example.com#atproto_labeler"}

    with pytest.raises(InvalidRequestError, match="does not pass requests on"):
        ask(services, NSID, alice.caller, headers=headers)


def test_moderator_sees_everything_of_the_account_they_name(
    services: Services, alice: Person, bob: Person
) -> None:
    services.preferences.put(alice.row, [BORN], full_access=True)
    services.preferences.put(bob.row, [], full_access=True)

    reply = ask(services, NSID, MODERATOR, query_string=f"did={quote(alice.did)}")

    assert reply == {"preferences": [BORN, AGE]}


@pytest.mark.parametrize(
    ("query_string", "match"),
    [
        ("", "did is required"),
        ("did=", "did is required"),
        ("did=alice.test", "did is required"),
        ("did=did:plc:a&did=did:plc:b", "did is required"),
        ("did=did:plc:ewvi7nxzyoun6zhxrhs64oiz", "Could not find repo"),
    ],
)
def test_moderator_names_one_account_of_this_server(
    services: Services, alice: Person, query_string: str, match: str
) -> None:
    with pytest.raises(PdsError, match=match) as caught:
        ask(services, NSID, MODERATOR, query_string=query_string)
    assert caught.value.status == 400


def test_members_see_their_own_whatever_they_name(
    services: Services, alice: Person, bob: Person
) -> None:
    services.preferences.put(alice.row, [BORN], full_access=True)

    reply = ask(services, NSID, bob.caller, query_string=f"did={alice.did}")

    assert reply == {"preferences": []}


def test_taken_down_accounts_and_moderators_may_ask() -> None:
    assert load_methods()[NSID].auth is Auths.USER_OR_MODERATOR
