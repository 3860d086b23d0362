"""app.bsky.feed.getAuthorFeed: the caller's own feed is up to date."""

from __future__ import annotations

from typing import Any

import pytest

from tests.app_view import (
    AUTHOR_FEED,
    STRANGER,
    LaggingAppView,
    item,
    upload_picture,
    write_post,
    write_profile,
)

PIN = {"$type": "app.bsky.feed.defs#reasonPin"}


def texts(reply: Any) -> list[str]:
    return [entry["post"]["record"]["text"] for entry in reply["feed"]]


@pytest.mark.parametrize("actor", ["did", "handle", "HANDLE"])
def test_a_new_post_is_in_ones_own_feed(app_view: LaggingAppView, actor: str) -> None:
    alice = app_view.proxy.alice
    app_view.says(AUTHOR_FEED, {"feed": [item("old", 0, alice.did)]})
    write_post(app_view.proxy, "mine")
    named = {"did": alice.did, "handle": alice.handle, "HANDLE": alice.handle.upper()}[actor]

    assert texts(app_view.is_asked(AUTHOR_FEED, f"?actor={named}")) == ["mine", "old"]


def test_the_first_post_is_in_an_empty_feed(app_view: LaggingAppView) -> None:
    app_view.says(AUTHOR_FEED, {"feed": []})
    write_post(app_view.proxy, "mine")

    query = f"?actor={app_view.proxy.alice.did}"
    assert texts(app_view.is_asked(AUTHOR_FEED, query)) == ["mine"]


def test_other_peoples_feeds_are_untouched(app_view: LaggingAppView) -> None:
    body = app_view.says(AUTHOR_FEED, {"feed": [item("old", 0, app_view.proxy.alice.did)]})
    write_post(app_view.proxy, "mine")
    write_profile(app_view.proxy, displayName="Alice")

    answer = app_view.proxy.ask(AUTHOR_FEED, f"?actor={STRANGER}")

    assert answer.body == body


def test_what_is_pinned_stays_on_top(app_view: LaggingAppView) -> None:
    did = app_view.proxy.alice.did
    app_view.says(AUTHOR_FEED, {"feed": [item("pinned", 0, did, reason=PIN), item("old", 1, did)]})
    write_post(app_view.proxy, "mine")

    reply = app_view.is_asked(AUTHOR_FEED, f"?actor={did}&includePins=true")

    assert texts(reply) == ["pinned", "mine", "old"]


def test_a_changed_profile_is_beside_each_post_of_ones_own(app_view: LaggingAppView) -> None:
    did = app_view.proxy.alice.did
    by = {"by": {"did": did, "handle": "alice.test"}, "indexedAt": "2026-01-01T00:00:00.000Z"}
    repost = {"$type": "app.bsky.feed.defs#reasonRepost", **by}
    app_view.says(AUTHOR_FEED, {"feed": [item("liked", 5, reason=repost), item("old", 0, did)]})
    write_profile(app_view.proxy, displayName="Alice")

    reply = app_view.is_asked(AUTHOR_FEED, f"?actor={did}")

    assert [entry["post"]["author"].get("displayName") for entry in reply["feed"]] == [
        None,
        "Alice",
    ]


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("posts_with_replies", ["picture", "thread", "answer", "plain"]),
        ("posts_no_replies", ["picture", "plain"]),
        ("posts_and_author_threads", ["picture", "thread", "plain"]),
        ("posts_with_media", ["picture"]),
        ("posts_with_video", []),
        ("something_new", []),
    ],
)
def test_what_a_filter_leaves_out_is_not_put_in(
    app_view: LaggingAppView, kind: str, shown: list[str]
) -> None:
    proxy = app_view.proxy
    app_view.says(AUTHOR_FEED, {"feed": []})
    plain = write_post(proxy, "plain")
    own = {"uri": plain["uri"], "cid": plain["cid"]}
    other = {"uri": f"at://{STRANGER}/app.bsky.feed.post/a", "cid": plain["cid"]}
    write_post(proxy, "answer", reply={"root": other, "parent": other})
    write_post(proxy, "thread", reply={"root": own, "parent": own})
    images = [{"image": upload_picture(proxy), "alt": ""}]
    write_post(proxy, "picture", embed={"$type": "app.bsky.embed.images", "images": images})

    reply = app_view.is_asked(AUTHOR_FEED, f"?actor={proxy.alice.did}&filter={kind}")

    assert texts(reply) == shown
