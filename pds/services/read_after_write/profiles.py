"""A changed profile, in the replies of getProfile and getProfiles.

Each function says whether it has changed the reply.
"""

from __future__ import annotations

from typing import Any

from pds.services.read_after_write.embeds import View
from pds.services.read_after_write.local_views import LocalViews
from pds.services.read_after_write.newer import Newer


def munge_profile(reply: View, newer: Newer, views: LocalViews, _params: dict[str, Any]) -> bool:
    """app.bsky.actor.getProfile."""
    if newer.profile is None or reply["did"] != views.did:
        return False
    views.refresh_detailed(reply, newer.profile.value)
    return True


def munge_profiles(reply: View, newer: Newer, views: LocalViews, params: dict[str, Any]) -> bool:
    """app.bsky.actor.getProfiles. All are looked at: somebody may be asked for twice."""
    changed = [munge_profile(profile, newer, views, params) for profile in reply["profiles"]]
    return any(changed)


def refresh_author(items: list[View], newer: Newer, views: LocalViews) -> bool:
    """The member's own name and picture beside their posts in a feed."""
    if newer.profile is None:
        return False
    authors = [item["post"]["author"] for item in items]
    own = [author for author in authors if author["did"] == views.did]
    for author in own:
        views.refresh_basic(author, newer.profile.value)
    return bool(own)
