"""The OAuth services, and how they are put together."""

from __future__ import annotations

from dataclasses import dataclass

from pds.config import Config
from pds.network.client_documents import ClientDocuments
from pds.network.dns_txt import DnsTxt
from pds.network.http_client import HttpClient
from pds.network.lexicon_authority import LexiconAuthorities
from pds.network.remote_records import RemoteRecords
from pds.services.browsers import Browsers
from pds.services.clock import Clock
from pds.services.identity import Identity
from pds.services.look_ups import LookUps
from pds.services.mail import Mail
from pds.services.oauth import authorization
from pds.services.oauth.access_tokens import AccessTokens
from pds.services.oauth.authorization import Authorization
from pds.services.oauth.client_credentials import ClientAuthentication
from pds.services.oauth.clients import Clients
from pds.services.oauth.expiry import Expiry
from pds.services.oauth.grant_scopes import GrantScopes
from pds.services.oauth.grants import Grants
from pds.services.oauth.lexicons import Lexicons, Sources
from pds.services.oauth.permission_sets import LOCAL_REFRESH_US, REFRESH_US, PermissionSets
from pds.services.oauth.proofs import Proofs
from pds.services.oauth.refresh_tokens import RefreshTokens
from pds.services.oauth.requests import Requests
from pds.services.oauth.token_parts import TokenParts
from pds.services.records import Records


@dataclass(frozen=True, slots=True)
class Outside:
    """Ways to other servers.

    strangers: for addresses that anybody may name. own_machine: for those that only a developer's
        server goes to. identity: DID documents. look_ups: how many may be asked at a time.
    """

    strangers: HttpClient
    own_machine: HttpClient
    identity: Identity
    look_ups: LookUps


@dataclass(frozen=True, slots=True)
class Inside:
    """Services of this server that have other uses too."""

    browsers: Browsers
    mail: Mail


@dataclass(frozen=True, slots=True)
class OAuth:
    """Everything that has to do with clients and what they were allowed."""

    clients: Clients
    permission_sets: PermissionSets
    proofs: Proofs
    authentication: ClientAuthentication
    requests: Requests
    authorization: Authorization
    grants: Grants
    expiry: Expiry


def build_oauth(config: Config, clock: Clock, outside: Outside, inside: Inside) -> OAuth:
    """Put them together; each gets only what it needs."""
    documents = ClientDocuments(
        outside.strangers,
        outside.own_machine if config.oauth_test_clients else None,
        max_bytes=config.fetch_max_response_size,
    )
    secret = bytes.fromhex(config.dpop_secret) if config.dpop_secret else None
    issuer = config.public_url
    clients = Clients(config, documents, outside.look_ups, clock)
    authentication = ClientAuthentication(clients, issuer, clock)
    permission_sets = _permission_sets(config, clock, outside)
    scopes = GrantScopes(permission_sets)
    grants = Grants(TokenParts(AccessTokens(config), RefreshTokens(config), scopes, clock))
    return OAuth(
        clients=clients,
        permission_sets=permission_sets,
        proofs=Proofs(issuer, clock, secret),
        authentication=authentication,
        requests=Requests(authentication, clients, permission_sets, issuer=issuer, clock=clock),
        authorization=Authorization(
            authorization.Parts(
                issuer,
                config.jwt_secret,
                clients,
                permission_sets,
                inside.browsers,
                inside.mail,
            ),
            clock,
        ),
        grants=grants,
        expiry=Expiry(grants, clock),
    )


def _permission_sets(config: Config, clock: Clock, outside: Outside) -> PermissionSets:
    nameservers = config.handle_backup_nameservers
    authorities = LexiconAuthorities(
        backup_dns=DnsTxt(nameservers) if nameservers else None,
        timeout_s=config.id_resolver_timeout / 1_000,
    )
    sources = Sources(authorities, RemoteRecords(outside.strangers), outside.identity, Records())
    # Beside the other look-ups, of which each of these asks for some.
    look_ups = LookUps(max(1, config.threads // 4))
    refresh_us = LOCAL_REFRESH_US if config.is_local else REFRESH_US
    return PermissionSets(Lexicons(config, sources), look_ups, clock, refresh_us=refresh_us)
