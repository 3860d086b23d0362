"""What a client asks for when it wants to sign a member in: form first, then whether it may.

Form is checked before anybody else is asked anything, the rest when the client is known. Messages
begin with the field at fault.

Specs: https://atproto.com/specs/oauth#authorization-requests, RFC 6749 section 4.1.1, RFC 7636
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol, cast, get_args

from pds.atproto.oauth.client_errors import ClientMetadataError
from pds.atproto.oauth.pkce import is_code_challenge
from pds.atproto.oauth.redirect_uri import MAX_REDIRECT_URI_LENGTH, choose_redirect_uri
from pds.atproto.oauth.scopes import errors as scope_errors
from pds.atproto.oauth.scopes.granted import ScopeSet
from pds.atproto.oauth.scopes.parse import parse_scope
from pds.atproto.oauth.scopes.permission_set import (
    OversizedSetsError,
    PermissionSet,
    UnknownPermissionSetError,
    expand,
)
from pds.atproto.syntax.did import is_did
from pds.atproto.syntax.handle import is_handle
from pds.oauth_errors import (
    InvalidRedirectUriError,
    InvalidScopeError,
    OAuthError,
    UnsupportedResponseTypeError,
)
from pds.services.oauth.model import AuthorizationParameters, Client, Prompt, ResponseMode

MAX_STATE_LENGTH: Final = 4_096
MAX_SCOPE_LENGTH: Final = 10_000
MAX_SCOPES: Final = 300
MAX_INCLUDES: Final = 20  # each may have us ask three other servers
MAX_LOCALES: Final = 20
MAX_SHOWN: Final = 200  # characters of a scope, in a message
DISPLAYS: Final = ("page", "popup", "touch", "wap")

# Of OpenID, or of an extension that would change what is granted: not to be passed over in silence.
_REFUSED: Final = ("nonce", "claims", "id_token_hint", "authorization_details")
_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*")
_LOCALE: Final = re.compile(r"[a-z]{2,3}(?:-[A-Z]{2})?")
_WHOLE_NUMBER: Final = re.compile(r"[0-9]{1,10}", re.ASCII)
_THUMBPRINT: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


class KnownPermissionSets(Protocol):
    """Where permission sets are looked up; may ask others."""

    def of(self, scopes: ScopeSet) -> Mapping[str, PermissionSet]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedParameters:
    """A request that is well-formed; whether the client may ask for this is open."""

    redirect_uri: str | None
    scopes: tuple[str, ...]
    state: str
    code_challenge: str
    response_mode: ResponseMode
    login_hint: str | None
    prompt: Prompt | None
    display: str | None
    ui_locales: tuple[str, ...]
    dpop_jkt: str | None


def read_parameters(fields: Mapping[str, str]) -> RequestedParameters:
    """Check the form of a request. fields: none of them empty; unknown ones are passed over.

    Raises:
        OAuthError: invalid_request, unsupported_response_type, invalid_scope.
    """
    for name in _REFUSED:
        if name in fields:
            raise OAuthError(f"{name}: is not supported")
    if _needed(fields, "response_type") != "code":
        raise UnsupportedResponseTypeError('response_type: must be "code"')
    if fields.get("code_challenge_method") != "S256":
        raise OAuthError('code_challenge_method: must be "S256"')
    challenge = _needed(fields, "code_challenge")
    if not is_code_challenge(challenge):
        raise OAuthError("code_challenge: must be the base64url of a SHA-256 digest, 43 characters")
    _check_form(fields, "max_age", _WHOLE_NUMBER, "a whole number of seconds")
    _check_form(fields, "dpop_jkt", _THUMBPRINT, "the thumbprint of a key, 43 characters")
    return RequestedParameters(
        redirect_uri=_short(fields, "redirect_uri", MAX_REDIRECT_URI_LENGTH),
        scopes=_read_scopes(fields),
        state=_needed({"state": _short(fields, "state", MAX_STATE_LENGTH) or ""}, "state"),
        code_challenge=challenge,
        response_mode=cast(
            "ResponseMode", _one_of(fields, "response_mode", get_args(ResponseMode)) or "query"
        ),
        login_hint=_read_login_hint(fields),
        prompt=cast("Prompt | None", _one_of(fields, "prompt", get_args(Prompt))),
        display=_one_of(fields, "display", DISPLAYS),
        ui_locales=_read_locales(fields),
        dpop_jkt=fields.get("dpop_jkt"),
    )


def admit_parameters(
    requested: RequestedParameters, client: Client, permission_sets: KnownPermissionSets
) -> AuthorizationParameters:
    """Check that the client may ask for this; may mean to ask others for permission sets.

    Raises:
        OAuthError: invalid_redirect_uri, invalid_scope, invalid_request.
    """
    prompt = _admit_prompt(requested.prompt, client)
    try:
        redirect_uri = choose_redirect_uri(requested.redirect_uri, client.metadata.redirect_uris)
    except ClientMetadataError as error:
        raise InvalidRedirectUriError(str(error)) from error
    return AuthorizationParameters(
        redirect_uri=redirect_uri,
        scope=_admit_scopes(requested.scopes, client, permission_sets),
        state=requested.state,
        code_challenge=requested.code_challenge,
        response_mode=requested.response_mode,
        login_hint=requested.login_hint,
        prompt=prompt,
        display=requested.display,
        ui_locales=requested.ui_locales,
    )


# --- form -----------------------------------------------------------------------------------------


def _needed(fields: Mapping[str, str], name: str) -> str:
    if not fields.get(name):
        raise OAuthError(f"{name}: is missing")
    return fields[name]


def _short(fields: Mapping[str, str], name: str, length: int) -> str | None:
    if len(fields.get(name, "")) > length:
        raise OAuthError(f"{name}: must not have more than {length} characters")
    return fields.get(name)


def _one_of(fields: Mapping[str, str], name: str, possible: tuple[str, ...]) -> str | None:
    if name in fields and fields[name] not in possible:
        raise OAuthError(f"{name}: must be one of {' '.join(possible)}")
    return fields.get(name)


def _check_form(
    fields: Mapping[str, str], name: str, form: re.Pattern[str], description: str
) -> None:
    if name in fields and form.fullmatch(fields[name]) is None:
        raise OAuthError(f"{name}: must be {description}")


def _read_scopes(fields: Mapping[str, str]) -> tuple[str, ...]:
    text = fields.get("scope", "")
    if not text:
        raise InvalidScopeError("scope: is missing")
    if len(text) > MAX_SCOPE_LENGTH:
        raise InvalidScopeError(f"scope: must not have more than {MAX_SCOPE_LENGTH} characters")
    if _SCOPE.fullmatch(text) is None:
        raise InvalidScopeError("scope: must be scopes with one blank between them")
    scopes = tuple(dict.fromkeys(text.split(" ")))
    if len(scopes) > MAX_SCOPES:
        raise InvalidScopeError(f"scope: must not hold more than {MAX_SCOPES}")
    return scopes


def _read_login_hint(fields: Mapping[str, str]) -> str | None:
    hint = fields.get("login_hint")
    if hint is None:
        return None
    if not is_handle(hint) and not is_did(hint.lower()):
        raise OAuthError("login_hint: must be a handle or a DID")
    return hint.lower()


def _read_locales(fields: Mapping[str, str]) -> tuple[str, ...]:
    locales = tuple(fields.get("ui_locales", "").split())
    if len(locales) > MAX_LOCALES or not all(_LOCALE.fullmatch(locale) for locale in locales):
        raise OAuthError("ui_locales: must be languages such as en or pt-BR, with blanks between")
    return locales


# --- what a client may ask for --------------------------------------------------------------------


def _admit_prompt(prompt: Prompt | None, client: Client) -> Prompt | None:
    """A public client that nobody vouches for could be anybody's: its members are always asked."""
    if client.is_trusted or not client.is_public:
        return prompt
    if prompt == "none":
        # consent_required to the authorization endpoint, for which PAR has no name.
        raise OAuthError("prompt: must not be none, as the member has to agree to this client")
    return "create" if prompt == "create" else "consent"


