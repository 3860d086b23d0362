"""checkHandleAvailability: the two shapes of the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.factories import Person, ask
from tests.over_http import wire

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.temp.checkHandleAvailability"


def test_available_handle(services: Services) -> None:
    assert ask(services, NSID, params={"handle": "Alice.test"}) == {
        "handle": "Alice.test",
        "result": {"$type": f"{NSID}#resultAvailable"},
    }


def test_unavailable_handle_comes_with_others(services: Services, alice: Person) -> None:
    given = {"handle": "alice.test", "birthDate": "1952-05-04T00:00:00.000Z"}
    reply = ask(services, NSID, params=given)

    assert reply["result"]["$type"] == f"{NSID}#resultUnavailable"
    assert reply["result"]["suggestions"][:2] == [
        {"handle": "alice52.test", "method": "year"},
        {"handle": "alice2.test", "method": "number"},
    ]


def test_bad_parameters_are_named(services: Services) -> None:
    with wire(services) as http:
        for params, name in (
            ({}, "InvalidRequest"),
            ({"handle": "nonsense"}, "InvalidRequest"),
            ({"handle": "alice.test", "birthDate": "yesterday"}, "InvalidRequest"),
            ({"handle": "alice.test", "email": "nonsense"}, "InvalidEmail"),
        ):
            assert http.get(NSID, **params).error[:2] == (400, name)
