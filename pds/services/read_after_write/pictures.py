"""Where a member's pictures are: at the app view's server of pictures, or here."""

from __future__ import annotations

from typing import Any, Literal

from pds.config import Config

Preset = Literal["avatar", "banner", "feed_thumbnail", "feed_fullsize"]


class Pictures:
    """Addresses of the pictures of one account."""

    def __init__(self, config: Config, did: str) -> None:
        self._pattern = config.bsky_app_view_cdn_url_pattern
        self._public_url: str = config.public_url
        self._did = did

    def url(self, preset: Preset, blob: dict[str, Any]) -> str:
        """The address of a picture in a size; ``blob`` as it stands in a valid record."""
        cid = str(blob["ref"])
        if self._pattern is None:
            query = f"did={self._did}&cid={cid}"
            return f"{self._public_url}/xrpc/com.atproto.sync.getBlob?{query}"
        url = self._pattern
        for part in (preset, self._did, cid):
            url = url.replace("%s", part, 1)
        return url
