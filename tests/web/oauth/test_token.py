"""The token endpoint over HTTP: what is asked for, what is answered, and every way to fail."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from pds.oauth_errors import ClientUnavailableError
from pds.services.oauth.model import ClientAuth
from pds.storage import oauth_grants
from tests.app_over_http import AppOverHttp
from tests.atproto.oauth.tokens import key_pair
from tests.factories import Person, StillClock, race
from tests.oauth_client import KID, FakeClients
from tests.token_tools import CONFIDENTIAL_ID, REDIRECT_URI, SET, FakeSets, issue_code
from tests.web.harness import Answer
from tests.web.oauth.conftest import SIGNING_KEY

if TYPE_CHECKING:
    from tests.stage import Stage

PATH = "/oauth/token"
CONFIDENTIAL_AUTH = ClientAuth("private_key_jwt", "ES256", KID, SIGNING_KEY.jwk.thumbprint)


def code_fields(stage: Stage, app: AppOverHttp, person: Person, **how: Any) -> dict[str, str]:
    """What ``app`` sends once the member has agreed."""
    if app.signing_key is not None:
        how["auth"] = CONFIDENTIAL_AUTH
    presented = issue_code(stage.services, person, client_id=app.client_id, dpop_jkt=app.jkt, **how)
    return {
        "grant_type": "authorization_code",
        "code": presented.code,
        "redirect_uri": REDIRECT_URI,
        "code_verifier": presented.code_verifier,
    }


def signed_in(stage: Stage, app: AppOverHttp, person: Person, **how: Any) -> dict[str, Any]:
    answer = app.post(PATH, code_fields(stage, app, person, **how))
    assert answer.status == 200, answer.body
    tokens: dict[str, Any] = answer.json
    return tokens


def refresh_fields(tokens: dict[str, Any], **more: str) -> dict[str, str]:
    return {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], **more}


def grants_of(person: Person) -> int:
    return len(oauth_grants.list_for_account(person.row.id, 10))


def refused(answer: Answer, status: int, error: str) -> str:
    assert (answer.status, answer.json["error"]) == (status, error), answer.body
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["DPoP-Nonce"]
    return str(answer.json["error_description"])


# --- codes ---------------------------------------------------------------------------------------


def test_a_code_becomes_tokens(stage: Stage, public_app: AppOverHttp, alice: Person) -> None:
    answer = public_app.post(PATH, code_fields(stage, public_app, alice))

    tokens = answer.json
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Pragma"] == "no-cache"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert tokens.keys() == {
        "access_token",
        "token_type",
        "refresh_token",
        "expires_in",
        "scope",
        "sub",
    }
    assert (tokens["token_type"], tokens["sub"]) == ("DPoP", alice.did)
    assert (tokens["expires_in"], tokens["scope"]) == (1_800, "atproto transition:generic")
    assert re.fullmatch(r"ref-[0-9a-f]{64}", tokens["refresh_token"])
    access = stage.services.oauth.grants.verify_access(tokens["access_token"], public_app.jkt)
    assert access.did == alice.did


def test_a_confidential_client_proves_who_it_is(
    stage: Stage, confidential_app: AppOverHttp, alice: Person
) -> None:
    tokens = signed_in(stage, confidential_app, alice)

    again = confidential_app.post(PATH, refresh_fields(tokens))
    assert again.status == 200
    [grant] = oauth_grants.list_for_account(alice.row.id, 10)
    assert grant.client_auth == CONFIDENTIAL_AUTH.to_json()


@pytest.mark.parametrize("missing", ["code", "redirect_uri", "code_verifier", "grant_type"])
def test_a_code_needs_all_its_fields_and_survives_without_one(
    stage: Stage, public_app: AppOverHttp, alice: Person, missing: str
) -> None:
    fields = code_fields(stage, public_app, alice)

    answer = public_app.post(PATH, {**fields, missing: ""})
    assert missing in refused(answer, 400, "invalid_request")
    assert public_app.post(PATH, fields).status == 200


def test_a_code_is_good_once(stage: Stage, public_app: AppOverHttp, alice: Person) -> None:
    fields = code_fields(stage, public_app, alice)
    tokens = public_app.post(PATH, fields).json

    refused(public_app.post(PATH, fields), 400, "invalid_grant")
    refused(public_app.post(PATH, refresh_fields(tokens)), 400, "invalid_grant")
    assert grants_of(alice) == 0


@pytest.mark.parametrize(
    "wrong",
    [{"code": "cod-" + "0" * 64}, {"code_verifier": "x" * 43}, {"redirect_uri": "https://x.test/"}],
)
def test_wrong_codes_and_what_does_not_belong_to_them(
    stage: Stage, public_app: AppOverHttp, alice: Person, wrong: dict[str, str]
) -> None:
    fields = code_fields(stage, public_app, alice)

    refused(public_app.post(PATH, {**fields, **wrong}), 400, "invalid_grant")
    assert grants_of(alice) == 0


@pytest.mark.parametrize("grant_type", ["password", "client_credentials", "implicit", "é"])
def test_other_grant_types_are_not_supported(public_app: AppOverHttp, grant_type: str) -> None:
    refused(public_app.post(PATH, {"grant_type": grant_type}), 400, "unsupported_grant_type")


# --- proofs --------------------------------------------------------------------------------------


def test_the_first_answer_asks_for_a_nonce_and_uses_nothing_up(
    stage: Stage, public_app: AppOverHttp, alice: Person
) -> None:
    fields = code_fields(stage, public_app, alice)

    refused(public_app.post_once(PATH, fields), 400, "use_dpop_nonce")
    assert public_app.post_once(PATH, fields).status == 200


def test_without_a_proof_nothing_is_issued(
    stage: Stage, public_app: AppOverHttp, alice: Person
) -> None:
    from urllib.parse import urlencode

    fields = {**code_fields(stage, public_app, alice), "client_id": public_app.client_id}
    answer = stage.web.post(
        PATH, urlencode(fields), Content_Type="application/x-www-form-urlencoded"
    )

    refused(answer, 401, "invalid_dpop_proof")
    assert public_app.post(PATH, fields).status == 200


@pytest.mark.parametrize("claims", [{"htu": "https://x.test/oauth/token"}, {"htm": "GET"}])
def test_a_proof_for_something_else_is_refused(
    stage: Stage, public_app: AppOverHttp, alice: Person, claims: dict[str, str]
) -> None:
    answer = public_app.post(PATH, code_fields(stage, public_app, alice), **claims)

    refused(answer, 401, "invalid_dpop_proof")
    assert answer.headers["WWW-Authenticate"].startswith("DPoP ")


# --- refreshing ----------------------------------------------------------------------------------


def test_a_refresh_token_becomes_tokens(
    stage: Stage, public_app: AppOverHttp, alice: Person, clock: StillClock
) -> None:
    tokens = signed_in(stage, public_app, alice)
    clock.advance(1_800)

    answer = public_app.post(PATH, refresh_fields(tokens))
    assert answer.status == 200
    assert answer.json["refresh_token"] != tokens["refresh_token"]
    assert answer.json["sub"] == alice.did


def test_eight_tabs_that_refresh_at_once_get_one_answer(
    stage: Stage, public_app: AppOverHttp, alice: Person
) -> None:
    fields = refresh_fields(signed_in(stage, public_app, alice))

    answers = race([lambda: public_app.post_once(PATH, fields)] * 8)

    bodies = {answer.body for answer in answers if isinstance(answer, Answer)}
    assert len(bodies) == 1
    assert b'"refresh_token"' in bodies.pop()
    [grant] = oauth_grants.list_for_account(alice.row.id, 10)
    assert grant.refresh_number == 1


def test_a_token_that_is_used_again_after_a_minute_ends_the_grant(
    stage: Stage, public_app: AppOverHttp, alice: Person, clock: StillClock
) -> None:
    fields = refresh_fields(signed_in(stage, public_app, alice))
    public_app.post(PATH, fields)
    clock.advance(60)

    refused(public_app.post(PATH, fields), 400, "invalid_grant")
    assert grants_of(alice) == 0


def test_a_scope_that_was_not_granted_is_refused_and_the_grant_goes_on(
    stage: Stage, public_app: AppOverHttp, alice: Person
) -> None:
    tokens = signed_in(stage, public_app, alice)

    wider = refresh_fields(tokens, scope="atproto identity:*")
    assert "identity" in refused(public_app.post(PATH, wider), 400, "invalid_scope")
    narrower = public_app.post(PATH, refresh_fields(tokens, scope="atproto"))
    assert narrower.json["scope"] == "atproto"


def test_another_key_ends_the_grant(stage: Stage, public_app: AppOverHttp, alice: Person) -> None:
    tokens = signed_in(stage, public_app, alice)
    public_app.key = key_pair(number=2)

    refused(public_app.post(PATH, refresh_fields(tokens)), 400, "invalid_grant")
    assert grants_of(alice) == 0


# --- clients -------------------------------------------------------------------------------------


class OutOfReach(FakeClients):
    def get(self, client_id: str) -> Any:
        raise ClientUnavailableError(f"client_id: could not fetch {client_id}: no answer")


def test_a_client_whose_document_is_out_of_reach_loses_nothing(
    stage: Stage,
    public_app: AppOverHttp,
    clients: FakeClients,
    alice: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tokens = signed_in(stage, public_app, alice)
    fields = code_fields(stage, public_app, alice)
    with monkeypatch.context() as patch:
        patch.setattr(clients, "get", OutOfReach().get)
        for attempt in (refresh_fields(tokens), fields):
            answer = public_app.post(PATH, attempt)
            assert "no answer" in refused(answer, 503, "temporarily_unavailable")
            assert answer.headers["Retry-After"]

    assert public_app.post(PATH, refresh_fields(tokens)).status == 200
    assert public_app.post(PATH, fields).status == 200


def test_nobody_is_asked_for_a_client_without_a_code_or_token_of_ours(
    public_app: AppOverHttp, clients: FakeClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise strangers could have this server send requests to wherever they like."""
    monkeypatch.setattr(clients, "get", OutOfReach().get)
    code = {
        "grant_type": "authorization_code",
        "code": "cod-" + "0" * 64,
        "redirect_uri": REDIRECT_URI,
        "code_verifier": "x" * 43,
    }
    token = {"grant_type": "refresh_token", "refresh_token": "ref-" + "0" * 64}

    for fields in (code, token):
        refused(public_app.post(PATH, fields), 400, "invalid_grant")


