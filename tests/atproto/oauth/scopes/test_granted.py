"""Scopes and requests: what is permitted, what is not, and what a refusal names."""

from __future__ import annotations

import pytest

from pds.atproto.oauth.scopes.granted import ScopeSet
from pds.atproto.oauth.scopes.missing import missing_scope
from pds.atproto.oauth.scopes.needs import (
    AccountNeed,
    BlobNeed,
    IdentityNeed,
    Need,
    RepoNeed,
    RpcNeed,
)

WEB = "did:web:example.com"
POST = "app.bsky.feed.post"
TIMELINE = "app.bsky.feed.getTimeline"
MESSAGES = "chat.bsky.convo.getMessages"

CREATE, UPDATE, DELETE = (RepoNeed("com.example.foo", a) for a in ("create", "update", "delete"))
READ_EMAIL, MANAGE_EMAIL = AccountNeed("email", "read"), AccountNeed("email", "manage")
MANAGE_REPO, MANAGE_STATUS = AccountNeed("repo", "manage"), AccountNeed("status", "manage")
HANDLE, ANY_IDENTITY = IdentityNeed("handle"), IdentityNeed("*")
PNG, SVG, MP4 = BlobNeed("image/png"), BlobNeed("image/svg+xml"), BlobNeed("video/mp4")
FEED = RpcNeed("app.bsky.feed.getFeed", f"{WEB}#foo")
FEED_ELSEWHERE = RpcNeed("app.bsky.feed.getFeed", f"{WEB}#bar")
FEED_AT_DID = RpcNeed("app.bsky.feed.getFeed", WEB)
LOG = RpcNeed(MESSAGES, "did:web:api.bsky.chat#bsky_chat")
NO_METHOD = RpcNeed("*", f"{WEB}#foo")
EVERYTHING: list[Need] = [
    CREATE, UPDATE, DELETE, RepoNeed(POST, "create"), READ_EMAIL, MANAGE_EMAIL, MANAGE_REPO,
    MANAGE_STATUS, HANDLE, ANY_IDENTITY, PNG, SVG, MP4, FEED, FEED_ELSEWHERE, FEED_AT_DID, LOG,
    NO_METHOD,
]  # fmt: skip

# Held → permitted; all else of EVERYTHING is refused.
TABLE: dict[str, list[Need]] = {
    "": [],
    "atproto": [],
    "repo:com.example.foo": [CREATE, UPDATE, DELETE],
    "repo:com.example.foo?action=create": [CREATE],
    "repo:com.example.foo?action=update&action=delete": [UPDATE, DELETE],
    f"repo?collection=com.example.foo&collection={POST}&action=create": [
        CREATE,
        RepoNeed(POST, "create"),
    ],
    "repo:*": [CREATE, UPDATE, DELETE, RepoNeed(POST, "create")],
    "repo:*?action=delete": [DELETE],
    "repo:com.example.*": [],
    "repo:com.example.food": [],
    "repo:com.example.foo?action=invalid": [],
    f"rpc:app.bsky.feed.getFeed?aud={WEB}%23foo": [FEED],
    f"rpc:app.bsky.feed.getFeed?aud={WEB}#foo": [FEED],
    f"rpc:app.bsky.feed.getFeed?aud={WEB}": [],
    "rpc:app.bsky.feed.getFeed?aud=*": [FEED, FEED_ELSEWHERE, FEED_AT_DID],
    f"rpc:*?aud={WEB}%23foo": [FEED, NO_METHOD],
    "rpc:*?aud=*": [],
    f"rpc:{MESSAGES}?aud=*": [LOG],
    "blob:*/*": [PNG, SVG, MP4],
    "blob:image/*": [PNG, SVG],
    "blob:image/svg%2Bxml": [SVG],
    "blob?accept=video/mp4&accept=image/png": [PNG, MP4],
    "blob:video/mp": [],
    "account:email": [READ_EMAIL],
    "account:email?action=manage": [READ_EMAIL, MANAGE_EMAIL],
    "account:repo": [],
    "account:repo?action=manage": [MANAGE_REPO],
    "account:status?action=manage": [MANAGE_STATUS],
    "identity:handle": [HANDLE],
    "identity:*": [HANDLE, ANY_IDENTITY],
    "include:com.example.set": [],
    "transition:generic": [
        CREATE, UPDATE, DELETE, RepoNeed(POST, "create"), PNG, SVG, MP4, FEED, FEED_ELSEWHERE,
        FEED_AT_DID, NO_METHOD,
    ],
    "transition:chat.bsky": [LOG],
    "transition:email": [READ_EMAIL],
    "atproto transition:email identity:handle blob:image/png": [READ_EMAIL, HANDLE, PNG],
    "repo:com.example.foo?action=create repo:com.example.foo?action=delete": [CREATE, DELETE],
    "openid profile %zz repo:com.example.foo?action=update": [UPDATE],
}  # fmt: skip


