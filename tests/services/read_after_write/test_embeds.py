"""What new posts show beside their text, and where the pictures are."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from pds.atproto.syntax.at_uri import make_at_uri
from tests.app_view import (
    STRANGER,
    TIMELINE,
    LaggingAppView,
    author,
    lagging_app_view,
    post_view,
    upload_picture,
    write_post,
    write_profile,
)
from tests.factories import StillClock
from tests.repo_methods import OTHER_CID

CDN = "https://cdn.test/img/%s/plain/%s/%s@jpeg"
EMBED = "app.bsky.embed."
GET_POSTS = "app.bsky.feed.getPosts"
GENERATOR = make_at_uri(STRANGER, "app.bsky.feed.generator", "cats")
LIST = make_at_uri(STRANGER, "app.bsky.graph.list", "3jzfcijpj2z2a")
QUOTED = post_view("3jzfcijpj2z2a", 0)


def shown(app_view: LaggingAppView, embed: dict[str, Any]) -> Any:
    """The embed's view in a timeline with a new post, which fits the Lexicon."""
    app_view.says(TIMELINE, {"feed": []})
    write_post(app_view.proxy, "mine", embed=embed)
    reply = app_view.is_asked(TIMELINE)
    app_view.proxy.services.validator.check_output(TIMELINE, reply)
    return reply["feed"][0]["post"].get("embed")


def record(uri: str) -> dict[str, Any]:
    return {"$type": f"{EMBED}record", "record": {"uri": uri, "cid": OTHER_CID}}


def blob_url(app_view: LaggingAppView, blob: dict[str, Any]) -> str:
    proxy = app_view.proxy
    query = f"did={proxy.alice.did}&cid={blob['ref']}"
    return f"{proxy.services.config.public_url}/xrpc/com.atproto.sync.getBlob?{query}"


# --- pictures -----------------------------------------------------------------------------------


def test_images_are_here_until_the_app_view_has_them(app_view: LaggingAppView) -> None:
    blob = upload_picture(app_view.proxy)
    ratio = {"width": 4, "height": 3}
    images = [{"image": blob, "alt": "a cat", "aspectRatio": ratio}, {"image": blob, "alt": ""}]

    view = shown(app_view, {"$type": f"{EMBED}images", "images": images})

    url = blob_url(app_view, blob)
    assert view == {
        "$type": f"{EMBED}images#view",
        "images": [
            {"thumb": url, "fullsize": url, "alt": "a cat", "aspectRatio": ratio},
            {"thumb": url, "fullsize": url, "alt": ""},
        ],
    }
    path = url.removeprefix(app_view.proxy.services.config.public_url)
    assert app_view.proxy.stage.web.get(path).body.startswith(b"\x89PNG")


def test_a_gallery_is_shown(app_view: LaggingAppView) -> None:
    blob, ratio = upload_picture(app_view.proxy), {"width": 4, "height": 3}
    image = {"$type": f"{EMBED}gallery#image", "image": blob, "alt": "x", "aspectRatio": ratio}

    view = shown(app_view, {"$type": f"{EMBED}gallery", "items": [image]})

    url = blob_url(app_view, blob)
    assert view["items"] == [
        {
            "$type": f"{EMBED}gallery#viewImage",
            "thumbnail": url,
            "fullsize": url,
            "alt": "x",
            "aspectRatio": ratio,
        }
    ]


def test_a_link_is_shown_with_its_picture(app_view: LaggingAppView) -> None:
    blob = upload_picture(app_view.proxy)
    link = {"uri": "https://example.com/a", "title": "A", "description": "B"}

    view = shown(app_view, {"$type": f"{EMBED}external", "external": {**link, "thumb": blob}})
    assert view == {
        "$type": f"{EMBED}external#view",
        "external": {**link, "thumb": blob_url(app_view, blob)},
    }


def test_a_link_may_have_no_picture(app_view: LaggingAppView) -> None:
    link = {"uri": "https://example.com/a", "title": "A", "description": "B"}

    assert shown(app_view, {"$type": f"{EMBED}external", "external": link})["external"] == link


def test_pictures_are_where_the_operator_says(
    tmp_path: Path, clock: StillClock, open_database: Path
) -> None:
    del open_database
    with lagging_app_view(tmp_path, clock, bsky_app_view_cdn_url_pattern=CDN) as app_view:
        did, blob = app_view.proxy.alice.did, upload_picture(app_view.proxy)
        write_profile(app_view.proxy, avatar=blob)
        images = [{"image": blob, "alt": ""}]

        view = shown(app_view, {"$type": f"{EMBED}images", "images": images})

        def url(preset: str) -> str:
            return f"https://cdn.test/img/{preset}/plain/{did}/{blob['ref']}@jpeg"

        assert view["images"][0]["thumb"] == url("feed_thumbnail")
        assert view["images"][0]["fullsize"] == url("feed_fullsize")
        [item] = app_view.is_asked(TIMELINE)["feed"]
        assert item["post"]["author"]["avatar"] == url("avatar")

        own = "app.bsky.actor.getProfile"
        app_view.says(own, author(did))
        write_profile(app_view.proxy, banner=blob)
        profile = app_view.is_asked(own, f"?actor={did}")
        assert profile["banner"] == url("banner")
        assert "avatar" not in profile


