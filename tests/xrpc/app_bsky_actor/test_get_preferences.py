"""getPreferences: who sees what; the rules are told in services/test_preferences.py."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from pds.atproto.oauth.scopes.granted import ScopeSet
from pds.errors import InvalidRequestError, PdsError
from pds.services.session_scopes import Scope
from pds.xrpc.loading import load_methods
from pds.xrpc.method import Auths, Caller
from tests.app_view import LaggingAppView
from tests.factories import Person, ask, take_down
from tests.session_tools import access_as

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


@pytest.mark.parametrize("scope", ["transition:generic", f"rpc:{NSID}?aud=*"])
def test_apps_do_not_see_the_birth_date_and_leave_it_as_it_is(
    services: Services, alice: Person, scope: str
) -> None:
    services.preferences.put(alice.row, [BORN], full_access=True)
    caller = Caller("user", alice.did, scopes=ScopeSet.parse(f"atproto {scope}"))

    assert ask(services, NSID, caller) == {"preferences": [AGE]}
    ask(services, NSID.replace("get", "put"), caller, input={"preferences": []})
    assert BORN in ask(services, NSID, alice.caller)["preferences"]
    with pytest.raises(InvalidRequestError):
        ask(services, NSID.replace("get", "put"), caller, input={"preferences": [BORN]})


def test_a_question_for_another_service_is_passed_on(app_view: LaggingAppView) -> None:
    proxy = app_view.proxy

    got = proxy.echo(NSID, "?did=x", to=f"{proxy.stranger.did}#bsky_chat")

    assert (got["method"], got["path"]) == ("GET", f"/xrpc/{NSID}?did=x")
    [claims] = proxy.stranger.claims
    assert (claims.iss, claims.aud) == (proxy.alice.did, proxy.stranger.did)
    assert app_view.is_asked(NSID, to=f"{proxy.app_view.did}#bsky_appview") == {"preferences": []}
    assert proxy.app_view.asked == []


def test_another_service_must_be_one(app_view: LaggingAppView) -> None:
    message = "no service id specified in proxy header"

    assert app_view.proxy.ask(NSID, to="nonsense").error == (400, "InvalidRequest", message)


def test_whoever_is_taken_down_is_not_passed_on(app_view: LaggingAppView) -> None:
    proxy = app_view.proxy
    take_down(proxy.alice)
    token = access_as(proxy.services, proxy.alice, Scope.TAKENDOWN)

    refused = proxy.ask(NSID, to=f"{proxy.stranger.did}#bsky_chat", token=token)

    assert refused.error[:2] == (401, "AccountTakedown")
    assert proxy.stranger.asked == []


def test_moderators_are_not_passed_on(services: Services) -> None:
    headers = {"atproto-proxy": "did:web:mod.example.com#atproto_labeler"}

    with pytest.raises(InvalidRequestError, match="not passed on"):
        ask(services, NSID, MODERATOR, headers=headers)


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
