"""Every method, called by apps with different scopes, gives the answer of the table.

The table (``oauth_scopes_table.py``) is reviewed by hand against the specification. Whatever is
refused must have changed nothing, here or elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from pds.storage import database
from pds.xrpc.loading import load_methods
from pds.xrpc.method import Method
from tests.factories import Person, StillClock, make_account
from tests.oauth_tools import App, let_in
from tests.proxy_stage import ProxyStage, open_proxy_stage
from tests.scenarios.oauth_scopes_table import (
    ALLOWED,
    COLUMNS,
    IGNORED,
    MISSING,
    NEVER,
    OTHER_CALLS,
    OTHERS,
    TABLE,
    Other,
)
from tests.scenarios.sample_calls import SAMPLES, fill
from tests.web.harness import Answer

METHODS = {
    nsid: method
    for nsid, method in load_methods().items()
    if method.handler.__module__.startswith("pds.") and method.kind != "subscription"
}
OF_USERS = ("access", "optional", "user_or_moderator", "upload")
NOT_SUPPORTED = "OAuth credentials are not supported"


def test_every_method_is_in_the_table() -> None:
    assert sorted(TABLE) == sorted([*METHODS, *OTHER_CALLS])


@dataclass(frozen=True)
class Member:
    """Each column has a member of its own, so that what one call changes cannot decide another."""

    person: Person
    app: App

    @property
    def names(self) -> dict[str, str]:
        person = self.person
        return {
            "did": person.did,
            "handle": person.handle,
            "email": person.email,
            "password": person.password,
        }


@dataclass(frozen=True)
class House:
    proxy: ProxyStage
    members: dict[str, Member]

    def marks(self, call: str) -> dict[str, str]:
        return {column: self._mark(call, member) for column, member in self.members.items()}

    def _mark(self, call: str, member: Member) -> str:
        before = self._state()
        answer = self._ask(call, member)
        mark = _mark_of(answer, METHODS.get(call.rpartition(" ")[2]))
        if mark in (MISSING, NEVER):
            assert self._state() == before, f"{call} was refused, and has changed something"
        return mark

    def _state(self) -> tuple[object, ...]:
        """What differs after any write by the server, and after any call of other services.

        The data version moves with every commit of another connection than this one.
        """
        [(version,)] = database.rows("PRAGMA data_version")
        return version, [len(upstream.server.asked) for upstream in self.proxy.upstreams]

    def _ask(self, call: str, member: Member) -> Answer:
        given = OTHER_CALLS.get(call) or self._sample(call)
        names = member.names | {"app_view": quote(f"{self.proxy.app_view.did}#bsky_appview")}
        headers = {}
        if given.to is not None:
            headers["atproto-proxy"] = f"{self.proxy.stranger.did}#{given.to}"
        content = given.body
        if content is not None:
            headers["Content-Type"] = given.content_type
        if isinstance(content, dict):
            content = json.dumps(fill(content, names)).encode()
        method = METHODS.get(given.path)
        verb = "POST" if method is not None and method.kind == "procedure" else "GET"
        path = f"/xrpc/{fill(given.path, names)}"
        return member.app.ask(self.proxy.stage.web, verb, path, content, headers)

    def _sample(self, nsid: str) -> Other:
        sample = SAMPLES[nsid]
        query = f"?{urlencode(sample.params, safe='{}')}" if sample.params else ""
        return Other(nsid + query, body=sample.body, content_type=sample.content_type)


def _mark_of(answer: Answer, method: Method | None) -> str:
    kind = "access" if method is None else method.auth.kind
    if kind == "none":
        return IGNORED
    if kind not in OF_USERS:
        assert answer.status in (400, 401), answer.body
        return OTHERS
    if answer.status != 403:
        assert answer.status != 401, answer.body
        return ALLOWED
    _, name, message = answer.error
    if message.startswith(NOT_SUPPORTED):
        is_named_otherwise = method is not None and method.nsid.endswith(".deactivateAccount")
        assert name == ("ScopeMissingError" if is_named_otherwise else "Forbidden")
        return NEVER
    assert (name, message[:24]) == ("ScopeMissingError", 'Missing required scope "')
    return MISSING


@pytest.fixture
def house(tmp_path: Path, clock: StillClock, open_database: Path) -> Iterator[House]:
    del open_database
    with open_proxy_stage(tmp_path, clock) as proxy:
        audience = quote(f"{proxy.app_view.did}#bsky_appview", safe=":")
        members = {}
        for number, (column, scopes) in enumerate(COLUMNS.items()):
            person = make_account(proxy.services, f"member{number}")
            scope = f"atproto {scopes.format(app_view=audience)}".strip()
            members[column] = Member(person, let_in(proxy.services, person, scope))
        yield House(proxy, members)


@pytest.mark.slow
def test_scopes_permit_what_the_table_says(house: House) -> None:
    found = {call: house.marks(call) for call in TABLE}

    assert found == TABLE
