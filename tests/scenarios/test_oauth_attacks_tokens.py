"""Attacks on tokens: one kind in the place of another, more than was granted, others' accounts.

Refresh tokens used twice, late or with another key: tests/services/oauth/test_token_refresh.py.
What ends a grant: test_app_life.py. Scopes against methods: test_oauth_scopes_table.py.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from pds.services.oauth.refresh_tokens import hash_of
from pds.storage import oauth_grants
from tests.attack_tools import Client, Scene, check_invalid_grant, grants
from tests.factories import Person, StillClock, race
from tests.oauth_client import FORM, make_assertion
from tests.stage import Stage

SESSION = "com.atproto.server.getSession"
SERVICE_TOKEN = (
    "com.atproto.server.getServiceAuth?aud=did:web:localhost&lxm=com.atproto.repo.uploadBlob"
)


@pytest.fixture
def scene(stage: Stage, clock: StillClock) -> Scene:
    return Scene(stage, clock)


# --- one for another -----------------------------------------------------------------------------


def secrets_of(scene: Scene, client: Client, alice: Person) -> dict[str, str]:
    """Everything that looks like a token and could get into wrong hands."""
    tokens = scene.tokens(client, alice)
    headers = {"Authorization": f"Bearer {alice.access_jwt}"}
    service = scene.stage.web.get(f"/xrpc/{SERVICE_TOKEN}", **headers)
    signed = make_assertion(
        client.machine.client_id, issuer=scene.issuer, now=scene.clock() / 1_000_000
    )
    body = {"identifier": alice.handle, "password": alice.password}
    session = scene.stage.post("com.atproto.server.createSession", body).json
    grant = oauth_grants.find_by_refresh(hash_of(tokens["refresh_token"]))
    assert grant is not None
    return {
        "app's access token": tokens["access_token"],
        "app's refresh token": tokens["refresh_token"],
        "code": scene.code(client, alice),
        "session's access token": session["accessJwt"],
        "session's refresh token": session["refreshJwt"],
        "service token": service.json["token"],
        "assertion": signed["client_assertion"],
        "proof": scene.proof("/oauth/token", client.machine.key),
        "nonce": scene.nonce(),
        "id of the access token": grant.token_id,
        "id of the grant": grant.id,
        "hash of the refresh token": grant.refresh_hash or "",
        "hash of the code": grant.code_hash,
        "nothing": "",
    }


def test_no_token_is_good_for_anothers_purpose(scene: Scene, alice: Person) -> None:
    client = scene.client()
    found = secrets_of(scene, client, alice)
    good: dict[str, set[str]] = {}

    def note(purpose: str, name: str, status: int) -> None:
        assert status < 500, (purpose, name)
        if status < 400:
            good.setdefault(purpose, set()).add(name)

    for name, token in found.items():
        note("app's call", name, scene.call(client, token, SESSION).status)
        headers = {"Authorization": f"Bearer {token}"}
        get, post = scene.stage.web.get, scene.stage.web.post
        note("session's call", name, get(f"/xrpc/{SESSION}", **headers).status)
        refreshed = post("/xrpc/com.atproto.server.refreshSession", **headers)
        note("refreshing a session", name, refreshed.status)
        upload = post("/xrpc/com.atproto.repo.uploadBlob", b"x", Content_Type="a/b", **headers)
        note("upload of a service", name, upload.status)
        admin = get("/xrpc/com.atproto.admin.getInviteCodes", **headers)
        note("operator's call", name, admin.status)
    for name, token in found.items():
        note("code", name, client.exchange(token).status)
    for name, token in found.items():
        note("refresh token", name, client.refresh(token).status)

    assert good == {
        "app's call": {"app's access token"},
        "session's call": {"session's access token"},
        "refreshing a session": {"session's refresh token"},
        "upload of a service": {"session's access token", "service token"},
        "code": {"code"},
        "refresh token": {"app's refresh token"},
    }


@pytest.mark.parametrize("scheme", ["Bearer", "DPoP", "Basic", "bearer DPoP", "DPoP DPoP", "Token"])
def test_a_token_without_its_proof_opens_nothing(scene: Scene, alice: Person, scheme: str) -> None:
    token = scene.tokens(scene.client(), alice)["access_token"]

    answer = scene.stage.web.get(f"/xrpc/{SESSION}", Authorization=f"{scheme} {token}")

    assert answer.status in (400, 401)
    assert alice.did not in answer.body.decode()


def test_a_stolen_token_opens_nothing_with_a_proof_of_the_thief(
    scene: Scene, alice: Person
) -> None:
    token = scene.tokens(scene.client(1), alice)["access_token"]

    answer = scene.call(scene.client(2), token, SESSION)

    assert (answer.status, answer.json["error"]) == (401, "invalid_token")


# --- refreshing ----------------------------------------------------------------------------------


def test_of_a_thief_and_an_app_that_refresh_at_once_the_thief_gets_nothing(
    scene: Scene, alice: Person
) -> None:
    app, thief = scene.client(1), scene.client(2)
    token = scene.tokens(app, alice)["refresh_token"]
    thief.machine.nonce = app.machine.nonce

    outcomes = race([lambda: thief.refresh(token).status for _ in range(4)])

    assert outcomes == [400] * 4
    # Somebody else has the token: better no grant than one of which a thief knows the token.
    assert grants() == 0
    check_invalid_grant(app.refresh(token))


def test_another_client_cannot_refresh_nor_end_anything(scene: Scene, alice: Person) -> None:
    app = scene.client(1)
    other = scene.client(1, redirect_uri="http://127.0.0.1:9999/other")
    tokens = scene.tokens(app, alice)

    check_invalid_grant(other.refresh(tokens["refresh_token"]))
    for token in (tokens["refresh_token"], tokens["access_token"]):
        assert other.machine.post("/oauth/revoke", {"token": token}).status == 200

    assert scene.call(app, tokens["access_token"], SESSION).status == 200
    assert app.refresh(tokens["refresh_token"]).status == 200


@pytest.mark.parametrize(
    "more",
    [
        "transition:generic",
        "identity:*",
        "identity:handle",
        "account:email?action=manage",
        "account:repo?action=manage",
        "repo:*",
        "repo:com.example.notes",
        "repo:COM.example.note",
        "repo:com.example.NOTE",
        "repo:com.example.note?action=create&action=admin",
        "repo?collection=com.example.note&collection=com.example.other",
        "repo:com.example.note%00",
        "repo:com.example.note+com.example.other",
        "repo:com.example.note%20repo:*",
        "repo:com.example.note%2Ccom.example.other",
        "rpc:*?aud=did:web:api.bsky.app%23bsky_appview",
        "blob:*/*",
        "include:com.example.auth",
        "Repo:com.example.note",
        "repo:com.example.note\u00a0repo:*",
        "repo:com.example.note\nrepo:*",
        "openid",
    ],
    ids=ascii,
)
def test_no_spelling_gets_more_at_a_refresh(scene: Scene, alice: Person, more: str) -> None:
    app = scene.client()
    tokens = scene.tokens(app, alice)

    answer = app.refresh(tokens["refresh_token"], scope=f"atproto repo:com.example.note {more}")

    assert (answer.status, answer.json["error"]) == (400, "invalid_scope"), answer.body
    assert scene.call(app, tokens["access_token"], SESSION).status == 200


@pytest.mark.parametrize(
    "same",
    [
        "repo:com.example.note",
        "repo:%63om.example.note",
        "repo?collection=com.example.note",
        "repo?collection=com.example.note&collection=com.example.note",
        "repo:com.example.note?action=create",
    ],
)
def test_other_spellings_of_what_was_granted_permit_that_and_no_more(
    scene: Scene, alice: Person, same: str
) -> None:
    app = scene.client()
    tokens = scene.tokens(app, alice)

    answer = app.refresh(tokens["refresh_token"], scope=f"atproto {same} {same}")

    assert answer.status == 200, answer.body
    written = answer.json["scope"].split()
    assert written == ["atproto", same if "action" in same else "repo:com.example.note"]
    assert write(scene, app, answer.json, "com.example.note") == 200
    assert write(scene, app, answer.json, "com.example.other") == 403
    assert "email" not in scene.call(app, answer.json["access_token"], SESSION).json


def write(scene: Scene, app: Client, tokens: dict[str, Any], collection: str) -> int:
    path = "/xrpc/com.atproto.repo.createRecord"
    token = tokens["access_token"]
    body = {"repo": tokens["sub"], "collection": collection, "record": {"$type": collection}}
    answer = scene.stage.web.post(
        path,
        json.dumps(body),
        Content_Type="application/json",
        Authorization=f"DPoP {token}",
        DPoP=scene.proof(path, app.machine.key, access_token=token),
    )
    return answer.status


# --- the way in ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"client_id=a&client_id=b",
        b'{"client_id": "a", "client_id": "b"}',
        b'{"client_id": {"a": "b"}}',
        b'{"client_id": ["a"]}',
        b'{"client_id": NaN}',
        b'{"client_id": 1e999}',
        b'{"client_id": "\\ud800"}',
        b"client_id=%ff",
        b"client_id=%00",
        b"\xef\xbb\xbf{}",
        b"{" * 60_000,
        b"[]",
        b"null",
        b"",
    ],
    ids=lambda body: ascii(body[:40]),
)
@pytest.mark.parametrize("path", ["/oauth/par", "/oauth/token", "/oauth/revoke"])
def test_odd_bodies_are_refused_in_oauths_words(scene: Scene, path: str, body: bytes) -> None:
    kind = "application/json" if body[:1] in (b"{", b"[", b"n", b"\xef") else FORM
    proof = scene.proof(path, scene.client().machine.key)

    answer = scene.stage.web.post(path, body, Content_Type=kind, DPoP=proof)

    assert answer.status in (400, 401), answer.body
    assert answer.json.keys() == {"error", "error_description"}
    assert not any(
        word in answer.body.decode() for word in ("Traceback", "Error(", "SELECT", "/pds")
    )
