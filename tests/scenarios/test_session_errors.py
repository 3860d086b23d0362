"""The methods of sessions as clients meet them: replies, and every named refusal."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from pds.storage import accounts
from pds.storage.database import transaction
from tests.factories import Person, StillClock, dump_tables, take_down
from tests.over_http import ADMIN_HEADER, Wire, wire
from tests.session_tools import payload_of, session_of, token_id_of

if TYPE_CHECKING:
    from pds.services import Services

CREATE = "com.atproto.server.createSession"
GET = "com.atproto.server.getSession"
REFRESH = "com.atproto.server.refreshSession"
DELETE = "com.atproto.server.deleteSession"
EXPIRED = (400, "ExpiredToken", "Token has expired")
REVOKED = (400, "ExpiredToken", "Token has been revoked")
DAY_S = 86_400


@pytest.fixture
def http(services: Services) -> Iterator[Wire]:
    with wire(services) as client:
        yield client


def bearer(token: str) -> str:
    return f"Bearer {token}"


def resigned(services: Services, token: str, *, typ: str, **changes: Any) -> str:
    """A token of this server with some claims changed; ``...`` takes one away."""
    claims = {**payload_of(token), **changes}
    kept = {name: value for name, value in claims.items() if value is not ...}
    return bearer(jwt.encode(kept, services.config.jwt_secret, "HS256", {"typ": typ}))


def test_whole_life_of_a_session(services: Services, http: Wire, alice: Person) -> None:
    account = {
        "did": alice.did,
        "handle": alice.handle,
        "email": alice.email,
        "emailConfirmed": False,
        "active": True,
    }
    begun = http.post(CREATE, None, {"identifier": alice.handle, "password": alice.password}).json
    services.validator.check_output(CREATE, begun)
    assert {name: begun[name] for name in begun if not name.endswith("Jwt")} == account
    shown = http.get(GET, bearer(begun["accessJwt"])).json
    services.validator.check_output(GET, shown)
    assert shown == account

    renewed = http.post(REFRESH, bearer(begun["refreshJwt"])).json
    services.validator.check_output(REFRESH, renewed)
    assert {name: renewed[name] for name in renewed if not name.endswith("Jwt")} == account
    assert session_of(renewed["accessJwt"]) == session_of(begun["accessJwt"])
    assert http.get(GET, bearer(begun["accessJwt"])).status == 200

    for _ in range(2):
        ended = http.post(DELETE, bearer(begun["refreshJwt"]))
        assert (ended.status, ended.body) == (200, b"")
    for reply in (begun, renewed):
        assert http.get(GET, bearer(reply["accessJwt"])).error == REVOKED
        assert http.post(REFRESH, bearer(reply["refreshJwt"])).error == REVOKED


def test_program_and_address_are_remembered(
    services: Services, http: Wire, alice: Person, clock: StillClock
) -> None:
    clock.advance(1)
    body = '{"identifier": "alice.test", "password": "password of alice"}'
    http.web.post(
        f"/xrpc/{CREATE}", body, Content_Type="application/json", User_Agent="Sky/1.0 (test)"
    )

    newest = services.sessions.list_sessions(alice.row.id)[0]
    assert (newest.user_agent, newest.ip) == ("Sky/1.0 (test)", "127.0.0.1")


def test_ten_refreshes_at_once_give_one_token(http: Wire, alice: Person) -> None:
    with ThreadPoolExecutor(10) as pool:
        asked = [pool.submit(http.post, REFRESH, bearer(alice.refresh_jwt)) for _ in range(10)]
        replies = [each.result() for each in asked]

    assert [reply.status for reply in replies] == [200] * 10
    assert len({token_id_of(reply.json["refreshJwt"]) for reply in replies}) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"password": "wrong"}, "Invalid identifier or password"),
        ({"identifier": "nobody.test"}, "Invalid identifier or password"),
        ({"password": "abcd-efgh-2345-wxyz"}, "Invalid identifier or password"),
        ({"password": "x" * 513}, "Password too long. Consider resetting your password."),
    ],
)
def test_wrong_credentials_begin_nothing(
    http: Wire, alice: Person, changes: dict[str, str], message: str
) -> None:
    before = dump_tables()
    body = {"identifier": alice.handle, "password": alice.password, **changes}

    assert http.post(CREATE, None, body).error == (401, "AuthenticationRequired", message)
    assert dump_tables() == before


@pytest.mark.parametrize("body", [{}, {"identifier": "alice.test"}, {"identifier": 1}, []])
def test_body_must_be_credentials(http: Wire, alice: Person, body: Any) -> None:
    assert http.post(CREATE, None, body).error[:2] == (400, "InvalidRequest")


def test_taken_down_account(services: Services, http: Wire, alice: Person) -> None:
    take_down(alice)
    body = {"identifier": alice.handle, "password": alice.password}

    assert http.post(CREATE, None, body).error[:2] == (401, "AccountTakedown")
    assert http.post(REFRESH, bearer(alice.refresh_jwt)).error[:2] == (401, "AccountTakedown")
    reply = http.post(CREATE, None, {**body, "allowTakendown": True})
    assert (reply.json["active"], reply.json["status"]) == (False, "takendown")
    limited = bearer(reply.json["accessJwt"])
    assert http.get(GET, limited).error == (400, "InvalidToken", "Bad token scope")
    assert http.get("com.atproto.sync.getRepo", limited, did=alice.did).status == 200
    refreshed = http.post(REFRESH, bearer(reply.json["refreshJwt"]))
    assert refreshed.error[:2] == (401, "AccountTakedown")

    assert http.post(DELETE, bearer(reply.json["refreshJwt"])).status == 200
    assert http.get("com.atproto.sync.getRepo", limited, did=alice.did).error == REVOKED


def test_deleted_account(services: Services, http: Wire, alice: Person) -> None:
    with transaction():
        accounts.delete(alice.row.id)

    assert http.get(GET, alice).error == REVOKED
    status, error, message = http.post(REFRESH, bearer(alice.refresh_jwt)).error
    assert (status, error) == (400, "InvalidRequest")
    assert message == f"Could not find user info for account: {alice.did}"
    assert http.post(DELETE, bearer(alice.refresh_jwt)).status == 200


def test_lapsed_tokens(http: Wire, alice: Person, clock: StillClock) -> None:
    clock.advance(2 * 3_600)
    assert http.get(GET, alice).error == EXPIRED
    clock.advance(90 * DAY_S)
    assert http.post(REFRESH, bearer(alice.refresh_jwt)).error == EXPIRED
    assert http.post(DELETE, bearer(alice.refresh_jwt)).status == 200
    assert dump_tables("session", "refresh_token") == {"session": [], "refresh_token": []}


def test_refresh_methods_want_a_refresh_token(
    services: Services, http: Wire, alice: Person
) -> None:
    before = dump_tables()
    without_id = resigned(services, alice.refresh_jwt, typ="refresh+jwt", jti=...)
    forged = bearer(alice.refresh_jwt[:-4] + "AAAA")
    expected: list[tuple[Any, tuple[int, str]]] = [
        (None, (401, "AuthMissing")),
        (alice, (400, "InvalidToken")),
        (ADMIN_HEADER, (400, "InvalidToken")),
        (forged, (400, "InvalidToken")),
        (without_id, (401, "MissingTokenId")),
    ]
    for nsid in (REFRESH, DELETE):
        for caller, error in expected:
            assert http.post(nsid, caller).error[:2] == error
    assert dump_tables() == before


def test_sessions_of_the_reference_go_on(services: Services, http: Wire, alice: Person) -> None:
    """Its access tokens name no session: the client refreshes once, and all is well."""
    access = resigned(services, alice.access_jwt, typ="at+jwt", sid=...)
    refresh = resigned(services, alice.refresh_jwt, typ="refresh+jwt", sid=...)

    assert http.get(GET, access).error == EXPIRED
    renewed = http.post(REFRESH, refresh).json
    assert http.get(GET, bearer(renewed["accessJwt"])).status == 200
    assert http.post(DELETE, refresh).status == 200
    assert http.get(GET, bearer(renewed["accessJwt"])).error == REVOKED
