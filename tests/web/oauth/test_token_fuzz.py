"""Nonsense at the token and revocation endpoints: refused by name, never a bug, nothing changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pds.storage import oauth_grants
from tests.app_over_http import AppOverHttp
from tests.factories import Person
from tests.oauth_client import make_proof
from tests.token_tools import REDIRECT_URI
from tests.web.oauth.test_token import signed_in

if TYPE_CHECKING:
    from tests.stage import Stage

NAMES = (
    "grant_type",
    "code",
    "redirect_uri",
    "code_verifier",
    "refresh_token",
    "scope",
    "token",
    "token_type_hint",
    "client_id",
    "client_assertion",
    "client_assertion_type",
)
WORDS = (
    "authorization_code",
    "refresh_token",
    "atproto",
    REDIRECT_URI,
    "ref-" + "0" * 64,
    "cod-" + "0" * 64,
    "tok-" + "0" * 32,
    "a.b.c",
    "\x00",
    "tok-\x00",
    "http://localhost",
    "x" * 200,
)
texts = st.one_of(st.sampled_from(WORDS), st.text(max_size=20))
values = st.one_of(texts, st.integers(), st.none(), st.booleans(), st.lists(texts, max_size=2))
bodies = st.dictionaries(st.one_of(st.sampled_from(NAMES), st.text(max_size=5)), values, max_size=8)
NAMED = {
    "invalid_request",
    "invalid_grant",
    "invalid_client",
    "invalid_client_metadata",
    "unsupported_grant_type",
}


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke"])
@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(fields=bodies)
def test_nonsense_is_refused_by_name(
    stage: Stage, public_app: AppOverHttp, path: str, fields: dict[str, Any]
) -> None:
    proof = make_proof(
        key=public_app.key,
        now=stage.services.clock() / 1_000_000,
        htu=public_app.issuer + path,
        nonce=stage.services.oauth.proofs.next_nonce(),
    )

    answer = stage.web.post_json(path, fields, DPoP=proof)

    if answer.status == 200:  # a token that is nobody's has no grant to end
        assert path == "/oauth/revoke"
        assert answer.json == {}
    else:
        assert (answer.status, answer.json["error"] in NAMED) == (400, True), answer.body


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(wrong=st.dictionaries(st.sampled_from(NAMES), texts, min_size=1, max_size=3))
def test_a_wrong_field_neither_breaks_nor_widens_a_grant(
    stage: Stage, public_app: AppOverHttp, alice: Person, wrong: dict[str, str]
) -> None:
    tokens = signed_in(stage, public_app, alice)
    good = {
        "grant_type": "refresh_token",
        "refresh_token": tokens["refresh_token"],
        "client_id": public_app.client_id,
    }
    proof = make_proof(
        key=public_app.key,
        now=stage.services.clock() / 1_000_000,
        htu=public_app.issuer + "/oauth/token",
        nonce=stage.services.oauth.proofs.next_nonce(),
    )

    answer = stage.web.post("/oauth/token", json.dumps({**good, **wrong}), **as_json(proof))

    assert answer.status in {200, 400}, answer.body
    if answer.status == 200:
        assert set(answer.json["scope"].split()) <= set(tokens["scope"].split())
    last = oauth_grants.list_for_account(alice.row.id, 1)[0]
    assert last.requested_scope == tokens["scope"]


def as_json(proof: str) -> dict[str, str]:
    return {"Content_Type": "application/json", "DPoP": proof}
