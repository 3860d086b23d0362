"""Pushing requests over HTTP: what works, and every way in which one is refused."""

from __future__ import annotations

import dataclasses
import json
import logging
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from pds.services.oauth.client_credentials import ClientAuthentication
from pds.services.oauth.model import AuthorizationParameters, Client
from pds.services.oauth.requests import Requests, request_id
from pds.storage import oauth_requests
from tests.atproto.oauth.tokens import key_pair
from tests.factories import StillClock
from tests.fakes.no_permission_sets import NoPermissionSets
from tests.oauth_client import ASKED, FORM, KID, FakeClients, Pushing, make_metadata
from tests.stage import Stage
from tests.web.harness import Answer

if TYPE_CHECKING:
    from pds.services import Services

PUBLIC = "https://app.example.com/client.json"
CONFIDENTIAL = "https://web.example.com/client.json"
DECLARED = ("atproto", "repo:%zz", "repo:*", "include:com.example.cal.auth")
KEY = key_pair(number=1)


@pytest.fixture
def clients() -> FakeClients:
    fake = FakeClients()
    fake.add(Client(make_metadata(PUBLIC, scope=DECLARED)))
    fake.add(
        Client(make_metadata(CONFIDENTIAL, auth_method="private_key_jwt")),
        key_pair(number=7).published(KID),
    )
    return fake


@pytest.fixture
def services(services: Services, clients: FakeClients) -> Services:
    """With clients whose documents need not be fetched."""
    issuer, clock = services.config.public_url, services.clock
    authentication = ClientAuthentication(clients, issuer, clock)
    requests = Requests(authentication, clients, NoPermissionSets(), issuer=issuer, clock=clock)
    return dataclasses.replace(
        services, oauth=dataclasses.replace(services.oauth, requests=requests)
    )


@pytest.fixture
def pushing(stage: Stage, clock: StillClock) -> Pushing:
    return Pushing(stage, clock)


def assert_refused(answer: Answer, status: int, error: str, said: str = "") -> None:
    assert (answer.status, answer.json["error"]) == (status, error), answer.body
    assert said in answer.json["error_description"]
    assert answer.headers["DPoP-Nonce"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert oauth_requests.count() == 0


def test_request_is_pushed(pushing: Pushing) -> None:
    answer = pushing.push(PUBLIC)

    assert answer.status == 201
    assert answer.json.keys() == {"request_uri", "expires_in"}
    assert answer.json["expires_in"] == 300
    found_id = request_id(answer.json["request_uri"])
    assert found_id is not None
    row = oauth_requests.find(found_id)
    assert row is not None
    assert (row.client_id, row.dpop_jkt) == (PUBLIC, KEY.jwk.thumbprint)
    for name, text in (("Cache-Control", "no-store"), ("Pragma", "no-cache")):
        assert answer.headers[name] == text
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Expose-Headers"] == "DPoP-Nonce"


def test_request_may_come_as_json(pushing: Pushing) -> None:
    body = json.dumps({"client_id": PUBLIC, **ASKED, "max_age": 3})

    answer = pushing.stage.web.post(
        "/oauth/par", body, Content_Type="application/json", DPoP=pushing.proof()
    )

    assert answer.status == 201, answer.body


def test_client_learns_the_nonce_and_asks_again(pushing: Pushing) -> None:
    first = pushing.push(
        CONFIDENTIAL,
        proof=pushing.proof(nonce=None),
        **pushing.assertion(CONFIDENTIAL, jti="1"),
    )
    assert_refused(first, 400, "use_dpop_nonce")

    again = pushing.proof(nonce=first.headers["DPoP-Nonce"])
    second = pushing.push(CONFIDENTIAL, proof=again, **pushing.assertion(CONFIDENTIAL, jti="1"))

    assert second.status == 201


def test_key_may_be_named_instead(pushing: Pushing) -> None:
    assert pushing.push(PUBLIC, proof="", dpop_jkt=KEY.jwk.thumbprint).status == 201


def test_unexpected_assertion_and_uri_are_passed_over(pushing: Pushing) -> None:
    answer = pushing.push(PUBLIC, client_assertion="x", client_assertion_type="y", request_uri="z")

    assert answer.status == 201


@pytest.mark.parametrize(
    ("fields", "error", "said"),
    [
        ({"response_type": ""}, "invalid_request", "response_type"),
        ({"response_type": "token"}, "unsupported_response_type", "response_type"),
        ({"redirect_uri": "https://evil.example.com/"}, "invalid_redirect_uri", "redirect_uri"),
        ({"scope": ""}, "invalid_scope", "scope"),
        ({"scope": "atproto openid"}, "invalid_scope", "openid"),
        ({"scope": "atproto transition:generic"}, "invalid_scope", "transition:generic"),
        ({"scope": "repo:*"}, "invalid_scope", "atproto"),
        ({"state": ""}, "invalid_request", "state"),
        ({"code_challenge": ""}, "invalid_request", "code_challenge"),
        ({"code_challenge": "abc"}, "invalid_request", "code_challenge"),
        ({"code_challenge_method": "plain"}, "invalid_request", "code_challenge_method"),
        ({"code_challenge_method": ""}, "invalid_request", "code_challenge_method"),
        ({"response_mode": "jwt"}, "invalid_request", "response_mode"),
        ({"login_hint": "a@example.com"}, "invalid_request", "login_hint"),
        ({"prompt": "maybe"}, "invalid_request", "prompt"),
        ({"prompt": "none"}, "invalid_request", "prompt"),
        ({"nonce": "x"}, "invalid_request", "nonce"),
        ({"claims": "{}"}, "invalid_request", "claims"),
        ({"id_token_hint": "x"}, "invalid_request", "id_token_hint"),
        ({"authorization_details": "[]"}, "invalid_request", "authorization_details"),
        ({"max_age": "x"}, "invalid_request", "max_age"),
        ({"request": "eyJhbGciOiJub25lIn0.e30."}, "invalid_request", "request"),
    ],
)
def test_faulty_parameters_are_named(
    pushing: Pushing, fields: dict[str, str], error: str, said: str
) -> None:
    assert_refused(pushing.push(PUBLIC, **fields), 400, error, said)


@pytest.mark.parametrize(
    ("client_id", "error"),
    [
        ("", "invalid_client"),
        ("https://nobody.example.com/client.json", "invalid_client_metadata"),
        (CONFIDENTIAL, "invalid_client"),
    ],
)
def test_clients_are_known_and_prove_themselves(
    pushing: Pushing, client_id: str, error: str
) -> None:
    assert_refused(pushing.push(client_id), 400, error, "client_")


def test_assertion_is_good_once(pushing: Pushing) -> None:
    fields = pushing.assertion(CONFIDENTIAL)
    assert pushing.push(CONFIDENTIAL, **fields).status == 201

    answer = pushing.push(CONFIDENTIAL, **fields)

    assert (answer.status, answer.json["error"]) == (400, "invalid_grant")


def test_proof_is_good_once(pushing: Pushing) -> None:
    proof = pushing.proof()
    assert_refused(
        pushing.push(PUBLIC, state="", proof=proof), 400, "invalid_request"
    )  # not looked at
    assert_refused(pushing.push(PUBLIC, prompt="none", proof=proof), 400, "invalid_request")

    answer = pushing.push(PUBLIC, proof=proof)

    assert_refused(answer, 401, "invalid_dpop_proof", "used already")


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"htm": "GET"}, "htm"),
        ({"htu": "https://other.example.com/oauth/par"}, "htu"),
        ({"iat": 1}, "iat"),
        ({"jti": None}, "jti"),
        ({"access_token": "x"}, "ath"),
    ],
)
def test_wrong_proof_is_refused(pushing: Pushing, claims: dict[str, Any], said: str) -> None:
    answer = pushing.push(PUBLIC, proof=pushing.proof(**claims))

    assert_refused(answer, 401, "invalid_dpop_proof", said)
    assert answer.headers["WWW-Authenticate"].startswith('DPoP algs="RS256 ')
    exposed = answer.headers["Access-Control-Expose-Headers"]
    assert exposed == "DPoP-Nonce, WWW-Authenticate"


