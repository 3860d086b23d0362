"""Which record another record points at, for the four kinds of which there should be only one.

Liking, reposting, following or blocking the same thing again replaces the older record.
"""

from __future__ import annotations

from typing import Any

from pds.atproto.syntax.at_uri import is_at_uri
from pds.atproto.syntax.did import is_did

_BY_DID = frozenset({"app.bsky.graph.follow", "app.bsky.graph.block"})
_BY_URI = frozenset({"app.bsky.feed.like", "app.bsky.feed.repost"})


def link_target(collection: str, value: dict[str, Any]) -> str | None:
    """The DID or at-URI that a follow, block, like or repost is about; None for other records."""
    if collection in _BY_DID:
        subject = value.get("subject")
        return subject if isinstance(subject, str) and is_did(subject) else None
    if collection in _BY_URI:
        subject = value.get("subject")
        uri = subject.get("uri") if isinstance(subject, dict) else None
        return uri if isinstance(uri, str) and is_at_uri(uri) else None
    return None
