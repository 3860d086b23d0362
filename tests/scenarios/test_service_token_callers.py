"""Calls with a service token, over HTTP: uploads for an account, and moving in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from pds.storage import accounts
from pds.storage.database import rows, transaction
from tests.factories import (
    CREATE_ACCOUNT,
    Newcomer,
    Person,
    dump_tables,
    make_newcomer,
    take_down,
)
from tests.over_http import Wire, wire
from tests.web.harness import Answer

if TYPE_CHECKING:
    from pds.services import Services

UPLOAD = "com.atproto.repo.uploadBlob"


@pytest.fixture
def http(services: Services) -> Iterator[Wire]:
    with wire(services) as client:
        yield client


def token_of(services: Services, person: Person, lxm: str | None = UPLOAD, aud: str = "") -> str:
    return services.service_auth.sign(person.row, aud or services.config.service_did, lxm)


def upload(http: Wire, token: str, content: bytes = b"a clip") -> Answer:
    return http.web.post(
        f"/xrpc/{UPLOAD}", content, Content_Type="video/mp4", Authorization=f"Bearer {token}"
    )


def test_a_service_uploads_several_times_with_one_token(
    services: Services, http: Wire, alice: Person
) -> None:
    token = token_of(services, alice)

    answers = [upload(http, token, content) for content in (b"one", b"two", b"three")]

    assert [answer.status for answer in answers] == [200, 200, 200]
    owned = rows("SELECT count(*) FROM blob WHERE account_id = ?", (alice.row.id,))
    assert owned == [(3,)]


def deactivate(services: Services, person: Person) -> None:
    services.accounts.deactivate(person.did)


def take_away(services: Services, person: Person) -> None:
    del services
    take_down(person)


def delete(services: Services, person: Person) -> None:
    del services
    with transaction():
        accounts.delete(person.row.id)


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        (deactivate, 401, "AccountDeactivated"),
        (take_away, 401, "AccountTakedown"),
        (delete, 403, "AccountNotFound"),
    ],
)
def test_a_service_uploads_only_for_active_accounts(
    services: Services,
    http: Wire,
    alice: Person,
    change: Callable[[Services, Person], None],
    status: int,
    error: str,
) -> None:
    token = token_of(services, alice)
    change(services, alice)

    assert upload(http, token).error[:2] == (status, error)
    assert rows("SELECT * FROM blob") == []


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({"lxm": CREATE_ACCOUNT}, "BadJwtLexiconMethod"),
        ({"aud": "did:web:other.example.com"}, "BadJwtAudience"),
    ],
)
def test_a_token_for_something_else_uploads_nothing(
    services: Services, http: Wire, alice: Person, claims: dict[str, str], error: str
) -> None:
    assert upload(http, token_of(services, alice, **claims)).error[:2] == (401, error)
    assert rows("SELECT * FROM blob") == []


def test_a_token_without_a_method_is_no_service_token(
    services: Services, http: Wire, alice: Person
) -> None:
    assert upload(http, token_of(services, alice, None)).error[:2] == (400, "InvalidToken")


def test_no_other_method_takes_a_users_service_token(
    services: Services, http: Wire, alice: Person
) -> None:
    for nsid in ("com.atproto.server.getSession", "com.atproto.sync.getLatestCommit"):
        token = f"Bearer {token_of(services, alice, nsid)}"
        assert http.get(nsid, token, did=alice.did).error[:2] == (400, "InvalidToken")


# --- moving in -----------------------------------------------------------------------------------


def moving(newcomer: Newcomer, **changes: Any) -> dict[str, Any]:
    return {
        "handle": "carol.test",
        "email": "carol@example.com",
        "password": "password of carol",
        "did": newcomer.did,
        **changes,
    }


def test_sign_up_that_was_refused_may_be_tried_again_with_its_token(
    services: Services, http: Wire, alice: Person
) -> None:
    newcomer = make_newcomer(services)
    caller = f"Bearer {newcomer.token(services)}"

    refused = http.post(CREATE_ACCOUNT, caller, moving(newcomer, handle=alice.handle))
    assert refused.error == (400, "InvalidRequest", "Handle already taken: alice.test")
    made = http.post(CREATE_ACCOUNT, caller, moving(newcomer))
    assert (made.status, made.json["did"]) == (200, newcomer.did)
    again = http.post(CREATE_ACCOUNT, caller, moving(newcomer))
    assert again.status == 400


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({"lxm": UPLOAD}, "BadJwtLexiconMethod"),
        ({"aud": "did:web:other.example.com"}, "BadJwtAudience"),
        ({"iss": "alice.test"}, "BadJwtIss"),
        ({"exp": 1}, "JwtExpired"),
        ({"exp": 10**10}, "BadJwt"),
        ({"now": 10**10}, "BadJwt"),
    ],
)
def test_bad_tokens_move_nobody_in(
    services: Services, http: Wire, claims: dict[str, Any], error: str
) -> None:
    newcomer = make_newcomer(services)
    before = dump_tables()
    if "now" in claims:
        claims = {**claims, "exp": services.clock() // 1_000_000 + 60}

    answer = http.post(
        CREATE_ACCOUNT, f"Bearer {newcomer.token(services, **claims)}", moving(newcomer)
    )

    assert answer.error[:2] == (401, error)
    assert dump_tables() == before


def test_another_did_than_the_signers_is_refused(services: Services, http: Wire) -> None:
    newcomer, other = make_newcomer(services), make_newcomer(services, "dora.old.test")

    answer = http.post(CREATE_ACCOUNT, f"Bearer {newcomer.token(services)}", moving(other))

    assert answer.error[:2] == (401, "AuthenticationRequired")
