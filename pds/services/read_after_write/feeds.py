"""New posts, in the replies of getTimeline, getAuthorFeed and getActorLikes.

Each munging function says whether it has changed the reply. Feeds are newest first, each item at
the time of its post's ``indexedAt``, which is ISO text in UTC.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pds.services.read_after_write.embeds import View
from pds.services.read_after_write.local_views import LocalViews
from pds.services.read_after_write.newer import LocalRecord, Newer
from pds.services.read_after_write.profiles import refresh_author

Params = dict[str, Any]

_EPOCH: Final = "1970-01-01T00:00:00.000Z"
_PIN: Final = "app.bsky.feed.defs#reasonPin"
_PICTURES: Final = ("app.bsky.embed.images", "app.bsky.embed.gallery")


def munge_timeline(reply: View, newer: Newer, views: LocalViews, params: Params) -> bool:
    """app.bsky.feed.getTimeline."""
    return _insert(reply["feed"], newer.posts, views, is_first="cursor" not in params)


def munge_author_feed(reply: View, newer: Newer, views: LocalViews, params: Params) -> bool:
    """app.bsky.feed.getAuthorFeed, where it is the member's own."""
    if not views.is_of(params["actor"]):
        return False
    refreshed = refresh_author(reply["feed"], newer, views)
    belongs = _FILTERS.get(params["filter"])
    posts = [post for post in newer.posts if belongs and belongs(post.value, views.did)]
    inserted = _insert(reply["feed"], posts, views, is_first="cursor" not in params)
    return refreshed or inserted


def munge_actor_likes(reply: View, newer: Newer, views: LocalViews, _params: Params) -> bool:
    """app.bsky.feed.getActorLikes: what is liked is older than what is new here."""
    return refresh_author(reply["feed"], newer, views)


def _insert(
    feed: list[View],
    posts: list[LocalRecord],
    views: LocalViews,
    *,
    is_first: bool,  # the page: what is newer than a later page belongs to one before
) -> bool:
    known = {item["post"]["uri"] for item in feed}
    unpinned = [item for item in feed if item.get("reason", {}).get("$type") != _PIN]
    newest = unpinned[0]["post"]["indexedAt"] if unpinned else _EPOCH
    oldest = unpinned[-1]["post"]["indexedAt"] if unpinned else _EPOCH
    missing = [
        post
        for post in posts
        if post.uri not in known
        and post.indexed_at > oldest
        and (is_first or post.indexed_at <= newest)
    ]
    for post in reversed(missing):
        feed.insert(_place(feed, post.indexed_at), {"post": views.post(post)})
    return bool(missing)


def _place(feed: list[View], indexed_at: str) -> int:
    """Before the first item that is older; what is pinned stays where it is."""
    for at, item in enumerate(feed):
        is_pinned = item.get("reason", {}).get("$type") == _PIN
        if item["post"]["indexedAt"] < indexed_at and not is_pinned:
            return at
    return len(feed)


def _is_in_own_thread(post: dict[str, Any], did: str) -> bool:
    reply = post.get("reply")
    if reply is None:
        return True
    return all(reply[end]["uri"].startswith(f"at://{did}/") for end in ("root", "parent"))


def _has_pictures(post: dict[str, Any], _did: str) -> bool:
    embed = post.get("embed", {})
    media = embed.get("media", {})
    return embed.get("$type") in _PICTURES or media.get("$type") in _PICTURES


# Videos are not shown before the app view has processed them, and nor are posts of them.
_FILTERS: Final[dict[str, Callable[[dict[str, Any], str], bool]]] = {
    "posts_with_replies": lambda _post, _did: True,
    "posts_no_replies": lambda post, _did: "reply" not in post,
    "posts_and_author_threads": _is_in_own_thread,
    "posts_with_media": _has_pictures,
}