def _admit_scopes(
    tokens: tuple[str, ...], client: Client, permission_sets: KnownPermissionSets
) -> str:
    declared = frozenset(client.metadata.scope)
    if "openid" in tokens:
        raise InvalidScopeError("scope: openid is not supported")
    undeclared = [token for token in tokens if token not in declared]
    if undeclared:
        shown = undeclared[0][:MAX_SHOWN]
        raise InvalidScopeError(f"scope: {shown} is not declared in the client's metadata")
    if "atproto" not in tokens:
        raise InvalidScopeError("scope: atproto is missing")
    # Those of a later time are left out, so that new clients work with old servers.
    known = tuple(token for token in tokens if _is_scope(token))
    _check_includes(ScopeSet.parse(" ".join(known)), permission_sets)
    return " ".join(known)


def _is_scope(token: str) -> bool:
    try:
        parse_scope(token)
    except scope_errors.InvalidScopeError:
        return False
    return True


def _check_includes(scopes: ScopeSet, permission_sets: KnownPermissionSets) -> None:
    """Check that every permission set can be had, as it will be needed to ask the member."""
    if not scopes.includes:
        return
    if len(scopes.includes) > MAX_INCLUDES:
        raise InvalidScopeError(f"scope: must not include more than {MAX_INCLUDES} sets")
    try:
        expand(scopes, permission_sets.of(scopes))
    except (UnknownPermissionSetError, OversizedSetsError) as error:
        raise InvalidScopeError(f"scope: {error}") from error
