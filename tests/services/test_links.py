"""Which record another record points at."""

from __future__ import annotations

from typing import Any

import pytest

from pds.services.links import link_target

DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
URI = f"at://{DID}/app.bsky.feed.post/a"


@pytest.mark.parametrize(
    ("collection", "subject", "target"),
    [
        ("app.bsky.graph.follow", DID, DID),
        ("app.bsky.graph.block", DID, DID),
        ("app.bsky.feed.like", {"uri": URI, "cid": "x"}, URI),
        ("app.bsky.feed.repost", {"uri": URI}, URI),
        ("app.bsky.graph.follow", URI, None),
        ("app.bsky.graph.follow", "alice.test", None),
        ("app.bsky.graph.follow", {"uri": URI}, None),
        ("app.bsky.graph.block", 5, None),
        ("app.bsky.feed.like", URI, None),
        ("app.bsky.feed.like", {"uri": DID}, None),
        ("app.bsky.feed.like", {"uri": 5}, None),
        ("app.bsky.feed.like", {}, None),
        ("app.bsky.feed.repost", None, None),
        ("app.bsky.graph.listitem", DID, None),
        ("com.example.like", {"uri": URI}, None),
    ],
)
def test_target_is_found_for_four_kinds_only(
    collection: str, subject: Any, target: str | None
) -> None:
    assert link_target(collection, {"subject": subject}) == target


def test_record_without_subject_points_at_nothing() -> None:
    assert link_target("app.bsky.graph.follow", {}) is None
    assert link_target("app.bsky.feed.like", {}) is None
