"""The documents that clients read first, field by field: they compare some byte for byte."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from tests.web.harness import Running, make_services, running

URL = "https://pds.example.com"
ALGORITHMS = [
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES256K",
    "ES384",
    "ES512",
]
SIGN_UP = SimpleNamespace(is_open=True)


@pytest.fixture(scope="module")
def web() -> Iterator[Running]:
    services = make_services(flood_breaker=SimpleNamespace(status=lambda: SIGN_UP))
    with running(services, {}) as server:
        yield server


def test_resource_names_its_one_authorization_server(web: Running) -> None:
    answer = web.get("/.well-known/oauth-protected-resource", Host="other.example.com")

    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.json == {
        "resource": URL,
        "authorization_servers": [URL],
        "scopes_supported": [],
        "bearer_methods_supported": ["header"],
        "resource_documentation": "https://atproto.com",
    }


def test_server_says_what_it_supports(web: Running) -> None:
    answer = web.get("/.well-known/oauth-authorization-server", Host="other.example.com")

    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.headers["Cache-Control"] == "max-age=300"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.json == {
        "issuer": URL,
        "scopes_supported": [
            "atproto",
            "transition:email",
            "transition:generic",
            "transition:chat.bsky",
        ],
        "subject_types_supported": ["public"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "ui_locales_supported": ["en-US"],
        "display_values_supported": ["page", "popup", "touch"],
        "prompt_values_supported": ["none", "login", "consent", "select_account", "create"],
        "authorization_response_iss_parameter_supported": True,
        "request_object_signing_alg_values_supported": [*ALGORITHMS, "none"],
        "request_object_encryption_alg_values_supported": [],
        "request_object_encryption_enc_values_supported": [],
        "request_parameter_supported": True,
        "request_uri_parameter_supported": True,
        "require_request_uri_registration": True,
        "jwks_uri": f"{URL}/oauth/jwks",
        "authorization_endpoint": f"{URL}/oauth/authorize",
        "token_endpoint": f"{URL}/oauth/token",
        "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
        "revocation_endpoint": f"{URL}/oauth/revoke",
        "pushed_authorization_request_endpoint": f"{URL}/oauth/par",
        "require_pushed_authorization_requests": True,
        "dpop_signing_alg_values_supported": ALGORITHMS,
        "protected_resources": [URL],
        "client_id_metadata_document_supported": True,
    }


def test_apps_send_nobody_to_sign_up_where_it_is_closed(
    web: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SIGN_UP, "is_open", False)

    answer = web.get("/.well-known/oauth-authorization-server")

    assert answer.json["prompt_values_supported"] == ["none", "login", "consent", "select_account"]


def test_there_are_no_keys_that_others_could_use(web: Running) -> None:
    answer = web.get("/oauth/jwks")

    assert (answer.status, answer.json) == (200, {"keys": []})
    assert answer.headers["Cache-Control"] == "max-age=300"
    assert answer.headers["Access-Control-Allow-Headers"] == "Content-Type,DPoP"