@pytest.mark.parametrize("client_id", ["", "https://nobody.example.org/client.json"])
def test_without_a_client_nothing_is_issued(
    stage: Stage, public_app: AppOverHttp, alice: Person, client_id: str
) -> None:
    fields = refresh_fields(signed_in(stage, public_app, alice), client_id=client_id)

    error = "invalid_client_metadata" if client_id else "invalid_client"
    refused(public_app.post(PATH, fields), 400, error)
    assert grants_of(alice) == 1


def test_a_confidential_client_without_assertion_loses_nothing(
    stage: Stage, confidential_app: AppOverHttp, alice: Person
) -> None:
    fields = refresh_fields(signed_in(stage, confidential_app, alice))
    confidential_app.signing_key = None

    refused(confidential_app.post(PATH, fields), 400, "invalid_client")
    confidential_app.signing_key = SIGNING_KEY
    assert confidential_app.post(PATH, fields).status == 200


def test_a_client_that_gives_up_its_key_loses_its_grants(
    stage: Stage, confidential_app: AppOverHttp, clients: FakeClients, alice: Person
) -> None:
    fields = refresh_fields(signed_in(stage, confidential_app, alice))
    new_key = key_pair(number=8)
    clients.published[CONFIDENTIAL_ID] = [new_key.published(KID)]
    confidential_app.signing_key = new_key
    clients.kept.clear()

    refused(confidential_app.post(PATH, fields), 400, "invalid_grant")


