"""app.bsky.actor.getProfile: the caller's own profile is as it is here."""

from __future__ import annotations

from tests.app_view import PROFILE_OF, LaggingAppView, author, upload_picture, write_profile


def test_a_changed_profile_is_shown(app_view: LaggingAppView) -> None:
    proxy = app_view.proxy
    app_view.says(
        PROFILE_OF,
        {
            **author(proxy.alice.did, displayName="Old", banner="https://cdn.test/old"),
            "followersCount": 12,
            "avatar": "https://cdn.test/old",
        },
    )
    avatar = upload_picture(proxy)
    write_profile(proxy, displayName="Alice", description="Hello", avatar=avatar)

    reply = app_view.is_asked(PROFILE_OF, f"?actor={proxy.alice.did}")

    blob = f"did={proxy.alice.did}&cid={avatar['ref']}"
    assert reply == {
        "did": proxy.alice.did,
        "handle": "stranger.test",
        "displayName": "Alice",
        "description": "Hello",
        "avatar": f"{proxy.services.config.public_url}/xrpc/com.atproto.sync.getBlob?{blob}",
        "followersCount": 12,
    }


def test_other_peoples_profiles_are_untouched(app_view: LaggingAppView) -> None:
    body = app_view.says(PROFILE_OF, author(displayName="Old"))
    write_profile(app_view.proxy, displayName="Alice")

    assert app_view.proxy.ask(PROFILE_OF, "?actor=stranger.test").body == body


def test_whose_profile_must_be_said(app_view: LaggingAppView) -> None:
    message = f"Invalid {PROFILE_OF} params: actor: is required"

    assert app_view.proxy.ask(PROFILE_OF).error == (400, "InvalidRequest", message)
    assert app_view.proxy.app_view.asked == []
