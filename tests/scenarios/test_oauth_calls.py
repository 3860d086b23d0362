"""Apps call methods with DPoP: what they are told, and every proof and token that is refused.

The server listens on another port than its public address says, so nothing here rests on Host.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from pds.atproto.oauth.jwk import ALGORITHMS
from pds.storage import oauth_grants
from pds.storage.database import transaction
from tests.atproto.oauth.tokens import key_pair
from tests.factories import Person, StillClock, make_account, race, take_down
from tests.grant_tools import make_grant
from tests.oauth_tools import App, let_in
from tests.session_tools import payload_of
from tests.stage import Stage
from tests.web.harness import Answer, Running

if TYPE_CHECKING:
    from pds.services import Services

SESSION = "/xrpc/com.atproto.server.getSession"
CREATE = "com.atproto.repo.createRecord"
POST = "app.bsky.feed.post"
WINDOW_S = 60


@dataclass(frozen=True)
class House:
    web: Running
    services: Services
    alice: Person
    app: App

    def ask(self, verb: str = "GET", path: str = SESSION, **changes: Any) -> Answer:
        """With a proof that is right but for ``changes``."""
        return self.app.send(self.web, verb, path, **changes)

    def raw(self, *headers: str, path: str = SESSION) -> bytes:
        lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Connection: close", *headers, "", ""]
        return self.web.exchange("\r\n".join(lines).encode())


@pytest.fixture
def house(stage: Stage, services: Services, alice: Person) -> House:
    app = let_in(services, alice)
    app.nonce = services.oauth.proofs.next_nonce()
    return House(stage.web, services, alice, app)


def challenge(error: str) -> str:
    return f'DPoP algs="{" ".join(ALGORITHMS)}", error="{error}", error_description="'


def check_refused(answer: Answer, error: str) -> None:
    """As clients know it, with what they need to try again."""
    assert (answer.status, answer.json["error"]) == (401, error)
    assert answer.headers["WWW-Authenticate"].startswith(challenge(error))
    check_marked(answer)


def check_marked(answer: Answer) -> None:
    """What every answer to a DPoP request says, good or bad."""
    assert len(answer.headers.get_all("DPoP-Nonce")) == 1
    [exposed] = answer.headers.get_all("Access-Control-Expose-Headers")
    assert {"DPoP-Nonce", "WWW-Authenticate"} <= set(exposed.split(", "))
    assert answer.headers["Cache-Control"].startswith("private")
    assert "Authorization" in answer.headers["Vary"]


# --- what is answered -----------------------------------------------------------------------------


def test_first_call_is_told_the_nonce_and_the_second_succeeds(house: House) -> None:
    house.app.nonce = None

    first = house.ask()
    check_refused(first, "use_dpop_nonce")
    second = house.ask()

    assert second.status == 200
    assert second.json["did"] == house.alice.did
    check_marked(second)
    assert second.headers["DPoP-Nonce"] == first.headers["DPoP-Nonce"]


def test_scheme_is_read_in_any_case(house: House) -> None:
    answer = house.web.request(
        "GET",
        SESSION,
        headers={
            "Authorization": f"dPoP {house.app.access_token}",
            "DPoP": house.app.proof("GET", SESSION),
        },
    )

    assert answer.status == 200
    check_marked(answer)


def test_every_answer_carries_the_nonce_once(house: House) -> None:
    """Also of methods for nobody, of failures before the proof is looked at, and to browsers."""
    headers = {"Authorization": house.app.authorization, "Origin": "https://app.example.org"}
    for path, status in (
        ("/xrpc/com.atproto.server.describeServer", 200),
        (SESSION, 401),
        ("/xrpc/com.atproto.repo.listRecords", 400),
        ("/xrpc/nonsense", 501),
        ("/xrpc/com.atproto.server.createInviteCode", 400),
    ):
        answer = house.web.request("GET", path, headers=headers)
        assert answer.status == status, path
        check_marked(answer)


def test_apps_are_told_what_admins_methods_want(house: House) -> None:
    answer = house.ask("GET", "/xrpc/com.atproto.admin.getInviteCodes")

    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Basic realm="admin"')
    check_marked(answer)


def test_other_callers_get_no_nonce(house: House) -> None:
    answer = house.web.get(SESSION, Authorization=f"Bearer {house.alice.access_jwt}")

    assert answer.status == 200
    assert answer.headers["DPoP-Nonce"] is None
    assert answer.headers["Access-Control-Expose-Headers"] is None


def test_what_an_app_writes_is_its_members(house: House) -> None:
    record = {"$type": POST, "text": "by an app", "createdAt": "2026-01-01T00:00:00.000Z"}

    answer = house.app.post(
        house.web, CREATE, {"repo": house.alice.did, "collection": POST, "record": record}
    )

    assert answer.status == 200
    assert answer.json["uri"].startswith(f"at://{house.alice.did}/{POST}/")


def test_an_app_writes_nowhere_else(house: House, bob: Person) -> None:
    answer = house.app.post(
        house.web, CREATE, {"repo": bob.did, "collection": POST, "record": {"$type": POST}}
    )

    assert answer.error[:2] == (401, "AuthenticationRequired")
    assert house.services.records.collections(bob.row) == []


# --- the URL and the method -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "stated"),
    [
        (f"{SESSION}?a=b&c=d", SESSION),
        (f"{SESSION}?a=b", f"{SESSION}?a=b"),
        (SESSION, f"{SESSION}?other=query#fragment"),
        ("/XRPC/com.atproto.server.getSession", "/XRPC/com.atproto.server.getSession"),
        (f"{SESSION}/", f"{SESSION}/"),
        ("/xrpc/com.atproto.server.%67etSession", SESSION),
    ],
)
def test_url_counts_without_its_query(house: House, sent: str, stated: str) -> None:
    assert house.ask(path=sent, htu=house.services.config.public_url + stated).status == 200


def test_head_is_a_method_of_its_own(house: House) -> None:
    assert house.ask("HEAD").status == 200
    assert house.ask("HEAD", htm="GET").status == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"htm": "POST"},
        {"htm": "get"},
        {"htm": None},
        {"htu": None},
        {"htu": "http://localhost:2583/xrpc/com.atproto.server.describeServer"},
        {"htu": "http://localhost:2583"},
        {"htu": "https://localhost:2583/xrpc/com.atproto.server.getSession"},
        {"htu": "http://pds.example.com/xrpc/com.atproto.server.getSession"},
        {"htu": "http://me:pw@localhost:2583/xrpc/com.atproto.server.getSession"},
        {"htu": "/xrpc/com.atproto.server.getSession"},
        {"access_token": None},
        {"access_token": "another token"},
        {"ath": "nonsense"},
        {"jti": None},
        {"jti": ""},
        {"iat": None},
        {"iat": 0},
        {"header": {"typ": "JWT"}},
        {"header": {"alg": "none"}},
        {"header": {"alg": "HS256"}},
        {"header": {"jwk": None}},
        {"nonce": 7},
    ],
    ids=str,
)
def test_bad_proof_is_refused(house: House, changes: dict[str, Any]) -> None:
    check_refused(house.ask(**changes), "invalid_dpop_proof")

    assert house.ask().status == 200


def test_proof_is_signed_with_the_key_it_shows(house: House) -> None:
    check_refused(house.ask(header={"jwk": key_pair(number=3).json}), "invalid_dpop_proof")


def test_proof_must_not_tell_the_private_key(house: House) -> None:
    told = {**house.app.key.json, "d": "AQ"}

    check_refused(house.ask(header={"jwk": told}), "invalid_dpop_proof")


@pytest.mark.parametrize("algorithm", ["ES256K", "ES384", "PS256"])
def test_keys_of_other_kinds_are_as_good(house: House, algorithm: str) -> None:
    app = let_in(house.services, house.alice, key=key_pair(algorithm))
    app.nonce = house.app.nonce

    assert app.send(house.web, "GET", SESSION).status == 200


def test_host_header_decides_nothing(house: House) -> None:
    theirs = f"http://127.0.0.1:{house.web.port}{SESSION}"

    check_refused(house.ask(htu=theirs), "invalid_dpop_proof")
    assert house.ask(headers={"Host": "elsewhere.example.com"}).status == 200


def test_one_proof_header_and_no_more(house: House) -> None:
    app = house.app
    token, one, other = app.authorization, app.proof("GET", SESSION), app.proof("GET", SESSION)

    missing = house.raw(f"Authorization: {token}")
    twice = house.raw(f"Authorization: {token}", f"DPoP: {one}", f"DPoP: {other}")
    empty = house.raw(f"Authorization: {token}", "DPoP: ")
    alone = house.raw(f"Authorization: {token}", f"DPoP: {one}")

    for refused in (missing, twice, empty):
        assert refused.startswith(b"HTTP/1.1 401 ")
        assert b'"error":"invalid_dpop_proof"' in refused
        assert f"Www-Authenticate: {challenge('invalid_dpop_proof')}".encode() in refused
    assert alone.startswith(b"HTTP/1.1 200 ")


# --- once, and in time ----------------------------------------------------------------------------


def test_proof_is_good_once(house: House) -> None:
    headers = {"Authorization": house.app.authorization, "DPoP": house.app.proof("GET", SESSION)}

    assert house.web.request("GET", SESSION, headers=headers).status == 200
    check_refused(house.web.request("GET", SESSION, headers=headers), "invalid_dpop_proof")


def test_of_one_proof_sent_many_times_at_once_one_request_is_let_in(house: House) -> None:
    record = {"$type": POST, "text": "once", "createdAt": "2026-01-01T00:00:00.000Z"}
    body = json.dumps({"repo": house.alice.did, "collection": POST, "record": record})
    path = f"/xrpc/{CREATE}"
    headers = {
        "Authorization": house.app.authorization,
        "DPoP": house.app.proof("POST", path),
        "Content-Type": "application/json",
    }

    answers = race([lambda: house.web.request("POST", path, body, headers)] * 4)

    assert sorted(getattr(answer, "status", 0) for answer in answers) == [200, 401, 401, 401]
    page = house.services.records.list_page(
        house.alice.did, POST, limit=10, cursor=None, reverse=False
    )
    assert len(page) == 1


def test_proof_refused_for_its_nonce_may_come_again(house: House) -> None:
    nonce, house.app.nonce = house.app.nonce, None

    check_refused(house.ask(jti="the same"), "use_dpop_nonce")
    assert house.ask(jti="the same", nonce=nonce).status == 200


@pytest.mark.parametrize(("windows", "is_good"), [(0, True), (1, True), (2, True), (3, False)])
def test_nonce_lives_for_three_windows(
    house: House, clock: StillClock, windows: int, is_good: bool
) -> None:
    nonce = house.app.nonce
    clock.advance(windows * WINDOW_S)

    answer = house.ask(nonce=nonce)

    assert answer.status == (200 if is_good else 401)
    if not is_good:
        check_refused(answer, "use_dpop_nonce")


@pytest.mark.parametrize(
    ("age_s", "is_good"), [(-180, True), (-185, False), (190, True), (195, False)]
)
def test_proof_is_of_now(house: House, clock: StillClock, age_s: int, is_good: bool) -> None:
    answer = house.ask(iat=clock.now_us // 1_000_000 - age_s)

    assert answer.status == (200 if is_good else 401)


# --- the token ------------------------------------------------------------------------------------


def test_bound_token_is_no_bearer_token(house: House) -> None:
    answer = house.web.get(SESSION, Authorization=f"Bearer {house.app.access_token}")
    assert answer.error[:2] == (400, "InvalidToken")

    with_proof = {"Authorization": f"Bearer {house.app.access_token}"}
    with_proof["DPoP"] = house.app.proof("GET", SESSION)
    assert house.web.request("GET", SESSION, headers=with_proof).status == 400


def test_password_sessions_token_is_no_dpop_token(house: House) -> None:
    house.app.access_token = house.alice.access_jwt
    check_refused(house.ask(), "invalid_token")

    house.app.access_token = house.alice.refresh_jwt
    check_refused(house.ask(), "invalid_token")


def test_token_counts_with_its_own_key_only(house: House) -> None:
    house.app.key = key_pair(number=5)

    check_refused(house.ask(), "invalid_token")


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "did:web:other.example.com"},
        {"iss": "https://other.example.com"},
        {"jti": "tok-" + "0" * 32},
        {"jti": None},
    ],
    ids=str,
)
def test_token_of_others_is_refused(house: House, changes: dict[str, Any]) -> None:
    """Signed with our key, as no other server's can be: only what it says is wrong."""
    grants: Any = house.services.oauth.grants
    claims = {**payload_of(house.app.access_token), **changes}
    token = jwt.encode(claims, grants._tokens._key, "HS256", {"typ": "at+jwt"})
    house.app.access_token = token

    check_refused(house.ask(), "invalid_token")