@pytest.mark.parametrize(("held", "permitted"), TABLE.items())
def test_scopes_permit_what_they_say_and_nothing_else(held: str, permitted: list[Need]) -> None:
    granted = ScopeSet.parse(held)

    assert [need for need in EVERYTHING if granted.permits(need)] == permitted


@pytest.mark.parametrize(
    ("one", "covers", "other"),
    [
        ("repo:a.b.c", True, "repo:a.b.c?action=create"),
        ("repo:a.b.c?action=create", False, "repo:a.b.c"),
        ("repo:a.b.c?action=create repo:a.b.c?action=update&action=delete", True, "repo:a.b.c"),
        ("repo:*", True, "repo?collection=a.b.c&collection=d.e.f"),
        ("repo:a.b.c", False, "repo:*"),
        ("blob:*/*", True, "blob:image/*"),
        ("blob:image/*", False, "blob:*/*"),
        ("blob:image/*", True, "blob?accept=image/png&accept=image/gif"),
        ("identity:*", True, "identity:handle"),
        ("account:email?action=manage", True, "account:email"),
        ("account:email", False, "account:email?action=manage"),
        ("rpc:a.b.c?aud=*", True, f"rpc:a.b.c?aud={WEB}%23x"),
        (f"rpc:*?aud={WEB}%23x", True, f"rpc:chat.bsky.a.b?aud={WEB}%23x"),
        ("transition:generic", True, "repo:* blob:*/* rpc:a.b.c?aud=*"),
        ("transition:generic", False, "rpc:chat.bsky.a.b?aud=*"),
        ("transition:generic", False, f"rpc:*?aud={WEB}%23x"),
        ("transition:generic transition:chat.bsky", True, f"rpc:*?aud={WEB}%23x"),
        ("transition:generic", False, "transition:chat.bsky"),
        ("include:a.b.c", True, "include:a.b.c"),
        ("include:a.b.c", False, f"include:a.b.c?aud={WEB}%23x"),
        ("transition:generic", False, "include:a.b.c"),
        ("repo:a.b.c", False, "atproto"),
    ],
)
def test_covering(one: str, covers: bool, other: str) -> None:
    assert ScopeSet.parse(one).covers(ScopeSet.parse(other)) is covers


@pytest.mark.parametrize(
    ("need", "scope"),
    [
        (CREATE, "repo:com.example.foo?action=create"),
        (FEED, f"rpc:app.bsky.feed.getFeed?aud={WEB}%23foo"),
        (FEED_AT_DID, f"rpc:app.bsky.feed.getFeed?aud={WEB}"),
        (NO_METHOD, f"rpc:*?aud={WEB}%23foo"),
        (SVG, "blob:image/svg+xml"),
        (READ_EMAIL, "account:email"),
        (MANAGE_REPO, "account:repo?action=manage"),
        (HANDLE, "identity:handle"),
        (ANY_IDENTITY, "identity:*"),
    ],
)
def test_a_refusal_names_the_narrowest_scope(need: Need, scope: str) -> None:
    assert missing_scope(need) == scope


def test_the_text_of_a_set_is_sorted_and_clean() -> None:
    granted = ScopeSet.parse(" repo:*  blob:image/png repo?collection=*  atproto openid repo:%zz")

    assert str(granted) == "atproto blob:image/png repo:*"
    assert granted.is_atproto
    assert not granted.is_transitional
    assert ScopeSet.parse("transition:email").is_transitional
    assert not ScopeSet.parse("transition:email").is_atproto


@pytest.mark.parametrize(
    ("content_type", "mime_type"),
    [
        ("image/png", "image/png"),
        ("IMAGE/PNG", "image/png"),
        ("text/plain; charset=utf-8", "text/plain"),
        (" video/mp4;codecs=avc1", "video/mp4"),
    ],
)
def test_an_upload_needs_its_type_without_parameters(content_type: str, mime_type: str) -> None:
    assert BlobNeed.of(content_type).mime_type == mime_type


@pytest.mark.parametrize("content_type", ["", "image", "image/*", "*/*", "a/b/c", "a b/c", "/a"])
def test_an_upload_of_no_type_is_refused(content_type: str) -> None:
    with pytest.raises(ValueError, match="media type"):
        BlobNeed.of(content_type)
