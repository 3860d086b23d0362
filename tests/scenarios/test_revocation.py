"""Once a session has ended, its access token opens no door any more: over HTTP, for every method.

The ways to end one are told in ``tests/services/test_session_endings.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from pds.services.takedowns import AccountSubject, Takedown
from pds.xrpc.loading import load_methods
from pds.xrpc.method import Method
from tests.factories import Person, dump_tables, read_events
from tests.session_tools import log_out, refresh, tie_to_app_password
from tests.stage import code_of
from tests.web.harness import Answer, Running, running

if TYPE_CHECKING:
    from pds.services import Services

USER_KINDS = ("access", "optional", "upload")
REVOKED = (400, "ExpiredToken", "Token has been revoked")

GUARDED = [
    method
    for method in load_methods().values()
    if method.auth.kind in USER_KINDS and method.handler.__module__.startswith("pds.")
]
# Parameters are checked before the caller is, so these must be well-formed.
PARAMS = {
    "app.bsky.actor.getProfile": ("actor",),
    "app.bsky.actor.getProfiles": ("actors",),
    "app.bsky.feed.getActorLikes": ("actor",),
    "app.bsky.feed.getAuthorFeed": ("actor",),
    "app.bsky.ageassurance.getState": ("countryCode",),
    "app.bsky.feed.getFeed": ("feed",),
    "app.bsky.feed.getPostThread": ("uri",),
    "com.atproto.sync.getBlob": ("did", "cid"),
    "com.atproto.sync.getBlocks": ("did", "cids"),
    "com.atproto.sync.getLatestCommit": ("did",),
    "com.atproto.sync.getRecord": ("did", "collection", "rkey"),
    "com.atproto.sync.getRepo": ("did",),
    "com.atproto.sync.getCheckout": ("did",),
    "com.atproto.sync.getHead": ("did",),
    "com.atproto.sync.listBlobs": ("did",),
    "com.atproto.server.getServiceAuth": ("aud",),
}
CID = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"


@pytest.fixture
def web(services: Services) -> Iterator[Running]:
    with running(services, load_methods()) as server:
        yield server


def send(web: Running, method: Method, person: Person, token: str) -> Answer:
    values = {
        "did": person.did,
        "actor": person.did,
        "actors": person.did,
        "countryCode": "GB",
        "feed": f"at://{person.did}/app.bsky.feed.generator/cats",
        "uri": f"at://{person.did}/app.bsky.feed.post/self",
        "aud": person.did,
        "cid": CID,
        "cids": CID,
        "collection": "app.bsky.feed.post",
        "rkey": "self",
    }
    wanted = {name: values[name] for name in PARAMS.get(method.nsid, ())}
    path = f"/xrpc/{method.nsid}?{urlencode(wanted)}"
    if method.kind == "query":
        return web.get(path, Authorization=f"Bearer {token}")
    return web.post_json(path, {}, Authorization=f"Bearer {token}")


def end_by_log_out(services: Services, person: Person) -> None:
    log_out(services, person.refresh_jwt)


def end_by_log_out_with_used_token(services: Services, person: Person) -> None:
    refresh(services, person.refresh_jwt)
    log_out(services, person.refresh_jwt)


def end_by_new_password(services: Services, person: Person) -> None:
    services.password_changes.request_reset(person.email)
    services.password_changes.reset(code_of(person, "reset_password"), "a new password")


def end_by_operators_password(services: Services, person: Person) -> None:
    services.password_changes.change_by_operator(person.did, "a new password")


def end_by_app_password(services: Services, person: Person) -> None:
    tie_to_app_password(person.row, person.access_jwt)
    services.app_passwords.revoke(person.did, "phone")


def end_by_takedown(services: Services, person: Person) -> None:
    services.takedowns.update(AccountSubject(person.did), Takedown(applied=True), deactivated=None)


def end_by_takedown_and_its_reversal(services: Services, person: Person) -> None:
    for applied in (True, False):
        services.takedowns.update(
            AccountSubject(person.did), Takedown(applied=applied), deactivated=None
        )


def end_by_deletion(services: Services, person: Person) -> None:
    services.accounts.delete(person.did)
    services.accounts.clean_up()  # so that nothing goes on in the background


@pytest.mark.parametrize(
    "end",
    [
        end_by_log_out,
        end_by_log_out_with_used_token,
        end_by_new_password,
        end_by_operators_password,
        end_by_app_password,
        end_by_takedown,
        end_by_takedown_and_its_reversal,
        end_by_deletion,
    ],
)
def test_token_stops_working_at_once(
    services: Services, web: Running, alice: Person, end: Callable[[Services, Person], None]
) -> None:
    query, procedure, upload, read = (
        load_methods()[nsid]
        for nsid in (
            "com.atproto.server.getSession",
            "com.atproto.repo.createRecord",
            "com.atproto.repo.uploadBlob",
            "com.atproto.sync.getLatestCommit",
        )
    )
    worked = [send(web, method, alice, alice.access_jwt) for method in (query, upload, read)]
    assert [answer.status for answer in worked] == [200, 200, 200]

    end(services, alice)

    before = dump_tables(), read_events()
    for method in (query, procedure, upload, read):
        assert send(web, method, alice, alice.access_jwt).error == REVOKED
    assert (dump_tables(), read_events()) == before


def test_no_method_takes_the_token_of_a_session_that_has_ended(
    services: Services, web: Running, alice: Person
) -> None:
    log_out(services, alice.refresh_jwt)

    answers = {method.nsid: send(web, method, alice, alice.access_jwt).error for method in GUARDED}

    assert len(answers) > 10
    assert {nsid: error for nsid, error in answers.items() if error != REVOKED} == {}


def test_session_of_a_takedown_ends_with_it(
    services: Services, web: Running, alice: Person
) -> None:
    end_by_takedown(services, alice)
    session = services.sessions.login(alice.handle, alice.password, allow_takendown=True)
    read = load_methods()["com.atproto.sync.getRepo"]
    assert send(web, read, alice, session.tokens.access_jwt).status == 200

    services.takedowns.update(AccountSubject(alice.did), Takedown(applied=False), deactivated=None)

    assert send(web, read, alice, session.tokens.access_jwt).error == REVOKED