# --- permission sets -----------------------------------------------------------------------------


def test_what_a_set_holds_now_is_in_the_next_tokens(
    stage: Stage, public_app: AppOverHttp, sets: FakeSets, alice: Person
) -> None:
    sets.collections[SET] = ["com.example.calendar.event"]
    tokens = signed_in(stage, public_app, alice, scope=f"atproto include:{SET}")
    assert tokens["scope"] == "atproto repo:com.example.calendar.event"

    sets.collections[SET] = ["com.example.calendar.note"]
    tokens = public_app.post(PATH, refresh_fields(tokens)).json
    assert tokens["scope"] == "atproto repo:com.example.calendar.note"

    sets.collections.clear()
    tokens = public_app.post(PATH, refresh_fields(tokens)).json
    assert tokens["scope"] == "atproto repo:com.example.calendar.note"


def test_a_set_that_is_out_of_reach_leaves_the_code_good(
    stage: Stage, public_app: AppOverHttp, sets: FakeSets, alice: Person
) -> None:
    fields = code_fields(stage, public_app, alice, scope=f"atproto include:{SET}")
    refused(public_app.post(PATH, fields), 503, "temporarily_unavailable")
    sets.collections[SET] = ["com.example.calendar.event"]

    assert public_app.post(PATH, fields).status == 200
