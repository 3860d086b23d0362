"""What a client says of itself: every field, right and wrong."""

from __future__ import annotations

from typing import Any

import pytest

from pds.atproto.oauth.client_errors import ClientMetadataError
from pds.atproto.oauth.client_metadata import (
    MAX_REDIRECT_URIS,
    ClientMetadata,
    parse_client_metadata,
    parse_scope,
)
from pds.atproto.oauth.jwk import ALGORITHMS
from tests.atproto.oauth.tokens import key_pair, present

CLIENT_ID = "https://app.example.com/oauth/client.json"
TEST_CLIENT_ID = "http://127.0.0.1:5000/client.json"
KEY = key_pair().published("k1")
OKP = {"kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": "o"}
PUBLIC = {
    "client_id": CLIENT_ID,
    "scope": "atproto transition:generic",
    "redirect_uris": ["https://app.example.com/callback"],
    "token_endpoint_auth_method": "none",
    "dpop_bound_access_tokens": True,
}
CONFIDENTIAL = PUBLIC | {
    "token_endpoint_auth_method": "private_key_jwt",
    "token_endpoint_auth_signing_alg": "ES256",
    "jwks": {"keys": [KEY]},
}
NATIVE = {"application_type": "native"}
JWKS_URI = {"jwks": None, "jwks_uri": "https://keys.example.org/jwks.json"}


def parse(document: dict[str, Any], client_id: str = CLIENT_ID) -> ClientMetadata:
    return parse_client_metadata(present(document), client_id=client_id)


def refused(document: Any, client_id: str = CLIENT_ID) -> ClientMetadataError:
    with pytest.raises(ClientMetadataError) as caught:
        parse_client_metadata(document, client_id=client_id)
    return caught.value


def test_public_client_with_the_defaults() -> None:
    assert parse(PUBLIC) == ClientMetadata(
        client_id=CLIENT_ID,
        scope=("atproto", "transition:generic"),
        redirect_uris=("https://app.example.com/callback",),
        grant_types=("authorization_code",),
        application_type="web",
        auth_method="none",
    )
    assert not parse(PUBLIC).is_confidential


def test_confidential_client_with_everything() -> None:
    display = {
        "client_name": "An app",
        "client_uri": "https://app.example.com/oauth",
        "logo_uri": "https://cdn.example.org/logo.png",
        "tos_uri": "https://app.example.com/tos#a",
        "policy_uri": "https://app.example.com/policy?b",
    }
    features = {
        "grant_types": ["refresh_token", "authorization_code"],
        "response_types": ["code"],
        "application_type": "web",
        "subject_type": "public",
        "tls_client_certificate_bound_access_tokens": False,
        "authorization_signed_response_alg": "RS256",
        "contacts": ["me@example.com"],
        "unheard_of": {"a": 1},
    }
    client = parse(CONFIDENTIAL | features | display)

    assert client.is_confidential
    assert client.jwks is not None
    assert [key.kid for key in client.jwks.keys] == ["k1"]
    assert client.grant_types == ("refresh_token", "authorization_code")
    assert {name: getattr(client, name) for name in display} == display


GOOD: list[dict[str, Any]] = [
    PUBLIC | NATIVE | {"redirect_uris": ["com.example.app:/cb", "http://127.0.0.1/cb"]},
    PUBLIC | {"scope": "atproto"},
    PUBLIC | {"scope": "repo:a.b.c?action=create atproto include:a.b.c"},
    PUBLIC | {"client_uri": "https://app.example.com"},
    PUBLIC | {"client_uri": CLIENT_ID},
    PUBLIC | {"client_uri": "https://app.example.com/"},
    PUBLIC | {"client_uri": "https://app.example.com:443/oauth/"},
    PUBLIC | {"jwks": {"keys": [KEY]}},
    PUBLIC | {"contacts": []},
    CONFIDENTIAL | JWKS_URI,
    CONFIDENTIAL | {"jwks": {"keys": [OKP, KEY]}},
    *(CONFIDENTIAL | {"token_endpoint_auth_signing_alg": name} for name in ALGORITHMS),
]


