"""What the OAuth services hand to each other, and keep as JSON between a request and its grant."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pds.atproto.oauth import client_id as client_ids
from pds.atproto.oauth.client_metadata import AuthMethod, ClientMetadata
from pds.atproto.oauth.scopes.granted import ScopeSet
from pds.atproto.oauth.scopes.localized import one_line

ResponseMode = Literal["query", "fragment", "form_post"]
Prompt = Literal["none", "login", "consent", "select_account", "create"]

MAX_NAME_CHARS = 64  # of an app, as pages and mails show it


@dataclass(frozen=True, slots=True)
class Client:
    """An app. is_trusted: the operator vouches for it (``PDS_OAUTH_TRUSTED_CLIENTS``).

    is_loopback: its metadata follow from its id; it is a program on the member's own machine.
    """

    metadata: ClientMetadata
    is_trusted: bool = False
    is_loopback: bool = False

    @property
    def id(self) -> str:
        return self.metadata.client_id

    @property
    def name(self) -> str:
        """What to call it: its own words only if it is trusted, else where it lives."""
        own = one_line(self.metadata.client_name, MAX_NAME_CHARS) if self.is_trusted else None
        return own or client_ids.display_name(self.id)

    @property
    def logo_uri(self) -> str | None:
        return self.metadata.logo_uri if self.is_trusted else None

    @property
    def is_public(self) -> bool:
        """Whether it cannot prove who it is."""
        return not self.metadata.is_confidential


@dataclass(frozen=True, slots=True)
class ClientAuth:
    """How a client has shown who it is; the last three only with ``private_key_jwt``.

    ``jkt`` is the RFC 7638 thumbprint of the key that signed its assertion.
    """

    method: AuthMethod
    alg: str | None = None
    kid: str | None = None
    jkt: str | None = None

    def to_json(self) -> str:
        return _to_json(self)

    @classmethod
    def from_json(cls, text: str) -> ClientAuth:
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationParameters:
    """A request's parameters, checked: ``scope`` is what the client may ask for and we know.

    login_hint: a handle or DID in lower case. prompt: as rewritten for the kind of client.
    """

    redirect_uri: str
    scope: str
    state: str
    code_challenge: str
    response_mode: ResponseMode = "query"
    login_hint: str | None = None
    prompt: Prompt | None = None
    display: str | None = None
    ui_locales: tuple[str, ...] = ()

    def to_json(self) -> str:
        return _to_json(self)

    @classmethod
    def from_json(cls, text: str) -> AuthorizationParameters:
        values: dict[str, Any] = json.loads(text)
        return cls(**{**values, "ui_locales": tuple(values["ui_locales"])})


@dataclass(frozen=True, slots=True)
class OAuthAccess:
    """What an access token proves together with the key it is bound to."""

    did: str
    account_id: int
    grant_id: str
    client_id: str
    scopes: ScopeSet
    is_taken_down: bool
    is_deactivated: bool


def _to_json(value: ClientAuth | AuthorizationParameters) -> str:
    return json.dumps(asdict(value), separators=(",", ":"))
