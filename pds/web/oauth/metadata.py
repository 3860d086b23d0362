"""What OAuth clients read before anything else: who signs members in, how, and with which keys.

Specs: RFC 8414, RFC 9728, https://atproto.com/specs/oauth#server-metadata
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response

from pds.atproto.oauth.jwk import ALGORITHMS

if TYPE_CHECKING:
    from pds.services import Services

MAX_AGE_S = 300


def blueprint(services: Services) -> Blueprint:
    routes = Blueprint("oauth_metadata", __name__)

    @routes.get("/.well-known/oauth-protected-resource")
    def protected_resource() -> Response:
        return _json(protected_resource_metadata(services.config.public_url))

    @routes.get("/.well-known/oauth-authorization-server")
    def authorization_server() -> Response:
        may_sign_up = services.flood_breaker.status().is_open
        return _json(
            server_metadata(services.config.public_url, may_sign_up=may_sign_up),
            max_age_s=MAX_AGE_S,
        )

    @routes.get("/oauth/jwks")
    def jwks() -> Response:
        # Access tokens are for this server alone, and signed with a secret of its own.
        return _json({"keys": []}, max_age_s=MAX_AGE_S)

    return routes


def protected_resource_metadata(url: str) -> dict[str, Any]:
    """url: of this server, without a trailing slash."""
    return {
        "resource": url,
        "authorization_servers": [url],
        "scopes_supported": [],
        "bearer_methods_supported": ["header"],
        "resource_documentation": "https://atproto.com",
    }


def server_metadata(issuer: str, *, may_sign_up: bool) -> dict[str, Any]:
    """may_sign_up: whether an app may send people here to make an account."""
    prompts = ["none", "login", "consent", "select_account"]
    return {
        "issuer": issuer,
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
        "prompt_values_supported": [*prompts, "create"] if may_sign_up else prompts,
        "authorization_response_iss_parameter_supported": True,
        # "none" as the reference names it; it refuses unsigned ones all the same, and so do we.
        "request_object_signing_alg_values_supported": [*ALGORITHMS, "none"],
        "request_object_encryption_alg_values_supported": [],
        "request_object_encryption_enc_values_supported": [],
        "request_parameter_supported": True,
        "request_uri_parameter_supported": True,
        "require_request_uri_registration": True,
        "jwks_uri": f"{issuer}/oauth/jwks",
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "token_endpoint": f"{issuer}/oauth/token",
        "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "pushed_authorization_request_endpoint": f"{issuer}/oauth/par",
        "require_pushed_authorization_requests": True,
        "dpop_signing_alg_values_supported": list(ALGORITHMS),
        "protected_resources": [issuer],
        "client_id_metadata_document_supported": True,
    }


def _json(content: dict[str, Any], *, max_age_s: int | None = None) -> Response:
    text = json.dumps(content, separators=(",", ":"))
    response = Response(text, content_type="application/json")
    if max_age_s is not None:
        response.headers["Cache-Control"] = f"max-age={max_age_s}"
    return response
