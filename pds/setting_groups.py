"""Groups of settings that ``pds/config.py`` puts together with its own.

A group is a class of rows like those of ``Config``. Those of ``Config`` are read first, so a
default may be computed from them, or from a row above it in the same group.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from pds.mail_settings import Mailbox, SmtpServer, mailbox, smtp_url
from pds.settings import (
    Network,
    boolean,
    bucket,
    colour,
    did,
    hex_32_bytes,
    integer,
    many,
    network,
    one_of,
    picture_url,
    picture_url_pattern,
    setting,
    text,
    url,
)


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class FirehoseSettings:
    """How long and how patiently events are kept for subscribers, and who is told of them."""

    max_subscription_buffer: int = setting(
        integer(1), 500, "events a subscriber may lag behind before it is dropped"
    )
    repo_backfill_limit_ms: int = setting(
        integer(0), 259_200_000, "how long events are kept for subscribers, in ms (72 hours)"
    )
    crawlers: tuple[str, ...] = setting(many(url), (), "relays told of news")


def _request_timeout_ms(values: Mapping[str, Any]) -> int:
    upload_ms: int = values["blobstore_s3_upload_timeout_ms"]
    return max(min(upload_ms, 15_000), 6_000)


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class BucketSettings:
    """The bucket of an S3 service that holds pictures and videos, where they are not on disk."""

    blobstore_s3_bucket: str | None = setting(
        bucket, None, "bucket for pictures and videos, in place of the disk"
    )
    blobstore_s3_region: str | None = setting(
        text, None, "its region", shown="AWS_REGION, else us-east-1"
    )
    blobstore_s3_endpoint: str | None = setting(url, None, "address of the service", shown="AWS's")
    blobstore_s3_force_path_style: bool = setting(
        boolean, False, "address the bucket as a folder of the endpoint, not as a host name"
    )
    blobstore_s3_access_key_id: str | None = setting(
        text, None, "access key", shown="what AWS's tools find", secret=True
    )
    blobstore_s3_secret_access_key: str | None = setting(
        text, None, "its secret", shown="what AWS's tools find", secret=True
    )
    blobstore_s3_upload_timeout_ms: int = setting(
        integer(1), 20_000, "longest that storing or fetching one blob may take, in ms"
    )
    blobstore_s3_request_timeout_ms: int = setting(
        integer(1),
        _request_timeout_ms,
        "wait for the service's next bytes, in ms",
        shown="the one above, but 6000 to 15000",
    )


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class UpstreamSettings:
    """Services of the network that this server asks."""

    bsky_app_view_url: str | None = setting(
        url, None, "app view: answers what this server does not, and knows handles"
    )
    bsky_app_view_did: str | None = setting(did, None, "its DID")
    bsky_app_view_cdn_url_pattern: str | None = setting(
        picture_url_pattern,
        None,
        "address of its pictures, with %s for size, DID and CID; else they are fetched here",
    )
    age_assurance: str = setting(
        one_of("proxy", "assured"),
        "proxy",
        "who tells apps whether members are of age: the app view (proxy), or you (assured)",
    )
    mod_service_url: str | None = setting(
        url, None, "where moderators' tools and reports are passed on to"
    )
    mod_service_did: str | None = setting(
        did, None, "moderation service that may use the moderators' methods"
    )
    report_service_url: str | None = setting(
        url,
        lambda values: values["mod_service_url"],
        "where reports go",
        shown="PDS_MOD_SERVICE_URL",
    )
    report_service_did: str | None = setting(
        did, lambda values: values["mod_service_did"], "its DID", shown="PDS_MOD_SERVICE_DID"
    )
    proxy_headers_timeout: int = setting(
        integer(1), 10_000, "wait for the head of another service's answer, in ms"
    )
    proxy_body_timeout: int = setting(
        integer(1), 30_000, "wait for more of another service's answer, in ms"
    )
    proxy_max_response_size: int = setting(
        integer(1), 10_485_760, "how much of an answer is held for a slow reader, in bytes"
    )
    proxy_max_retries: int = setting(
        integer(0, 10), 0, "further tries of a read that could not be sent on"
    )
    proxy_prefer_compressed: bool = setting(
        boolean, False, "ask for compressed answers where this server has to read them"
    )


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class LimitSettings:
    """How often methods may be called, and who may call them as often as they like."""

    rate_limits_enabled: bool = setting(
        boolean,
        lambda values: values["hostname"] != "localhost",
        "limit how often methods may be called",
        shown="true, but false for localhost",
    )
    rate_limit_bypass_key: str | None = setting(
        text, None, "value of the header x-ratelimit-bypass that lifts the limits", secret=True
    )
    rate_limit_bypass_ips: tuple[Network, ...] = setting(
        many(network), (), "addresses without limits; they are believed as proxies, too"
    )


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class WatchSettings:
    """What watches the server, and from when on it protects itself."""

    metrics_token: str | None = setting(
        text, None, "bearer token for /metrics; without one only this machine may ask", secret=True
    )
    disk_warn_mib: int = setting(
        integer(0), 2_048, "free space below which the operator is told, in MiB"
    )
    disk_full_mib: int = setting(
        integer(0), 512, "free space below which uploads and sign-ups are refused, in MiB"
    )
    disk_read_only_mib: int = setting(
        integer(0), 128, "free space below which nothing can be changed, in MiB"
    )


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class BrandingSettings:
    """What this server is called, and how its pages and its mail look."""

    service_name: str = setting(
        text,
        lambda values: f"{values['hostname']} PDS",
        "name on pages and in mail",
        shown="`<hostname> PDS`",
    )
    logo_url: str | None = setting(picture_url, None, "picture at the top of pages and mail")
    home_url: str | None = setting(url, None, "your own site: link at the end of pages and mail")
    terms_of_service_url: str | None = setting(url, None, "link on pages and in describeServer")
    privacy_policy_url: str | None = setting(url, None, "link on pages and in describeServer")
    support_url: str | None = setting(url, None, "where people with questions are sent")
    primary_color: str = setting(colour, "#b4481e", "colour of buttons, links and headings of mail")
    error_color: str = setting(colour, "#b3261e", "colour of failures and of what cannot be undone")
    warning_color: str = setting(colour, "#a86400", "colour of warnings")
    info_color: str = setting(colour, "#2b6cb0", "colour of advice")
    success_color: str = setting(colour, "#2e7d32", "colour of what has worked")
    background_light_url: str | None = setting(
        picture_url, None, "picture behind pages, for those who prefer light ones"
    )
    background_dark_url: str | None = setting(
        picture_url, None, "picture behind pages, for those who prefer dark ones"
    )


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class MailSettings:
    """How mail leaves, and from whom it comes."""

    email_smtp_url: SmtpServer | None = setting(  # noqa: RUF009 # as dataclasses.field
        smtp_url,
        None,
        "mail server, with user and password; without it no mail is sent",
        secret=True,
    )
    email_from_address: Mailbox | None = setting(  # noqa: RUF009 # likewise
        mailbox, None, "sender of mail"
    )
    email_disable_confirmation_link: bool = setting(
        boolean, False, "no link to bsky.app in the mail that confirms an address"
    )
    moderation_email_smtp_url: SmtpServer | None = setting(  # noqa: RUF009 # likewise
        smtp_url, None, "mail server for moderators' mail, if it is another", secret=True
    )
    moderation_email_address: Mailbox | None = setting(  # noqa: RUF009 # likewise
        mailbox, None, "sender of moderators' mail"
    )


def _is_for_trying(values: Mapping[str, Any]) -> bool:
    return values["hostname"] == "localhost" or bool(values["dev_mode"])


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class SignUpSettings:
    """How many may come, and what members get to invite others with.

    Whether invites are needed is beside the hostname.
    """

    sign_ups_per_hour: int = setting(
        integer(0),
        lambda values: 0 if _is_for_trying(values) else 20,
        "new accounts in an hour, after which sign-up closes until the operator opens it; 0: any",
        shown="20, but 0 for localhost and with PDS_DEV_MODE",
    )
    max_accounts: int = setting(
        integer(0),
        lambda values: 0 if _is_for_trying(values) else 90,
        "accounts in all, after which nobody more can sign up; 0: any number",
        shown="90, but 0 for localhost and with PDS_DEV_MODE",
    )
    hcaptcha_site_key: str | None = setting(
        text, None, "hCaptcha on the page for signing up: the key of the site"
    )
    hcaptcha_secret_key: str | None = setting(
        text, None, "and the secret to check answers with", secret=True
    )

    invite_interval: int | None = setting(
        integer(0), None, "members earn an invite code this often, in ms"
    )
    invite_epoch: int = setting(
        integer(0), 0, "time before this earns no invite codes, in ms since 1970"
    )


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class OAuthSettings:
    """Which apps are trusted, and how their documents and permission sets are fetched."""

    oauth_trusted_clients: tuple[str, ...] = setting(
        many(text), (), "client ids of apps shown by name and logo, and allowed once for all"
    )
    oauth_test_clients: bool = setting(
        boolean,
        False,
        "admit apps under test, whose documents are at http://127.0.0.1; for developers",
    )
    dpop_secret: str | None = setting(
        hex_32_bytes,
        None,
        "makes the nonces of OAuth proofs, so that they outlive a restart",
        shown="a new one with every start",
        secret=True,
    )
    fetch_max_response_size: int = setting(
        integer(1), 524_288, "largest document of an app that is fetched, in bytes"
    )
    lexicon_authority_did: str | None = setting(
        did, None, "whose repo all permission sets are taken from, in place of each one's own"
    )