@pytest.mark.parametrize("document", GOOD)
def test_what_is_accepted(document: dict[str, Any]) -> None:
    assert parse(document).client_id == CLIENT_ID


BAD: list[tuple[dict[str, Any], str]] = [
    ({"client_id": None}, "client_id"),
    ({"client_id": CLIENT_ID + "?"}, "client_id"),
    ({"client_id": "https://APP.example.com/oauth/client.json"}, "client_id"),
    ({"client_name": 5}, "client_name"),
    ({"client_name": ["a"]}, "client_name"),
    *(
        ({name: value}, name)
        for name in ("client_uri", "logo_uri", "tos_uri", "policy_uri", "jwks_uri")
        for value in (
            5,
            "",
            "app",
            "http://app.example.com/",
            "javascript:alert(1)",
            "https://me@app.example.com/",
            "https://app.example.com/ a",
        )
    ),
    ({"client_uri": "https://localhost/"}, "client_uri"),
    ({"client_uri": "https://example.com/"}, "client_uri"),
    ({"client_uri": "https://app.example.com:8443/"}, "client_uri"),
    ({"client_uri": "https://app.example.com/other"}, "client_uri"),
    ({"client_uri": "https://app.example.com/oau"}, "client_uri"),
    ({"scope": None}, "scope"),
    ({"scope": ["atproto"]}, "scope"),
    ({"scope": ""}, "scope"),
    ({"scope": "transition:generic"}, "scope"),
    ({"scope": "atproto atproto"}, "scope"),
    ({"scope": "atproto  transition:generic"}, "scope"),
    ({"scope": " atproto"}, "scope"),
    ({"scope": "atproto\n"}, "scope"),
    ({"scope": 'atproto "'}, "scope"),
    ({"scope": "atproto é"}, "scope"),
    ({"grant_types": "authorization_code"}, "grant_types"),
    ({"grant_types": []}, "grant_types"),
    ({"grant_types": [5]}, "grant_types"),
    ({"grant_types": ["refresh_token"]}, "grant_types"),
    ({"grant_types": ["authorization_code", "authorization_code"]}, "grant_types"),
    ({"grant_types": ["authorization_code", "implicit"]}, "grant_types"),
    ({"response_types": []}, "response_types"),
    ({"response_types": "code"}, "response_types"),
    ({"response_types": ["token"]}, "response_types"),
    ({"response_types": ["code", "code id_token"]}, "response_types"),
    ({"application_type": "desktop"}, "application_type"),
    ({"application_type": ["web"]}, "application_type"),
    ({"token_endpoint_auth_method": None}, "token_endpoint_auth_method"),
    ({"token_endpoint_auth_method": "client_secret_basic"}, "token_endpoint_auth_method"),
    ({"token_endpoint_auth_method": ["none"]}, "token_endpoint_auth_method"),
    ({"token_endpoint_auth_signing_alg": "ES256"}, "token_endpoint_auth_signing_alg"),
    ({"jwks": []}, "jwks"),
    ({"jwks": {"keys": [key_pair().json]}}, "jwks"),
    ({"jwks": {"keys": [KEY | {"d": "AA"}]}}, "jwks"),
    ({"jwks": {"keys": [KEY | {"key_ops": ["sign"]}]}}, "jwks"),
    ({"jwks": {"keys": [KEY]}, "jwks_uri": "https://app.example.com/jwks"}, "jwks"),
    ({"jwks_uri": "https://localhost/jwks"}, "jwks_uri"),
    ({"jwks_uri": "https://10.0.0.1/jwks"}, "jwks_uri"),
    ({"jwks_uri": "https://169.254.169.254/latest"}, "jwks_uri"),
    ({"dpop_bound_access_tokens": None}, "dpop_bound_access_tokens"),
    ({"dpop_bound_access_tokens": False}, "dpop_bound_access_tokens"),
    ({"dpop_bound_access_tokens": 1}, "dpop_bound_access_tokens"),
    ({"dpop_bound_access_tokens": "true"}, "dpop_bound_access_tokens"),
    ({"subject_type": "pairwise"}, "subject_type"),
    *(
        ({name: value}, name)
        for name in ("tls_client_certificate_bound_access_tokens",)
        for value in (True, 1, "yes")
    ),
    ({"authorization_encrypted_response_alg": "RSA-OAEP"}, "authorization_encrypted_response_alg"),
    ({"authorization_encrypted_response_enc": "A"}, "authorization_encrypted_response_enc"),
    ({"authorization_details_types": ["a"]}, "authorization_details_types"),
    ({"default_max_age": 0}, "default_max_age"),
    ({"userinfo_signed_response_alg": "ES256"}, "userinfo_signed_response_alg"),
    ({"id_token_signed_response_alg": "ES256"}, "id_token_signed_response_alg"),
    ({"userinfo_encrypted_response_alg": "A"}, "userinfo_encrypted_response_alg"),
    ({"contacts": "me@example.com"}, "contacts"),
    ({"contacts": ["me"]}, "contacts"),
    ({"contacts": [None]}, "contacts"),
]


