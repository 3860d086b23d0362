"""Groups of settings that ``pds/config.py`` puts together with its own.

A group is a class of rows like those of ``Config``. Those of ``Config`` are read first, so a
default may be computed from them, or from a row above it in the same group.
"""

from __future__ import annotations

import dataclasses

from pds.settings import Network, boolean, did, integer, many, network, setting, text, url


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class FirehoseSettings:
    """How long and how patiently events are kept for subscribers, and who is told of them."""

    max_subscription_buffer: int = setting(
        integer(1), 500, "events a subscriber may lag behind before it is dropped"
    )
    repo_backfill_limit_ms: int = setting(
        integer(0), 259_200_000, "how long events are kept for subscribers, in ms (72 hours)"
    )
    crawlers: tuple[str, ...] = setting(many(url), (), "relays told of news", effect="later")


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class UpstreamSettings:
    """Services of the network that this server asks."""

    bsky_app_view_url: str | None = setting(
        url, None, "app view that is asked for handles this server cannot resolve"
    )
    bsky_app_view_did: str | None = setting(did, None, "its DID")
    mod_service_did: str | None = setting(
        did, None, "moderation service that may use the moderators' methods"
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
