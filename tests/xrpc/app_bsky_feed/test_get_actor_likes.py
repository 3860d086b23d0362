"""app.bsky.feed.getActorLikes: the caller's name and picture are up to date."""

from __future__ import annotations

from tests.app_view import LaggingAppView, item, write_post, write_profile

LIKES = "app.bsky.feed.getActorLikes"


def test_a_changed_profile_is_beside_ones_own_posts(app_view: LaggingAppView) -> None:
    did = app_view.proxy.alice.did
    app_view.says(LIKES, {"feed": [item("other", 5), item("own", 0, did)]})
    write_profile(app_view.proxy, displayName="Alice")
    write_post(app_view.proxy, "new")

    answer = app_view.proxy.ask(LIKES, f"?actor={did}")

    authors = [entry["post"]["author"] for entry in answer.json["feed"]]
    assert [author.get("displayName") for author in authors] == [None, "Alice"]
    assert "Atproto-Upstream-Lag" in answer.headers


def test_a_new_post_changes_nothing(app_view: LaggingAppView) -> None:
    did = app_view.proxy.alice.did
    body = app_view.says(LIKES, {"feed": [item("own", 0, did)]})
    write_post(app_view.proxy, "new")

    assert app_view.proxy.ask(LIKES, f"?actor={did}").body == body