def test_videos_wait_for_the_app_view(app_view: LaggingAppView) -> None:
    services, alice = app_view.proxy.services, app_view.proxy.alice
    mp4 = io.BytesIO(b"\x00\x00\x00\x18ftypmp42")
    blob = services.blobs.upload(alice.row, mp4, "video/mp4").to_value()

    assert shown(app_view, {"$type": f"{EMBED}video", "video": blob}) is None


# --- what others have written -------------------------------------------------------------------


def test_a_quoted_post_is_asked_for(app_view: LaggingAppView) -> None:
    embedded = {"$type": f"{EMBED}images#view", "images": []}
    app_view.says(GET_POSTS, {"posts": [{**QUOTED, "labels": [], "embed": embedded}]})

    view = shown(app_view, record(QUOTED["uri"]))

    assert view == {
        "$type": f"{EMBED}record#view",
        "record": {
            "$type": f"{EMBED}record#viewRecord",
            "uri": QUOTED["uri"],
            "cid": QUOTED["cid"],
            "author": QUOTED["author"],
            "value": QUOTED["record"],
            "labels": [],
            "embeds": [embedded],
            "indexedAt": QUOTED["indexedAt"],
        },
    }
    claims = app_view.proxy.app_view.claims[-1]
    assert (claims.aud, claims.lxm) == (app_view.proxy.app_view.did, GET_POSTS)


def test_a_feed_is_asked_for(app_view: LaggingAppView) -> None:
    generator = {
        "uri": GENERATOR,
        "cid": OTHER_CID,
        "did": "did:web:feeds.test",
        "creator": author(),
        "displayName": "Cats",
        "indexedAt": "2026-01-01T00:00:00.000Z",
    }
    reply = {"view": generator, "isOnline": True, "isValid": True}
    app_view.says("app.bsky.feed.getFeedGenerator", reply)

    view = shown(app_view, record(GENERATOR))

    assert view["record"] == {"$type": "app.bsky.feed.defs#generatorView", **generator}


def test_a_list_is_asked_for(app_view: LaggingAppView) -> None:
    found = {
        "uri": LIST,
        "cid": OTHER_CID,
        "creator": author(),
        "name": "Friends",
        "purpose": "app.bsky.graph.defs#curatelist",
        "indexedAt": "2026-01-01T00:00:00.000Z",
    }
    app_view.says("app.bsky.graph.getList", {"list": found, "items": []})

    view = shown(app_view, record(LIST))

    assert view["record"] == {"$type": "app.bsky.graph.defs#listView", **found}


@pytest.mark.parametrize(
    "uri", [QUOTED["uri"], GENERATOR, LIST, make_at_uri(STRANGER, "a.b.c", "d")]
)
def test_what_the_app_view_does_not_tell_is_not_found(app_view: LaggingAppView, uri: str) -> None:
    for nsid in (GET_POSTS, "app.bsky.feed.getFeedGenerator", "app.bsky.graph.getList"):
        app_view.says(nsid, {"error": "NotFound", "message": "No"}, 400)

    view = shown(app_view, record(uri))

    not_found = {"$type": f"{EMBED}record#viewNotFound", "uri": uri, "notFound": True}
    assert view == {"$type": f"{EMBED}record#view", "record": not_found}


def test_a_post_that_is_gone_is_not_found(app_view: LaggingAppView) -> None:
    app_view.says(GET_POSTS, {"posts": []})

    view = shown(app_view, record(QUOTED["uri"]))

    assert view["record"]["$type"] == f"{EMBED}record#viewNotFound"


def test_an_app_view_that_fails_is_not_asked_again(app_view: LaggingAppView) -> None:
    def break_off(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("content-length", "1000")
        handler.end_headers()
        handler.close_connection = True

    app_view.proxy.app_view.routes[f"/xrpc/{GET_POSTS}"] = break_off
    write_post(app_view.proxy, "one", embed=record(QUOTED["uri"]))

    view = shown(app_view, record(QUOTED["uri"]))

    assert view["record"]["$type"] == f"{EMBED}record#viewNotFound"
    asked = [asked.path for asked in app_view.proxy.app_view.asked]
    assert len([path for path in asked if GET_POSTS in path]) == 1


def test_a_quote_with_pictures_is_both(app_view: LaggingAppView) -> None:
    app_view.says(GET_POSTS, {"posts": [QUOTED]})
    blob = upload_picture(app_view.proxy)
    media = {"$type": f"{EMBED}images", "images": [{"image": blob, "alt": ""}]}
    quote = {key: value for key, value in record(QUOTED["uri"]).items() if key != "$type"}

    view = shown(app_view, {"$type": f"{EMBED}recordWithMedia", "record": quote, "media": media})

    assert view["record"]["record"]["uri"] == QUOTED["uri"]
    assert view["media"]["images"][0]["fullsize"] == blob_url(app_view, blob)
