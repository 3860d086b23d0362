"""The revocation endpoint over HTTP: what belongs to the client ends, and nothing is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pds.oauth_errors import InvalidAccessTokenError
from pds.storage import oauth_requests
from pds.storage.database import execute, transaction
from tests.app_over_http import AppOverHttp
from tests.atproto.oauth.tokens import key_pair
from tests.factories import Person
from tests.oauth_client import FakeClients
from tests.web.oauth.test_token import OutOfReach, code_fields, grants_of, refused, signed_in

if TYPE_CHECKING:
    from tests.stage import Stage

PATH = "/oauth/revoke"


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
@pytest.mark.parametrize("is_lapsed", [False, True])
def test_a_client_signs_its_user_out(
    stage: Stage, public_app: AppOverHttp, alice: Person, kind: str, *, is_lapsed: bool
) -> None:
    tokens = signed_in(stage, public_app, alice)
    if is_lapsed:
        with transaction():
            execute("UPDATE oauth_grant SET access_expires_at_us = issued_at_us")

    for hint in ("", "access_token", "refresh_token", "nonsense"):
        answer = public_app.post(PATH, {"token": tokens[kind], "token_type_hint": hint})
        assert (answer.status, answer.json) == (200, {})
        assert grants_of(alice) == 0
    with pytest.raises(InvalidAccessTokenError):
        stage.services.oauth.grants.verify_access(tokens["access_token"], public_app.jkt)


def test_a_code_on_its_way_is_stopped(stage: Stage, public_app: AppOverHttp, alice: Person) -> None:
    fields = code_fields(stage, public_app, alice)

    assert public_app.post(PATH, {"token": fields["code"]}).json == {}
    assert oauth_requests.count() == 0


def test_other_clients_and_other_keys_end_nothing_and_learn_nothing(
    stage: Stage, public_app: AppOverHttp, confidential_app: AppOverHttp, alice: Person
) -> None:
    token = signed_in(stage, public_app, alice)["refresh_token"]

    answer = confidential_app.post(PATH, {"token": token})
    assert (answer.status, answer.json) == (200, {})
    public_app.key = key_pair(number=2)
    answer = public_app.post(PATH, {"token": token})
    assert (answer.status, answer.json) == (200, {})
    assert grants_of(alice) == 1


def test_no_proof_is_needed_as_the_standard_knows_of_none(
    stage: Stage, confidential_app: AppOverHttp, alice: Person
) -> None:
    token = signed_in(stage, confidential_app, alice)["refresh_token"]

    answer = confidential_app.post_without_proof(PATH, {"token": token})

    assert (answer.status, answer.json) == (200, {})
    assert grants_of(alice) == 0


def test_without_a_proof_another_app_ends_nothing(
    stage: Stage, confidential_app: AppOverHttp, public_app: AppOverHttp, alice: Person
) -> None:
    token = signed_in(stage, confidential_app, alice)["refresh_token"]

    assert public_app.post_without_proof(PATH, {"token": token}).status == 200
    assert grants_of(alice) == 1


def test_a_token_that_never_was_is_nothing_to_ask_a_client_about(
    public_app: AppOverHttp, clients: FakeClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "get", OutOfReach().get)

    for token in ("nonsense", "ref-" + "0" * 64, "a.b.c"):
        assert public_app.post(PATH, {"token": token}).json == {}


def test_what_is_wrong_with_the_request_is_told(
    stage: Stage, confidential_app: AppOverHttp, alice: Person
) -> None:
    token = signed_in(stage, confidential_app, alice)["refresh_token"]

    assert "token" in refused(confidential_app.post(PATH, {}), 400, "invalid_request")
    wrong_proof = confidential_app.post(PATH, {"token": token}, htm="GET")
    refused(wrong_proof, 401, "invalid_dpop_proof")
    confidential_app.signing_key = None
    refused(confidential_app.post(PATH, {"token": token}), 400, "invalid_client")
    assert grants_of(alice) == 1


def test_a_client_whose_document_is_out_of_reach_may_try_again(
    stage: Stage,
    public_app: AppOverHttp,
    clients: FakeClients,
    alice: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token = signed_in(stage, public_app, alice)["access_token"]
    monkeypatch.setattr(clients, "get", OutOfReach().get)

    refused(public_app.post(PATH, {"token": token}), 503, "temporarily_unavailable")
    assert grants_of(alice) == 1
