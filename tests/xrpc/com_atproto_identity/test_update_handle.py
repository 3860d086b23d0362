"""updateHandle: who may, and what every refusal looks like on the wire."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pds.services import build_services
from pds.services.session_scopes import Scope
from tests.factories import (
    Person,
    StillClock,
    dump_tables,
    make_account,
    make_config,
    read_events,
    take_down,
)
from tests.fakes.plc_directory import FakePlcDirectory
from tests.fakes.web_server import web_server
from tests.over_http import ADMIN_HEADER, wire
from tests.session_tools import access_as

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.identity.updateHandle"


def test_handle_is_changed(services: Services, alice: Person) -> None:
    with wire(services) as http:
        answer = http.post(NSID, alice, {"handle": "Alice2.test"})
        shown = http.get("com.atproto.repo.describeRepo", repo=alice.did).json

    assert (answer.status, answer.body) == (200, b"")
    assert (shown["handle"], shown["handleIsCorrect"]) == ("alice2.test", True)
    assert read_events(4)[0][1]["handle"] == "alice2.test"


@pytest.mark.parametrize(
    ("handle", "name", "message"),
    [
        ("not a handle", "InvalidRequest", "handle"),
        ("alice.invalid", "InvalidHandle", "TLD"),
        ("a.b.test", "InvalidHandle", "Invalid characters in handle"),
        ("al.test", "InvalidHandle", "Handle too short"),
        (f"{'a' * 19}.test", "InvalidHandle", "Handle too long"),
        ("f4-gg0t.test", "InvalidHandle", "Inappropriate language in handle"),
        ("admin.test", "HandleNotAvailable", "Reserved handle"),
        ("bob.test", "HandleNotAvailable", "Handle already taken: bob.test"),
    ],
)
def test_refusals_are_named_and_change_nothing(
    services: Services, alice: Person, handle: str, name: str, message: str
) -> None:
    make_account(services, "bob")
    before = dump_tables(), dump_tables("identity_change")
    with wire(services) as http:
        status, error, said = http.post(NSID, alice, {"handle": handle}).error

    assert (status, error) == (400, name)
    assert message in said
    assert (dump_tables(), dump_tables("identity_change")) == before


def test_directory_that_fails_is_a_bad_gateway(tmp_path: Path, open_database: Path) -> None:
    del open_database
    directory = FakePlcDirectory()
    with web_server() as server:
        server.otherwise = directory.answer
        services = build_services(make_config(tmp_path, did_plc_url=server.url), StillClock())
        alice = make_account(services, "alice")
        before = dump_tables(), dump_tables("identity_change")
        directory.broken = 503
        with wire(services) as http:
            answer = http.post(NSID, alice, {"handle": "alice2.test"})
        services.close()

    assert answer.error[:2] == (502, "UpstreamFailure")
    assert (dump_tables(), dump_tables("identity_change")) == before


def test_only_the_owner_with_every_right_may(services: Services, alice: Person) -> None:
    callers = {
        None: (401, "AuthMissing"),
        ADMIN_HEADER: (400, "InvalidToken"),
        f"Bearer {alice.refresh_jwt}": (400, "InvalidToken"),
    }
    for scope in (Scope.APP_PASS, Scope.APP_PASS_PRIVILEGED, Scope.TAKENDOWN):
        callers[f"Bearer {access_as(services, alice, scope)}"] = (400, "InvalidToken")
    before = dump_tables()
    with wire(services) as http:
        for caller, expected in callers.items():
            answer = http.post(NSID, caller, {"handle": "alice2.test"})
            assert answer.error[:2] == expected, caller
        assert dump_tables() == before

        services.accounts.deactivate(alice.did)
        assert http.post(NSID, alice, {"handle": "alice2.test"}).status == 200

        take_down(alice)
        assert http.post(NSID, alice, {"handle": "alice3.test"}).error[:2] == (
            401,
            "AccountTakedown",
        )
    assert alice.row.handle == "alice2.test"
