"""A member and their posts, as an app view would show them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pds.atproto import dag_json
from pds.services.read_after_write.embeds import Embeds, View
from pds.services.read_after_write.newer import LocalRecord
from pds.services.read_after_write.pictures import Pictures
from pds.storage.accounts import AccountRow

NO_HANDLE: Final = "handle.invalid"


class LocalViews:
    """Makes views of one member and what they have written."""

    def __init__(
        self,
        account: AccountRow,
        read_profile: Callable[[], dict[str, Any]],
        pictures: Pictures,
        embeds: Embeds,
    ) -> None:
        """read_profile: the value of the member's profile record, empty without one."""
        self.did = account.did
        self._read_profile = read_profile
        self._account = account
        self._pictures = pictures
        self._embeds = embeds
        self._author: View | None = None

    def author(self) -> View:
        """``app.bsky.actor.defs#profileViewBasic``."""
        if self._author is None:
            self._author = {"did": self.did, "handle": self._account.handle or NO_HANDLE}
            self.refresh_basic(self._author, self._read_profile())
        return dict(self._author)

    def is_of(self, at_identifier: str) -> bool:
        """Whether a DID or handle is the member's."""
        return at_identifier == self.did or at_identifier.lower() == self._account.handle

    def post(self, post: LocalRecord) -> View:
        """``app.bsky.feed.defs#postView``. Nobody can have liked what nobody has seen."""
        view: View = {
            "uri": post.uri,
            "cid": str(post.cid),
            "author": self.author(),
            "record": dag_json.to_json(post.value),
            "replyCount": 0,
            "repostCount": 0,
            "likeCount": 0,
            "quoteCount": 0,
            "indexedAt": post.indexed_at,
        }
        embed = self._embeds.view(post.value["embed"]) if "embed" in post.value else None
        if embed is not None:
            view["embed"] = dag_json.to_json(embed)
        return view

    def refresh_basic(self, view: View, profile: dict[str, Any]) -> None:
        """Bring name and picture up to date. ``profile`` is the record's value."""
        _set(view, "displayName", profile.get("displayName"))
        _set(view, "avatar", self._picture("avatar", profile))

    def refresh_detailed(self, view: View, profile: dict[str, Any]) -> None:
        """Bring all that a profile says up to date."""
        self.refresh_basic(view, profile)
        _set(view, "description", profile.get("description"))
        _set(view, "banner", self._picture("banner", profile))

    def _picture(self, name: str, profile: dict[str, Any]) -> str | None:
        blob = profile.get(name)
        if blob is None:
            return None
        return self._pictures.url("avatar" if name == "avatar" else "banner", blob)


def _set(view: View, name: str, value: str | None) -> None:
    if value is None:
        view.pop(name, None)
    else:
        view[name] = value
