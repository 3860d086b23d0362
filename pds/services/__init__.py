"""What the server can do, whoever asks: the list of services.

Read this first. ``Services`` is what the edges (HTTP methods, jobs, the command line) receive; a
service itself gets only the two or three things it needs: ``building.py`` says which.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pds.services.clock import Clock, system_clock

if TYPE_CHECKING:
    from pds.atproto.lexicon.validate import Validator
    from pds.config import Config
    from pds.services.account_info import AccountInfos
    from pds.services.accounts import Accounts
    from pds.services.app_passwords import AppPasswords
    from pds.services.blobs import Blobs
    from pds.services.browsers import Browsers
    from pds.services.captcha import Captcha
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
    from pds.services.invites import Invites
    from pds.services.keys import SigningKeys
    from pds.services.local_plc import LocalPlc
    from pds.services.mail import Mail
    from pds.services.oauth.parts import OAuth
    from pds.services.outbox import Outbox
    from pds.services.password_changes import PasswordChanges
    from pds.services.plc_operations import PlcOperations
    from pds.services.preferences import Preferences
    from pds.services.proxying import Proxying
    from pds.services.rate_limits import RateLimits
    from pds.services.read_after_write.replies import ReadAfterWrite
    from pds.services.records import Records
    from pds.services.repo_export import RepoExport
    from pds.services.repo_import import RepoImport
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


class Closeable(Protocol):
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Services:
    """Everything the server can do. ``local_plc`` is None when another directory is configured."""

    config: Config
    clock: Clock
    validator: Validator
    keys: SigningKeys
    accounts: Accounts
    account_infos: AccountInfos
    sign_in: SignIn
    sessions: Sessions
    app_passwords: AppPasswords
    service_tokens: ServiceTokens
    service_auth: ServiceAuth
    proxying: Proxying
    upstream_calls: UpstreamCalls
    read_after_write: ReadAfterWrite
    feed_generators: FeedGenerators
    invites: Invites
    flood_breaker: FloodBreaker
    captcha: Captcha
    handles: Handles
    handle_changes: HandleChanges
    handle_suggestions: HandleSuggestions
    identity: Identity
    identity_journal: IdentityJournal
    identity_resolution: IdentityResolution
    plc_operations: PlcOperations
    reserved_keys: ReservedKeys
    repos: Repos
    records: Records
    repo_export: RepoExport
    data_export: DataExport
    repo_import: RepoImport
    blobs: Blobs
    preferences: Preferences
    takedowns: Takedowns
    sequencer: Sequencer
    crawl_requests: CrawlRequests
    local_plc: LocalPlc | None
    health: Health
    disk_guard: DiskGuard
    rate_limits: RateLimits
    mail: Mail
    email_tokens: EmailTokens
    email_addresses: EmailAddresses
    endings: Endings
    password_changes: PasswordChanges
    oauth: OAuth
    browsers: Browsers
    signed_in_places: SignedInPlaces
    outbox: Outbox
    _clients: Closeable

    def resume(self) -> None:
        """Finish or undo what a crash has cut off. Call once, before serving.

        Raises:
            ConfigError: the settings are not those the data was made with.
        """
        from pds.services import installation

        installation.check_rotation_key(self.keys)
        installation.remember_address(self.config)
        self.blobs.begin_serving()
        self.repo_import.cleanup_staging()
        self.accounts.resume_pending()
        self.identity_journal.resume()
        self.accounts.start_clean_up()

    def close(self) -> None:
        """Stop what runs in the background. Call after the last request."""
        self.sequencer.stop()
        self.crawl_requests.stop()
        self.accounts.close()
        self.blobs.close()
        self.outbox.stop()
        self.identity.close()
        self._clients.close()


def build_services(config: Config, clock: Clock = system_clock) -> Services:
    """Put the services together over the open database."""
    from pds.services.building import build  # 0.3 s, which who needs a single one can do without

    return build(config, clock)
