"""What a post shows beside its text, as app views show it.

Of what others have written only the app view knows enough, so it is asked. Videos are not here: the
app view has to process them first.
Spec: https://github.com/bluesky-social/atproto/tree/main/lexicons/app/bsky/embed
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pds.atproto.syntax.at_uri import AtUri
from pds.services.read_after_write.pictures import Pictures

View = dict[str, Any]
Ask = Callable[[str, dict[str, str]], View | None]
"""Calls a query of the app view for the member: NSID and parameters → reply, None if it fails."""

_EMBED: Final = "app.bsky.embed."


class Embeds:
    """Makes views of the embeds of one member's posts."""

    def __init__(self, pictures: Pictures, ask: Ask) -> None:
        self._pictures = pictures
        self._ask = ask

    def view(self, embed: View) -> View | None:
        """The view of an embed as it stands in a post; None when it is not to be shown yet."""
        kind = str(embed.get("$type", "")).removeprefix(_EMBED)
        if kind == "record":
            return self._record(embed)
        if kind == "recordWithMedia":
            media = self._media(embed["media"])
            if media is None:
                return None
            record = self._record(embed["record"])
            return {"$type": f"{_EMBED}recordWithMedia#view", "record": record, "media": media}
        return self._media(embed)

    def _media(self, embed: View) -> View | None:
        kind = str(embed.get("$type", "")).removeprefix(_EMBED)
        if kind == "images":
            images = [self._image(item, "thumb") for item in embed["images"]]
            return {"$type": f"{_EMBED}images#view", "images": images}
        if kind == "gallery":
            items = [
                {"$type": f"{_EMBED}gallery#viewImage", **self._image(item, "thumbnail")}
                for item in embed["items"]
            ]
            return {"$type": f"{_EMBED}gallery#view", "items": items}
        return self._external(embed["external"]) if kind == "external" else None

    def _image(self, image: View, thumbnail: str) -> View:
        view = {
            thumbnail: self._pictures.url("feed_thumbnail", image["image"]),
            "fullsize": self._pictures.url("feed_fullsize", image["image"]),
            "alt": image["alt"],
        }
        if "aspectRatio" in image:
            view["aspectRatio"] = image["aspectRatio"]
        return view

    def _external(self, external: View) -> View:
        view = {name: external[name] for name in ("uri", "title", "description")}
        if "thumb" in external:
            view["thumb"] = self._pictures.url("feed_thumbnail", external["thumb"])
        return {"$type": f"{_EMBED}external#view", "external": view}

    def _record(self, embed: View) -> View:
        uri = embed["record"]["uri"]
        view = self._record_view(AtUri.parse(uri))
        if view is None:
            view = {"$type": f"{_EMBED}record#viewNotFound", "uri": uri, "notFound": True}
        return {"$type": f"{_EMBED}record#view", "record": view}

    def _record_view(self, uri: AtUri) -> View | None:
        if uri.collection == "app.bsky.feed.post":
            found = self._ask("app.bsky.feed.getPosts", {"uris": uri})
            return _quoted(found["posts"][0]) if found and found["posts"] else None
        if uri.collection == "app.bsky.feed.generator":
            found = self._ask("app.bsky.feed.getFeedGenerator", {"feed": uri})
            return {"$type": "app.bsky.feed.defs#generatorView", **found["view"]} if found else None
        if uri.collection == "app.bsky.graph.list":
            found = self._ask("app.bsky.graph.getList", {"list": uri, "limit": "1"})
            return {"$type": "app.bsky.graph.defs#listView", **found["list"]} if found else None
        return None


def _quoted(post: View) -> View:
    view = {
        "$type": f"{_EMBED}record#viewRecord",
        "uri": post["uri"],
        "cid": post["cid"],
        "author": post["author"],
        "value": post["record"],
        "indexedAt": post["indexedAt"],
    }
    if "labels" in post:
        view["labels"] = post["labels"]
    if "embed" in post:
        view["embeds"] = [post["embed"]]
    return view
