"""Groups of settings that ``pds/config.py`` puts together with its own.

A group is a class of rows like those of ``Config``; a row whose default is computed from another
setting belongs into ``Config`` itself or into the group of that setting, below it.
"""

from __future__ import annotations

import dataclasses

from pds.settings import did, integer, many, setting, url


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
