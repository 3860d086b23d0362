"""Limits, caps and invite codes of the whole server, as clients meet them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pds.atproto.cid import cid_for_raw
from pds.config import Config
from pds.services.rate_limits import Spending
from pds.storage.database import rows, transaction
from pds.xrpc.limits import UPLOAD_BLOB
from tests.factories import Person, dump_tables, make_account, make_code, make_config, new_account
from tests.over_http import ADMIN_HEADER, Wire, wire
from tests.stage import queued_mail

if TYPE_CHECKING:
    from pds.services import Services
    from tests.web.harness import Answer

SERVER = "com.atproto.server"
ADMIN = "com.atproto.admin"
WRONG_ADMIN = "Basic YWRtaW46d3Jvbmc="
NOBODY = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return make_config(
        tmp_path,
        rate_limits_enabled="true",
        invite_required="true",
        invite_interval="1000",
        sign_ups_per_hour="3",
    )


@pytest.fixture
def alice(services: Services) -> Person:
    return make_account(services, "alice", invite_code=make_code(services))


@pytest.fixture
def http(services: Services) -> Iterator[Wire]:
    with wire(services) as client:
        yield client


def post_from(http: Wire, address: str, nsid: str, body: dict[str, Any]) -> Answer:
    return http.web.post_json(f"/xrpc/{nsid}", body, X_Forwarded_For=address)


def everything() -> dict[str, list[tuple[Any, ...]]]:
    return dump_tables("account", "session", "invite_code", "invite_code_use", "outgoing_mail")


# --- rate limits ---------------------------------------------------------------------------------


def test_sixth_mail_within_an_hour_is_not_sent(http: Wire, alice: Person) -> None:
    nsid = f"{SERVER}.requestEmailConfirmation"
    answers = [http.post(nsid, alice) for _ in range(5)]
    before = everything()

    refused = http.post(nsid, alice)

    assert [answer.status for answer in answers] == [200] * 5
    assert refused.error[:2] == (429, "RateLimitExceeded")
    assert (refused.headers["Retry-After"], refused.headers["RateLimit-Policy"]) == (
        "3600",
        "5;w=3600",
    )
    assert everything() == before


def test_pictures_that_a_move_left_behind_can_be_brought_though_the_day_s_uploads_are_spent(
    services: Services, http: Wire, alice: Person
) -> None:
    def upload(content: bytes) -> Answer:
        return http.web.post(
            "/xrpc/com.atproto.repo.uploadBlob",
            content,
            Content_Type="image/png",
            Authorization=f"Bearer {alice.access_jwt}",
        )

    assert upload(b"one").status == 200
    daily = UPLOAD_BLOB[0]
    services.rate_limits.spend([Spending(daily, "127.0.0.1", daily.points - 1)])
    assert upload(b"two").error[:2] == (429, "RateLimitExceeded")

    import_record_with_blob(services, alice, b"three")

    assert upload(b"not it").status == 200
    assert upload(b"three").status == 200
    assert upload(b"two").error[:2] == (429, "RateLimitExceeded")


def import_record_with_blob(services: Services, person: Person, content: bytes) -> None:
    """A record whose blob is not here, as an import leaves it."""
    account = services.accounts.get_account(person.did)
    cid = cid_for_raw(content)
    with transaction():
        rows(
            "INSERT INTO record_blob (account_id, collection, rkey, cid) VALUES (?, ?, ?, ?)",
            (account.id, "app.bsky.feed.post", "3kaaaaaaaaaaa", cid),
        )


def test_mailbox_is_not_filled_from_many_addresses(http: Wire, alice: Person) -> None:
    nsid = f"{SERVER}.requestPasswordReset"
    statuses = [
        post_from(http, f"192.0.2.{number}", nsid, {"email": alice.email}).status
        for number in range(6)
    ]

    assert statuses == [200] * 5 + [429]
    assert queued_mail() == [("reset_password", alice.email)]


def test_owner_logs_in_where_strangers_have_used_up_the_tries(http: Wire, alice: Person) -> None:
    nsid = f"{SERVER}.createSession"
    right = {"identifier": alice.handle, "password": alice.password}
    assert post_from(http, "198.51.100.1", nsid, right).status == 200
    for number in range(300):
        post_from(http, f"192.0.2.{number % 250}", nsid, {**right, "password": "guess"})

    assert post_from(http, "203.0.113.1", nsid, right).status == 429
    assert post_from(http, "198.51.100.1", nsid, right).status == 200
    by_mail = {**right, "identifier": alice.email}
    assert post_from(http, "203.0.113.1", nsid, by_mail).status == 200


@pytest.mark.parametrize(
    ("nsid", "params"),
    [
        (f"{ADMIN}.getInviteCodes", ""),
        ("com.atproto.sync.getRepo", f"?did={NOBODY}"),
    ],
)
def test_guessing_the_admins_password_ends(http: Wire, nsid: str, params: str) -> None:
    path = f"/xrpc/{nsid}{params}"
    statuses = [http.web.get(path, Authorization=WRONG_ADMIN).status for _ in range(21)]

    assert statuses == [401] * 20 + [429]
    assert http.web.get(path, Authorization=ADMIN_HEADER).status == 429


# --- the flood breaker ---------------------------------------------------------------------------


def test_closed_sign_up_is_told_and_changes_nothing(services: Services, http: Wire) -> None:
    code = make_code(services, uses=5)
    for name in ("ann", "ben", "cleo"):
        make_account(services, name, invite_code=code)
    new = new_account("dora")
    body = {"handle": new.handle, "email": new.email, "password": new.password, "inviteCode": code}
    operations = rows("SELECT * FROM plc_operation")

    first = http.post(f"{SERVER}.createAccount", None, body)
    before = everything()
    second = http.post(f"{SERVER}.createAccount", None, body)

    told = (
        400,
        "InvalidRequest",
        "Sign-up on this server is closed: ask its operator for an account",
    )
    assert (first.error, second.error) == (told, told)
    assert everything() == before
    assert rows("SELECT * FROM plc_operation") == operations
    assert rows("SELECT count(*) FROM account") == [(3,)]
    described = http.get(f"{SERVER}.describeServer").json
    assert described["inviteCodeRequired"] is True


# --- invite codes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nsid", "body", "expected"),
    [
        (f"{ADMIN}.enableAccountInvites", {"account": NOBODY}, (400, "NotFound")),
        (f"{ADMIN}.disableAccountInvites", {"account": NOBODY}, (400, "NotFound")),
        (f"{ADMIN}.disableAccountInvites", {"account": "nobody"}, (400, "InvalidRequest")),
        (f"{ADMIN}.disableInviteCodes", {"accounts": ["admin"]}, (400, "InvalidRequest")),
        (f"{ADMIN}.disableInviteCodes", {"codes": "all"}, (400, "InvalidRequest")),
        (f"{SERVER}.createInviteCode", {"useCount": 1, "forAccount": NOBODY}, (400, "NotFound")),
        (f"{SERVER}.createInviteCode", {"useCount": 0}, (400, "InvalidRequest")),
        (
            f"{SERVER}.createInviteCodes",
            {"useCount": 1, "codeCount": 1, "forAccounts": [NOBODY]},
            (400, "NotFound"),
        ),
        (f"{SERVER}.createInviteCodes", {"useCount": 1, "codeCount": -1}, (400, "InvalidRequest")),
    ],
)
def test_wrong_requests_about_codes_change_nothing(
    services: Services,
    http: Wire,
    alice: Person,
    nsid: str,
    body: dict[str, Any],
    expected: tuple[int, str],
) -> None:
    make_code(services)
    before = everything()

    assert http.post(nsid, ADMIN_HEADER, body).error[:2] == expected
    assert http.post(nsid, alice, body).error[0] in (400, 401)
    assert http.post(nsid, None, body).error[0] == 401
    assert everything() == before


@pytest.mark.parametrize("params", [{"sort": "alphabet"}, {"cursor": "x"}, {"limit": "501"}])
def test_wrong_questions_about_codes_are_refused(http: Wire, params: dict[str, str]) -> None:
    answer = http.get(f"{ADMIN}.getInviteCodes", ADMIN_HEADER, **params)

    assert answer.error[:2] == (400, "InvalidRequest")


def test_codes_go_from_the_member_to_the_newcomer(
    services: Services, http: Wire, alice: Person
) -> None:
    services.clock.advance(1)  # type: ignore[attr-defined] # a StillClock
    [code] = http.get(f"{SERVER}.getAccountInviteCodes", alice).json["codes"]
    new = new_account("bob")
    body = {"handle": new.handle, "email": new.email, "password": new.password}

    without = http.post(f"{SERVER}.createAccount", None, body)
    assert without.error[:2] == (400, "InvalidInviteCode")
    first = http.post(f"{SERVER}.createAccount", None, {**body, "inviteCode": code["code"]})
    assert first.status == 200
    again = {**body, "handle": "carol.test", "email": "carol@example.com"}
    spent = http.post(f"{SERVER}.createAccount", None, {**again, "inviteCode": code["code"]})
    assert spent.error == (400, "InvalidInviteCode", "Provided invite code not available")
    shown = http.get(f"{ADMIN}.getInviteCodes", ADMIN_HEADER, sort="usage").json["codes"]
    uses = {entry["code"]: [use["usedBy"] for use in entry["uses"]] for entry in shown}
    assert uses[code["code"]] == [first.json["did"]]


def test_codes_of_a_member_are_not_for_app_passwords(
    services: Services, http: Wire, alice: Person
) -> None:
    made = http.post(f"{SERVER}.createAppPassword", alice, {"name": "phone"}).json
    login = {"identifier": alice.handle, "password": made["password"]}
    token = http.post(f"{SERVER}.createSession", None, login).json["accessJwt"]

    answer = http.get(f"{SERVER}.getAccountInviteCodes", f"Bearer {token}")

    assert answer.error == (400, "InvalidToken", "Bad token scope")
    assert http.get("com.atproto.temp.checkSignupQueue", f"Bearer {token}").json == {
        "activated": True
    }
    assert http.get("com.atproto.temp.checkSignupQueue").error[:2] == (401, "AuthMissing")
