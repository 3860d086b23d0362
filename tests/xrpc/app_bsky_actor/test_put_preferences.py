"""putPreferences: what the Lexicon demands; the rules are told in services/test_preferences.py."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest

from pds.errors import InvalidRequestError
from pds.services.session_scopes import Scope
from pds.xrpc.lexicon_check import read_input
from pds.xrpc.loading import load_methods
from pds.xrpc.method import Auths
from tests.app_view import LaggingAppView
from tests.factories import Person, ask, dump_tables

if TYPE_CHECKING:
    from pds.services import Services

NSID = "app.bsky.actor.putPreferences"
DEFS = "app.bsky.actor.defs"
ADULT = {"$type": f"{DEFS}#adultContentPref", "enabled": True}
BORN = {"$type": f"{DEFS}#personalDetailsPref", "birthDate": "1990-01-01T00:00:00.000Z"}


def put(services: Services, person: Person, *wanted: Any, **fields: Any) -> Any:
    """The body goes the way of a request's: JSON, then the Lexicon."""
    body = json.dumps({"preferences": wanted}).encode()
    caller = fields.pop("caller", person.caller)
    return ask(services, NSID, caller, input=read_input(services.validator, NSID, body), **fields)


def test_preferences_are_kept(services: Services, alice: Person) -> None:
    assert put(services, alice, ADULT, BORN) is None

    assert services.preferences.get(alice.row, full_access=True)[:2] == [ADULT, BORN]


@pytest.mark.parametrize(
    ("wanted", "match"),
    [
        ({"enabled": True}, r"preferences/1/\$type is required|\$type"),
        ({"$type": 5}, r"\$type"),
        ("text", "object"),
        ({"$type": f"{DEFS}#adultContentPref"}, "enabled"),
        ({"$type": f"{DEFS}#adultContentPref", "enabled": "yes"}, "enabled"),
        ({"$type": f"{DEFS}#personalDetailsPref", "birthDate": "1990"}, "birthDate"),
        ({"$type": f"{DEFS}#interestsPref", "tags": ["x"] * 101}, "tags"),
        ({"$type": "com.example#pref"}, "namespace"),
    ],
)
def test_wrong_preference_is_refused_and_nothing_changes(
    services: Services, alice: Person, wanted: Any, match: str
) -> None:
    put(services, alice, ADULT)
    before = dump_tables("preference")

    with pytest.raises(InvalidRequestError, match=match):
        put(services, alice, {**ADULT, "enabled": False}, wanted)
    assert dump_tables("preference") == before


@pytest.mark.parametrize("scope", [Scope.APP_PASS, Scope.APP_PASS_PRIVILEGED])
def test_app_passwords_may_not_set_the_birth_date(
    services: Services, alice: Person, scope: Scope
) -> None:
    caller = dataclasses.replace(alice.caller, scope=scope)

    with pytest.raises(InvalidRequestError, match="authorization"):
        put(services, alice, ADULT, BORN, caller=caller)
    assert dump_tables("preference") == {"preference": []}
    put(services, alice, ADULT, caller=caller)
    assert services.preferences.get(alice.row, full_access=True) == [ADULT]


def test_preferences_for_another_service_are_passed_on_and_not_kept(
    app_view: LaggingAppView,
) -> None:
    proxy = app_view.proxy
    body, to = json.dumps({"preferences": [ADULT]}), f"{proxy.stranger.did}#bsky_chat"

    answer = proxy.ask(NSID, verb="POST", body=body, to=to, Content_Type="application/json")

    assert (answer.status, answer.body) == (200, b"")
    [asked] = proxy.stranger.asked
    assert json.loads(asked.body) == {"preferences": [ADULT]}
    assert dump_tables("preference") == {"preference": []}


def test_what_another_service_refuses_is_told(app_view: LaggingAppView) -> None:
    proxy = app_view.proxy
    refusal = b'{"error":"Full","message":"no"}'
    proxy.stranger.routes[f"/xrpc/{NSID}"] = (400, {}, refusal)

    answer = proxy.ask(
        NSID,
        verb="POST",
        body=json.dumps({"preferences": []}),
        to=f"{proxy.stranger.did}#bsky_chat",
        Content_Type="application/json",
    )

    assert answer.error == (400, "Full", "no")


def test_taken_down_accounts_may_not() -> None:
    assert load_methods()[NSID].auth is Auths.USER_NOT_TAKEN_DOWN