def test_forged_token_is_refused(house: House) -> None:
    claims = payload_of(house.app.access_token)
    house.app.access_token = jwt.encode(claims, "x" * 64, "HS256", {"typ": "at+jwt"})

    check_refused(house.ask(), "invalid_token")


@pytest.mark.parametrize("token", ["x", "a.b.c", "é", "x" * 20_000])
def test_nonsense_is_refused(house: House, token: str) -> None:
    answer = house.web.request(
        "GET",
        SESSION,
        headers={
            "Authorization": f"DPoP {token}".encode().decode("latin-1"),
            "DPoP": house.app.proof("GET", SESSION, access_token=token),
        },
    )

    assert answer.status in (400, 401)
    check_marked(answer)


def test_expired_token_is_refused(house: House, clock: StillClock) -> None:
    clock.advance(31 * 60)
    house.app.nonce = house.services.oauth.proofs.next_nonce()

    check_refused(house.ask(), "invalid_token")


def test_revoked_grant_ends_its_token_at_once(house: House) -> None:
    assert house.ask().status == 200
    with transaction():
        oauth_grants.delete(house.app.grant_id)

    check_refused(house.ask(), "invalid_token")


def test_token_of_a_replaced_row_is_refused(house: House) -> None:
    """After a refresh there is another token, and only that one."""
    _, tokens = make_grant(house.services, house.alice, dpop_jkt=house.app.key.jwk.thumbprint)
    with transaction():
        oauth_grants.delete(house.app.grant_id)
    house.app.access_token = tokens.access_token

    assert house.ask().status == 200


