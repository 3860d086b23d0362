"""How the services are put together: what each gets, and nothing more.

``pds/services/__init__.py`` is the list of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from pds.atproto.lexicon.catalog import Catalog
from pds.atproto.lexicon.validate import Validator
from pds.config import Config
from pds.network.did_resolver import DidResolver
from pds.network.dns_txt import DnsTxt
from pds.network.handle_resolver import AppViewHandles, HandleResolver
from pds.network.hcaptcha import HCaptcha
from pds.network.plc_directory import PlcDirectory, PlcDirectoryClient
from pds.network.relay import Relay
from pds.network.streaming_client import StreamingClient
from pds.services import (
    Services,
    account_activation,
    account_creation,
    account_deletion,
    data_export,
    password_changes,
    plc_operations,
    repo_import,
    takedowns,
)
from pds.services.account_activation import AccountActivation
from pds.services.account_creation import AccountCreation
from pds.services.account_deletion import AccountDeletion
from pds.services.account_info import AccountInfos
from pds.services.accounts import Accounts
from pds.services.app_passwords import AppPasswords
from pds.services.blob_stores import blob_locks, configured_store
from pds.services.blobs import Blobs
from pds.services.browsers import Browsers
from pds.services.captcha import Captcha
from pds.services.clock import Clock
from pds.services.crawl_requests import CrawlRequests
from pds.services.data_export import DataExport
from pds.services.disk_guard import DiskGuard
from pds.services.email_addresses import EmailAddresses
from pds.services.email_tokens import EmailTokens
from pds.services.endings import Endings
from pds.services.feed_generators import FeedGenerators
from pds.services.flood_breaker import FloodBreaker
from pds.services.handle_changes import HandleChanges
from pds.services.handle_suggestions import HandleSuggestions
from pds.services.handles import Handles
from pds.services.health import Health
from pds.services.identity import Identity
from pds.services.identity_journal import IdentityJournal
from pds.services.identity_resolution import IdentityResolution
from pds.services.invite_allowance import InviteRules
from pds.services.invites import Invites
from pds.services.keys import SigningKeys
from pds.services.local_plc import LocalPlc
from pds.services.look_ups import LookUps
from pds.services.mail import Mail
from pds.services.node_source import NodeSource
from pds.services.oauth.parts import Inside, Outside, build_oauth
from pds.services.outbox import build_outbox
from pds.services.password_changes import PasswordChanges
from pds.services.plc_operations import PlcOperations
from pds.services.preferences import Preferences
from pds.services.proxying import Clients, Proxying
from pds.services.rate_limits import RateLimits
from pds.services.read_after_write.replies import ReadAfterWrite
from pds.services.records import Records
from pds.services.repo_export import RepoExport
from pds.services.repo_import import RepoImport
from pds.services.repo_locks import RepoLocks
from pds.services.repos import Repos
from pds.services.reserved_keys import ReservedKeys
from pds.services.sequencer import Sequencer
from pds.services.service_auth import ServiceAuth
from pds.services.service_tokens import ServiceTokens
from pds.services.sessions import Sessions
from pds.services.sign_in import SignIn
from pds.services.signed_in_places import SignedInPlaces
from pds.services.takedowns import Takedowns
from pds.services.upstream_calls import UpstreamCalls
from pds.services.upstream_slots import Bounds, UpstreamSlots
from pds.services.upstream_targets import UpstreamTargets


@dataclass(frozen=True, slots=True)
class _Clients:
    """``strangers``: public addresses only. ``peers``: servers the operator has named."""

    strangers: StreamingClient
    peers: StreamingClient

    def close(self) -> None:
        self.strangers.close()
        self.peers.close()


def build(config: Config, clock: Clock) -> Services:
    """See ``build_services``."""
    clients = _clients(config)
    outbox = build_outbox(config, clock)
    mail = Mail(config, clock, outbox.wake)
    email_tokens = EmailTokens(config, mail, clock)
    local_plc = LocalPlc(clock) if config.did_plc_url is None else None
    look_ups = LookUps(max(1, config.threads // 2), reserved=max(1, config.threads // 8))
    identity = _identity(config, clock, clients, look_ups, local_plc)
    handles = _handles(config, clients, look_ups)
    rate_limits = RateLimits(
        clock,
        enabled=config.rate_limits_enabled,
        bypass_key=config.rate_limit_bypass_key,
        bypass_networks=config.rate_limit_bypass_ips,
    )
    sign_in = SignIn(clock, mail, rate_limits)
    sessions = Sessions(config, clock, sign_in)
    interval_ms = (config.invite_interval or 0) if config.invite_required else 0
    invites = Invites(config.hostname, clock, InviteRules(interval_ms, config.invite_epoch))
    breaker = FloodBreaker(config, clock, mail)
    keys = SigningKeys(identity.rotation_key)
    validator = Validator(Catalog.installed())
    sequencer = Sequencer(clock, retention_us=config.repo_backfill_limit_ms * 1_000)
    journal = IdentityJournal(identity, sequencer, mail, clock)
    disk_guard = DiskGuard(config, clock, mail)
    blobs = Blobs(
        configured_store(config),
        blob_locks(config),
        clock=clock,
        upload_limit_bytes=config.blob_upload_limit,
        check_room=disk_guard.check_room,
    )
    nodes = NodeSource()
    repos = Repos(
        keys=keys,
        sequencer=sequencer,
        blobs=blobs,
        validator=validator,
        nodes=nodes,
        clock=clock,
        locks=RepoLocks(),
    )
    browsers = Browsers(config.jwt_secret, clock)
    outside = Outside(clients.strangers, clients.peers, identity, look_ups)
    oauth = build_oauth(config, clock, outside, Inside(browsers, mail))
    service_auth = ServiceAuth(keys, clock)
    proxying = Proxying(
        config,
        UpstreamTargets(config, identity),
        service_auth,
        Clients(clients.peers, clients.strangers),
        UpstreamSlots(Bounds.for_threads(config.threads)),
    )
    upstream_calls = UpstreamCalls(proxying, validator, config.proxy_max_response_size)
    activation = AccountActivation(
        account_activation.Parts(identity, repos, blobs, keys, sequencer), clock
    )
    accounts = Accounts(
        AccountCreation(
            account_creation.Parts(
                identity, handles, invites, keys, repos, sequencer, sessions, breaker, mail
            ),
            clock,
            invite_required=config.invite_required,
            check_room=disk_guard.check_room,
        ),
        activation,
        AccountDeletion(
            account_deletion.Parts(repos, blobs, email_tokens, sequencer, sign_in), clock
        ),
    )
    repo_export = RepoExport(config.data_directory / "tmp", nodes)
    preferences = Preferences(clock)
    endings = Endings(sessions, browsers, oauth.grants)
    return Services(
        config=config,
        clock=clock,
        validator=validator,
        keys=keys,
        accounts=accounts,
        account_infos=AccountInfos(),
        sign_in=sign_in,
        sessions=sessions,
        app_passwords=AppPasswords(clock, mail),
        service_tokens=ServiceTokens(config, clock, identity),
        service_auth=service_auth,
        proxying=proxying,
        upstream_calls=upstream_calls,
        read_after_write=ReadAfterWrite(config, clock, validator, proxying, upstream_calls),
        feed_generators=FeedGenerators(upstream_calls),
        invites=invites,
        flood_breaker=breaker,
        captcha=_captcha(config, clients),
        handles=handles,
        handle_changes=HandleChanges(identity, handles, journal),
        handle_suggestions=HandleSuggestions(handles),
        identity=identity,
        identity_journal=journal,
        identity_resolution=IdentityResolution(identity, handles),
        plc_operations=PlcOperations(
            plc_operations.Parts(identity, keys, journal, email_tokens, mail)
        ),
        reserved_keys=ReservedKeys(keys, clock),
        repos=repos,
        records=Records(),
        repo_export=repo_export,
        data_export=DataExport(
            data_export.Parts(repo_export, blobs, preferences),
            clock,
            service_name=config.service_name,
        ),
        repo_import=RepoImport(
            config.data_directory / "tmp",
            repo_import.Parts(repos, blobs, keys, identity, sequencer),
            clock,
            disk_guard.check_room,
        ),
        blobs=blobs,
        preferences=preferences,
        takedowns=Takedowns(takedowns.Parts(activation, repos, endings, sequencer), clock),
        sequencer=sequencer,
        crawl_requests=CrawlRequests(
            config, lambda url: Relay(url, clients.peers), sequencer, clock
        ),
        local_plc=local_plc,
        health=Health(clock),
        disk_guard=disk_guard,
        rate_limits=rate_limits,
        mail=mail,
        email_tokens=email_tokens,
        email_addresses=EmailAddresses(email_tokens, mail, clock),
        endings=endings,
        password_changes=PasswordChanges(
            password_changes.Parts(email_tokens, mail, sign_in, endings)
        ),
        oauth=oauth,
        browsers=browsers,
        signed_in_places=SignedInPlaces(browsers, sessions),
        outbox=outbox,
        _clients=clients,
    )


def _captcha(config: Config, clients: _Clients) -> Captcha:
    site_key, secret_key = config.hcaptcha_site_key, config.hcaptcha_secret_key
    if site_key is None or secret_key is None:
        return Captcha(None)
    return Captcha(HCaptcha(site_key, secret_key, clients.strangers))


def _clients(config: Config) -> _Clients:
    private_too = config.is_local or config.disable_ssrf_protection
    return _Clients(
        StreamingClient(allow_private=private_too),
        StreamingClient(allow_private=True, kept_per_host=2 * config.threads),
    )


def _identity(
    config: Config,
    clock: Clock,
    clients: _Clients,
    look_ups: LookUps,
    local_plc: LocalPlc | None,
) -> Identity:
    timeout_s = config.id_resolver_timeout / 1_000
    directory: PlcDirectory = local_plc or PlcDirectoryClient(
        config.did_plc_url or "", clients.peers, read_timeout_s=timeout_s
    )
    resolver = DidResolver(
        directory,
        clients.strangers,
        timeout_s=timeout_s,
        allow_localhost=config.is_local or config.dev_mode,
    )
    # The embedded directory answers at once; a local server's users are no strangers.
    is_quick = local_plc is not None
    return Identity(config, clock, directory, resolver if is_quick else look_ups.bounded(resolver))


def _handles(config: Config, clients: _Clients, look_ups: LookUps) -> Handles:
    nameservers = config.handle_backup_nameservers
    outside = HandleResolver(
        clients.strangers,
        backup_dns=DnsTxt(nameservers) if nameservers else None,
        timeout_s=config.id_resolver_timeout / 1_000,
        allow_test=config.is_local or config.dev_mode,
    )
    url = config.bsky_app_view_url
    app_view = look_ups.bounded(AppViewHandles(url, clients.peers)) if url else None
    return Handles(config, look_ups.bounded(outside), app_view)