@pytest.mark.parametrize(("changes", "field"), BAD)
def test_what_is_refused_and_named(changes: dict[str, Any], field: str) -> None:
    error = refused(present(PUBLIC | changes))

    assert (error.field, error.error) == (field, "invalid_client_metadata")
    assert str(error).startswith(f"{field}: ")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"token_endpoint_auth_signing_alg": None}, "token_endpoint_auth_signing_alg"),
        ({"token_endpoint_auth_signing_alg": "none"}, "token_endpoint_auth_signing_alg"),
        ({"token_endpoint_auth_signing_alg": "HS256"}, "token_endpoint_auth_signing_alg"),
        ({"token_endpoint_auth_signing_alg": ["ES256"]}, "token_endpoint_auth_signing_alg"),
        ({"jwks": None}, "jwks"),
        ({"jwks": {"keys": []}}, "jwks"),
        ({"jwks": {"keys": [OKP]}}, "jwks"),
        (NATIVE, "token_endpoint_auth_method"),
    ],
)
def test_confidential_client_needs_its_means(changes: dict[str, Any], field: str) -> None:
    assert refused(present(CONFIDENTIAL | changes)).field == field


@pytest.mark.parametrize(
    "uris",
    [
        None,
        [],
        "https://app.example.com/callback",
        [5],
        ["https://app.example.com/callback"] * (MAX_REDIRECT_URIS + 1),
        ["https://app.example.com/callback", "http://app.example.com/callback"],
        ["http://127.0.0.1/callback"],
        ["com.example.app:/callback"],
    ],
)
def test_redirect_uris_have_an_error_of_their_own(uris: Any) -> None:
    error = refused(present(PUBLIC | {"redirect_uris": uris}))

    assert (error.field, error.error) == ("redirect_uris", "invalid_redirect_uri")


@pytest.mark.parametrize("document", [None, [], "{}", 5, [PUBLIC]])
def test_document_is_an_object(document: Any) -> None:
    assert refused(document).field == "document"


def test_null_is_not_the_same_as_absent() -> None:
    for field in ("client_name", "logo_uri", "jwks_uri", "grant_types", "default_max_age"):
        assert refused(PUBLIC | {field: None}).field == field


def test_client_under_test_may_name_this_machine() -> None:
    local = CONFIDENTIAL | {
        "client_id": TEST_CLIENT_ID,
        "redirect_uris": ["http://127.0.0.1:5000/callback"],
        "jwks": None,
        "jwks_uri": "http://127.0.0.1:5000/jwks.json",
        "client_uri": "http://127.0.0.1:5000",
        "logo_uri": "http://127.0.0.1:5000/logo.png",
    }

    assert parse(local, TEST_CLIENT_ID).jwks_uri == "http://127.0.0.1:5000/jwks.json"
    assert refused(present(local | {"client_id": CLIENT_ID})).field == "jwks_uri"


def test_scope_keeps_its_order() -> None:
    assert parse_scope("transition:email atproto") == ("transition:email", "atproto")
