"""The token endpoint's services without HTTP: clients that have shown who they are, and codes."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pds.atproto.oauth import pkce
from pds.atproto.oauth.client_assertion import ClientAssertion
from pds.atproto.oauth.client_metadata import ClientMetadata
from pds.atproto.oauth.scopes.granted import ScopeSet
from pds.atproto.oauth.scopes.permission_set import PermissionSet, read_permission_set
from pds.atproto.syntax.nsid import Nsid
from pds.oauth_errors import InvalidScopeError
from pds.services.oauth.access_tokens import AccessTokens
from pds.services.oauth.client_credentials import AuthenticatedClient
from pds.services.oauth.code_exchange import PresentedCode
from pds.services.oauth.grant_scopes import GrantScopes
from pds.services.oauth.grants import Grants
from pds.services.oauth.model import AuthorizationParameters, Client, ClientAuth
from pds.services.oauth.refresh_tokens import RefreshTokens, hash_of
from pds.services.oauth.token_parts import TokenParts
from pds.services.oauth.token_reply import TokenReply
from pds.storage import oauth_requests
from pds.storage.database import transaction
from pds.storage.oauth_requests import OAuthRequestRow
from tests.grant_tools import CLIENT_ID, JKT, SCOPE

if TYPE_CHECKING:
    from pds.services import Services
    from tests.factories import Person

REDIRECT_URI = "https://app.example.org/callback"
CONFIDENTIAL_ID = "https://web.example.org/client.json"
KEY_1 = ClientAuth("private_key_jwt", "ES256", "key 1", "thumbprint 1")
KEY_2 = ClientAuth("private_key_jwt", "ES256", "key 2", "thumbprint 2")
PUBLIC = ClientAuth("none")
SET = "com.example.calendar.auth"


def set_document(nsid: str, collections: list[str]) -> dict[str, Any]:
    permission = {"type": "permission", "resource": "repo", "collection": collections}
    main = {"type": "permission-set", "permissions": [permission]}
    return {"lexicon": 1, "id": nsid, "defs": {"main": main}}


@dataclass
class FakeSets:
    """Permission sets: names of collections by NSID. Those that are not there cannot be had."""

    collections: dict[str, list[str]] = field(default_factory=dict)
    asked: int = 0

    def of(self, scopes: ScopeSet) -> Mapping[str, PermissionSet]:
        self.asked += 1
        found = {}
        for scope in scopes.includes:
            if scope.nsid not in self.collections:
                raise InvalidScopeError(f"{scope.nsid} is out of reach")
            document = set_document(scope.nsid, self.collections[scope.nsid])
            found[str(scope.nsid)] = read_permission_set(document, Nsid(scope.nsid))
        return found


def build_grants(services: Services, sets: FakeSets | None = None) -> Grants:
    """The service over sets that need no network."""
    config = services.config
    scopes = GrantScopes(sets or FakeSets())
    return Grants(TokenParts(AccessTokens(config), RefreshTokens(config), scopes, services.clock))


def app(
    auth: ClientAuth = PUBLIC,
    client_id: str = CLIENT_ID,
    grant_types: tuple[str, ...] = ("authorization_code", "refresh_token"),
    assertion: str | None = None,
) -> AuthenticatedClient:
    """A client that has shown who it is. assertion: the ``jti`` of what it has shown."""
    metadata = ClientMetadata(
        client_id=client_id,
        scope=("atproto",),
        redirect_uris=(REDIRECT_URI,),
        grant_types=grant_types,
        application_type="web",
        auth_method=auth.method,
    )
    shown = None
    if assertion is not None:
        shown = ClientAssertion("key 1", "ES256", "thumbprint 1", assertion, 4_000_000_000)
    return AuthenticatedClient(Client(metadata), auth, shown)


def issue_code(
    services: Services,
    person: Person,
    *,
    scope: str = SCOPE,
    auth: ClientAuth = PUBLIC,
    browser_id: str | None = None,
    **changes: Any,
) -> PresentedCode:
    """What a client shows after a member has agreed. ``changes`` are columns of the request."""
    verifier = secrets.token_urlsafe(32)
    code = f"cod-{secrets.token_hex(32)}"
    now_us = services.clock()
    parameters = AuthorizationParameters(
        redirect_uri=REDIRECT_URI,
        scope=scope,
        state="state",
        code_challenge=pkce.challenge_of(verifier),
    )
    request = OAuthRequestRow(
        id=f"req-{secrets.token_hex(16)}",
        client_id=CLIENT_ID,
        client_auth=auth.to_json(),
        parameters=parameters.to_json(),
        dpop_jkt=JKT,
        created_at_us=now_us,
        expires_at_us=now_us + 300_000_000,
        browser_hash=browser_id,
    )
    with transaction():
        oauth_requests.insert(dataclasses.replace(request, **changes))
        oauth_requests.set_granted(
            request.id, person.row.id, scope, hash_of(code), now_us + 300_000_000
        )
    return PresentedCode(code, REDIRECT_URI, verifier, JKT)


def sign_in_app(
    services: Services,
    person: Person,
    grants: Grants,
    scope: str = SCOPE,
    auth: ClientAuth = PUBLIC,
) -> TokenReply:
    """The first tokens of a new grant."""
    return grants.exchange(app(auth), issue_code(services, person, scope=scope, auth=auth))
