"""New replies, in the reply of getPostThread, and threads of posts the app view does not know yet.

Threads nest as deep as app views please, so they are walked without recursion.
"""

from __future__ import annotations

from typing import Any, Final

from pds.services.read_after_write.embeds import View
from pds.services.read_after_write.local_views import LocalViews
from pds.services.read_after_write.newer import LocalRecord, Newer

THREAD: Final = "app.bsky.feed.defs#threadViewPost"


def munge_thread(reply: View, newer: Newer, views: LocalViews, _params: dict[str, Any]) -> bool:
    """app.bsky.feed.getPostThread. Says whether it has changed the reply."""
    thread = reply["thread"]
    return thread.get("$type") == THREAD and _add_replies(thread, newer.posts, views)


def thread_of(uri: str, newer: Newer, views: LocalViews) -> View | None:
    """The thread of a new post of the member's, without what it replies to."""
    for post in newer.posts:
        if post.uri == uri:
            thread = _node(post, views)
            _add_replies(thread, [other for other in newer.posts if other is not post], views)
            return thread
    return None


def parent_of(thread: View) -> str | None:
    """What the post replies to."""
    reply = thread["post"]["record"].get("reply")
    return None if reply is None else str(reply["parent"]["uri"])


def _add_replies(thread: View, posts: list[LocalRecord], views: LocalViews) -> bool:
    """Put each post, oldest first, at the head of the replies to the one it answers."""
    shown = thread["post"]
    root = shown["record"].get("reply", {}).get("root", {}).get("uri", shown["uri"])
    changed = False
    for post in posts:
        reply = post.value.get("reply")
        if reply is None or reply["root"]["uri"] not in (root, shown["uri"]):
            continue
        nodes = _posts_below(thread)
        parent = nodes.get(reply["parent"]["uri"])
        if parent is not None and post.uri not in nodes:
            parent["replies"] = [_node(post, views), *parent.get("replies", ())]
            changed = True
    return changed


def _posts_below(thread: View) -> dict[str, View]:
    """The posts of a thread by URI: the one it is about, and all the replies that are shown."""
    found: dict[str, View] = {}
    waiting = [thread]
    while waiting:
        node = waiting.pop()
        if node.get("$type") == THREAD:
            found[node["post"]["uri"]] = node
            waiting += node.get("replies", ())
    return found


def _node(post: LocalRecord, views: LocalViews) -> View:
    return {"$type": THREAD, "post": views.post(post)}