def test_grant_without_atproto_is_good_for_nothing(house: House) -> None:
    app = let_in(house.services, house.alice, "transition:generic")
    app.nonce = house.app.nonce

    check_refused(app.send(house.web, "GET", SESSION), "invalid_token")


# --- the account ----------------------------------------------------------------------------------


def test_takedown_ends_what_apps_can_do(house: House) -> None:
    """Where a password session could still appeal as well."""
    take_down(house.alice)

    check_refused(house.ask(), "invalid_token")
    report = "/xrpc/com.atproto.identity.requestPlcOperationSignature"
    check_refused(house.ask("POST", report), "invalid_token")


def test_deactivated_account_can_be_looked_at_and_not_written(house: House) -> None:
    house.services.accounts.deactivate(house.alice.did)

    answer = house.ask()
    assert (answer.status, answer.json["active"]) == (200, False)
    record = {"$type": POST, "text": "", "createdAt": "2026-01-01T00:00:00.000Z"}
    refused = house.app.post(
        house.web, CREATE, {"repo": house.alice.did, "collection": POST, "record": record}
    )
    assert refused.error[:2] == (401, "AccountDeactivated")
    assert "error=" not in refused.headers["WWW-Authenticate"]
    check_marked(refused)


def test_deleted_account_takes_its_tokens_along(house: House) -> None:
    other = make_account(house.services, "carol")
    app = let_in(house.services, other)
    app.nonce = house.app.nonce
    assert app.send(house.web, "GET", SESSION).status == 200

    house.services.accounts.delete(other.did)

    check_refused(app.send(house.web, "GET", SESSION), "invalid_token")
