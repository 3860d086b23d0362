"""The OAuth services, and how they are put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pds.atproto.oauth.scopes.granted import ScopeSet
from pds.atproto.oauth.scopes.permission_set import PermissionSet
from pds.config import Config
from pds.network.client_documents import ClientDocuments
from pds.network.http_client import HttpClient
from pds.services.clock import Clock
from pds.services.look_ups import LookUps
from pds.services.oauth.client_credentials import ClientAuthentication
from pds.services.oauth.clients import Clients
from pds.services.oauth.grants import Grants
from pds.services.oauth.proofs import Proofs
from pds.services.oauth.requests import Requests


@dataclass(frozen=True, slots=True)
class Outside:
    """Ways to other servers.

    strangers: for addresses that anybody may name. own_machine: for those that only a developer's
        server goes to. look_ups: how many may be asked at a time.
    """

    strangers: HttpClient
    own_machine: HttpClient
    look_ups: LookUps


@dataclass(frozen=True, slots=True)
class OAuth:
    """Everything that has to do with clients and what they were allowed."""

    clients: Clients
    proofs: Proofs
    authentication: ClientAuthentication
    requests: Requests
    grants: Grants


class NoPermissionSets:
    """A server that finds none: what includes one is refused."""

    def of(self, _scopes: ScopeSet) -> Mapping[str, PermissionSet]:
        return {}


def build_oauth(config: Config, clock: Clock, outside: Outside) -> OAuth:
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
    return OAuth(
        clients=clients,
        proofs=Proofs(issuer, clock, secret),
        authentication=authentication,
        requests=Requests(authentication, clients, NoPermissionSets(), issuer=issuer, clock=clock),
        grants=Grants(config, clock),
    )