def test_proof_is_needed(pushing: Pushing) -> None:
    assert_refused(pushing.push(PUBLIC, proof=""), 401, "invalid_dpop_proof", "missing")


def test_empty_or_doubled_proof_is_refused(pushing: Pushing) -> None:
    body = urlencode({"client_id": PUBLIC, **ASKED, "dpop_jkt": KEY.jwk.thumbprint})
    web = pushing.stage.web

    for proof, said in (("", "empty"), (f"{pushing.proof()}, {pushing.proof()}", "more than one")):
        answer = web.post("/oauth/par", body, Content_Type=FORM, DPoP=proof)
        assert_refused(answer, 401, "invalid_dpop_proof", said)


def test_proof_and_named_key_agree(pushing: Pushing) -> None:
    assert_refused(pushing.push(PUBLIC, dpop_jkt="x" * 43), 401, "invalid_token", "dpop_jkt")


def test_host_header_does_not_matter(pushing: Pushing) -> None:
    wrong = pushing.proof(htu="http://evil.example.com/oauth/par")
    body = urlencode({"client_id": PUBLIC, **ASKED})
    web = pushing.stage.web

    for proof, status in ((wrong, 401), (pushing.proof(), 201)):
        answer = web.post(
            "/oauth/par", body, Content_Type=FORM, DPoP=proof, Host="evil.example.com"
        )
        assert answer.status == status


def test_unknown_scopes_and_bad_escapes_are_left_out(pushing: Pushing) -> None:
    answer = pushing.push(PUBLIC, scope="atproto repo:%zz repo:*")

    row = oauth_requests.find(request_id(answer.json["request_uri"]) or "")
    assert row is not None
    assert AuthorizationParameters.from_json(row.parameters).scope == "atproto repo:*"


def test_permission_set_that_cannot_be_had_is_told(pushing: Pushing) -> None:
    answer = pushing.push(PUBLIC, scope="atproto include:com.example.cal.auth")

    assert_refused(answer, 400, "invalid_scope", "com.example.cal.auth")


def test_of_two_equal_requests_at_once_one_is_pushed(pushing: Pushing) -> None:
    proof = pushing.proof()
    start = threading.Barrier(4)
    answers: list[int] = []

    def push() -> None:
        start.wait()
        answers.append(pushing.push(PUBLIC, proof=proof).status)

    threads = [threading.Thread(target=push) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == [201, 401, 401, 401]
    assert oauth_requests.count() == 1


def test_refusal_names_the_client_in_the_log(
    pushing: Pushing, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    pushing.push(CONFIDENTIAL, state="s3cret", **pushing.assertion(CONFIDENTIAL, aud="x"))

    [line] = [record.getMessage() for record in caplog.records if record.name == "pds.oauth"]
    assert f" client_id={CONFIDENTIAL} status=400 error=invalid_client " in line
    assert "s3cret" not in caplog.text
