"""The document in which a client describes itself: checked field by field, unknown ones ignored.

The defaults are those of OpenID registration, so a document that does not say how the client
authenticates is refused: the default (a shared secret) is not possible here.

Spec: https://atproto.com/specs/oauth#client-id-metadata-document
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, cast

from pds.atproto.oauth.client_errors import ClientMetadataError
from pds.atproto.oauth.client_id import is_loopback
from pds.atproto.oauth.jwk import ALGORITHMS, InvalidJwkError, JwkSet, parse_jwk_set
from pds.atproto.oauth.redirect_uri import check_redirect_uri
from pds.atproto.oauth.web_url import InvalidUrlError, WebUrl, parse_web_url

ApplicationType: TypeAlias = Literal["web", "native"]
AuthMethod: TypeAlias = Literal["none", "private_key_jwt"]
Document: TypeAlias = dict[str, Any]

MAX_REDIRECT_URIS: Final = 500

_SCOPE_TOKEN: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+")
_GRANT_TYPES: Final = frozenset({"authorization_code", "refresh_token"})
# Features that would change what the server has to do, and that it has not.
_REFUSED: Final = (
    "authorization_details_types",
    "authorization_encrypted_response_alg",
    "authorization_encrypted_response_enc",
    "default_max_age",
    "id_token_signed_response_alg",
    "userinfo_encrypted_response_alg",
    "userinfo_signed_response_alg",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientMetadata:
    """A client as its checked metadata describe it. Texts for display are the client's own claims.

    A confidential client (``private_key_jwt``) has either ``jwks`` or ``jwks_uri``.
    """

    client_id: str
    scope: tuple[str, ...]
    redirect_uris: tuple[str, ...]
    grant_types: tuple[str, ...]
    application_type: ApplicationType
    auth_method: AuthMethod
    jwks: JwkSet | None = None
    jwks_uri: str | None = None
    client_name: str | None = None
    client_uri: str | None = None
    logo_uri: str | None = None
    tos_uri: str | None = None
    policy_uri: str | None = None

    @property
    def is_confidential(self) -> bool:
        return self.auth_method == "private_key_jwt"


def parse_client_metadata(document: Any, *, client_id: str) -> ClientMetadata:
    """Check the document that was found at ``client_id``, which ``kind_of`` has admitted.

    Raises:
        ClientMetadataError: names the field.
    """
    if not isinstance(document, dict):
        raise ClientMetadataError("document", "must be a JSON object")
    if document.get("client_id") != client_id:
        raise ClientMetadataError("client_id", "must be the URL of the document")
    client = parse_web_url(client_id)
    _check_features(document)
    application_type = _application_type(document)
    native = application_type == "native"
    auth_method = _auth_method(document, native=native)
    jwks, jwks_uri = _keys(document, client)
    if auth_method == "private_key_jwt" and not jwks_uri and not (jwks and jwks.keys):
        raise ClientMetadataError("jwks", "private_key_jwt needs a key, here or at a jwks_uri")
    return ClientMetadata(
        client_id=client_id,
        scope=parse_scope(_text(document, "scope")),
        redirect_uris=_redirect_uris(document, client, native=native),
        grant_types=_grant_types(document),
        application_type=application_type,
        auth_method=auth_method,
        jwks=jwks,
        jwks_uri=jwks_uri,
        client_name=_text(document, "client_name"),
        client_uri=_client_uri(document, client),
        logo_uri=_web_uri(document, "logo_uri", client),
        tos_uri=_web_uri(document, "tos_uri", client),
        policy_uri=_web_uri(document, "policy_uri", client),
    )


def parse_scope(text: str | None) -> tuple[str, ...]:
    """The scopes that a client declares, which must hold ``atproto``; what they mean is open here.

    Raises:
        ClientMetadataError: missing, malformed, repeated, or without ``atproto``.
    """
    if text is None:
        raise ClientMetadataError("scope", "is missing")
    tokens = tuple(text.split(" "))
    if not all(_SCOPE_TOKEN.fullmatch(token) for token in tokens):
        raise ClientMetadataError("scope", "must be scopes with one blank between them")
    if "atproto" not in tokens:
        raise ClientMetadataError("scope", 'must hold "atproto"')
    if len(set(tokens)) != len(tokens):
        raise ClientMetadataError("scope", "repeats itself")
    return tokens


def _check_features(document: Document) -> None:
    for name in _REFUSED:
        if name in document:
            raise ClientMetadataError(name, "is not supported")
    if document.get("dpop_bound_access_tokens") is not True:
        raise ClientMetadataError("dpop_bound_access_tokens", "must be true")
    if document.get("tls_client_certificate_bound_access_tokens", False) is not False:
        raise ClientMetadataError("tls_client_certificate_bound_access_tokens", "must not be true")
    if document.get("subject_type", "public") != "public":
        raise ClientMetadataError("subject_type", 'must be "public"')
    if document.get("response_types", ["code"]) != ["code"]:
        raise ClientMetadataError("response_types", 'must be ["code"]')
    if not all(_EMAIL.fullmatch(contact) for contact in _texts(document, "contacts") or ()):
        raise ClientMetadataError("contacts", "must be e-mail addresses")


def _application_type(document: Document) -> ApplicationType:
    kind = document.get("application_type", "web")
    if kind not in ("web", "native"):
        raise ClientMetadataError("application_type", 'must be "web" or "native"')
    return cast("ApplicationType", kind)


def _auth_method(document: Document, *, native: bool) -> AuthMethod:
    field = "token_endpoint_auth_method"
    method = document.get(field, "client_secret_basic")
    algorithm = document.get("token_endpoint_auth_signing_alg")
    if method == "none":
        if "token_endpoint_auth_signing_alg" in document:
            raise ClientMetadataError("token_endpoint_auth_signing_alg", f'{field} is "none"')
        return "none"
    if method != "private_key_jwt":
        raise ClientMetadataError(field, 'must be stated as "none" or "private_key_jwt"')
    if native:
        raise ClientMetadataError(field, 'must be "none" for a native client')
    if algorithm not in ALGORITHMS:
        raise ClientMetadataError(
            "token_endpoint_auth_signing_alg", f"must be one of {' '.join(ALGORITHMS)}"
        )
    return "private_key_jwt"


def _keys(document: Document, client: WebUrl) -> tuple[JwkSet | None, str | None]:
    uri = _web_uri(document, "jwks_uri", client, check=_check_reachable)
    if "jwks" not in document:
        return None, uri
    if uri is not None:
        raise ClientMetadataError("jwks", "is stated together with jwks_uri")
    try:
        return parse_jwk_set(document["jwks"]), None
    except InvalidJwkError as error:
        raise ClientMetadataError("jwks", str(error)) from error


def _grant_types(document: Document) -> tuple[str, ...]:
    field = "grant_types"
    grants = _texts(document, field)
    if grants is None:
        return ("authorization_code",)
    if not _GRANT_TYPES.issuperset(grants):
        raise ClientMetadataError(field, f"may hold {' and '.join(sorted(_GRANT_TYPES))} only")
    if len(set(grants)) != len(grants):
        raise ClientMetadataError(field, "repeats itself")
    if "authorization_code" not in grants:
        raise ClientMetadataError(field, "must hold authorization_code")
    return grants


def _redirect_uris(document: Document, client: WebUrl, *, native: bool) -> tuple[str, ...]:
    uris = document.get("redirect_uris")
    if not isinstance(uris, list) or not 0 < len(uris) <= MAX_REDIRECT_URIS:
        raise ClientMetadataError(
            "redirect_uris",
            f"must be a list of one or more, {MAX_REDIRECT_URIS} at most",
            error="invalid_redirect_uri",
        )
    return tuple(check_redirect_uri(uri, client=client, native=native) for uri in uris)


def _client_uri(document: Document, client: WebUrl) -> str | None:
    """The home page, which must be above the document, lest a client name another's."""

    def check(field: str, url: WebUrl, client: WebUrl) -> None:
        _check_reachable(field, url, client)
        parent = url.path if url.path.endswith("/") else f"{url.path}/"
        within = client.path == url.path or client.path.startswith(parent)
        if url.origin != client.origin or not within:
            raise ClientMetadataError(field, "must be of the client_id's origin and a parent of it")

    return _web_uri(document, "client_uri", client, check=check)


def _check_reachable(field: str, url: WebUrl, client: WebUrl) -> None:
    if url.is_local and not is_loopback(client):
        raise ClientMetadataError(field, "the host must be a public one")


def _web_uri(
    document: Document,
    field: str,
    client: WebUrl,
    *,
    check: Callable[[str, WebUrl, WebUrl], None] | None = None,
) -> str | None:
    text = _text(document, field)
    if text is None:
        return None
    try:
        url = parse_web_url(text)
    except InvalidUrlError as error:
        raise ClientMetadataError(field, str(error)) from error
    if url.scheme != "https" and not is_loopback(client):
        raise ClientMetadataError(field, "must be an https URL")
    if url.has_credentials:
        raise ClientMetadataError(field, "must not hold credentials")
    if check is not None:
        check(field, url, client)
    return text


def _text(document: Document, field: str) -> str | None:
    if field not in document:
        return None
    value = document[field]
    if not isinstance(value, str):
        raise ClientMetadataError(field, "must be a string")
    return value


def _texts(document: Document, field: str) -> tuple[str, ...] | None:
    if field not in document:
        return None
    value = document[field]
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ClientMetadataError(field, "must be a list of strings")
    return tuple(value)
