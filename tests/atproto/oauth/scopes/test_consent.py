"""What a member reads before an app gets anything, and what is left when they refuse a part."""

from __future__ import annotations

from typing import Any

import pytest

from pds.atproto.oauth.scopes.consent import consent_cards, granted_without
from pds.atproto.oauth.scopes.consent_cards import (
    BlueskyCard,
    CallRow,
    CallsCard,
    Card,
    ChatCard,
    EmailCard,
    IdentityCard,
    PermissionSetCard,
    RecordRow,
    RecordsCard,
    UploadsCard,
)
from pds.atproto.oauth.scopes.granted import ScopeSet
from pds.atproto.oauth.scopes.permission_set import (
    PermissionSet,
    UnknownPermissionSetError,
    read_permission_set,
)
from pds.atproto.oauth.scopes.repo import ACTIONS
from pds.atproto.syntax.nsid import Nsid

SERVICE = "did:web:example.com#svc"
APP_VIEW = "did:web:api.bsky.app#bsky_appview"
CHAT = "did:web:api.bsky.chat#bsky_chat"


def cards(scope: str, sets: dict[str, PermissionSet] | None = None) -> list[Card]:
    return list(consent_cards(ScopeSet.parse(f"atproto {scope}"), sets or {}))


def only(scope: str) -> Card:
    (card,) = cards(scope)
    return card


@pytest.mark.parametrize(
    ("scope", "kinds"),
    [
        ("", ""),
        ("openid", ""),
        ("account:email", "email"),
        ("account:email?action=manage", "email"),
        ("transition:email", "email"),
        ("identity:handle", "identity"),
        ("identity:*", "identity"),
        ("account:status?action=manage", "status"),
        ("account:status", ""),
        ("account:repo?action=manage", "import"),
        ("account:repo", ""),
        ("transition:generic", "bluesky records calls"),
        ("transition:generic transition:chat.bsky", "bluesky chat records calls"),
        ("transition:generic blob:*/*", "bluesky records calls"),
        ("transition:chat.bsky", "chat"),
        ("repo:app.bsky.feed.post", "bluesky"),
        ("repo:chat.bsky.actor.declaration", "bluesky"),
        ("repo:com.example.foo", "records"),
        ("repo:app.bsky.feed.post repo:com.example.foo", "bluesky records"),
        ("repo:*", "bluesky records"),
        ("repo:app.bskyish.feed.post", "records"),
        (f"rpc:app.bsky.actor.getPreferences?aud={APP_VIEW}", "bluesky"),
        (f"rpc:app.bsky.feed.getTimeline?aud={APP_VIEW}", "bluesky"),
        (f"rpc:com.example.foo?aud={SERVICE}", "calls"),
        (f"rpc:com.atproto.moderation.createReport?aud={SERVICE}", "calls"),
        (f"rpc:chat.bsky.convo.getLog?aud={CHAT}", "chat"),
        ("rpc:chat.bsky.convo.getLog?aud=*", "chat"),
        (f"rpc:chat.bsky.convo.getLog?aud={APP_VIEW}", "calls"),
        (f"rpc:*?aud={SERVICE}", "bluesky chat calls"),
        (f"rpc:*?aud={APP_VIEW}", "bluesky calls"),
        ("blob:image/*", "uploads"),
        (
            "blob:image/* repo:com.example.foo account:repo?action=manage identity:handle"
            f" account:email account:status?action=manage rpc:com.example.foo?aud={SERVICE}"
            " transition:chat.bsky repo:app.bsky.feed.post",
            "email identity status import bluesky chat records uploads calls",
        ),
    ],
)
def test_which_cards_there_are(scope: str, kinds: str) -> None:
    assert " ".join(card.kind for card in cards(scope)) == kinds


@pytest.mark.parametrize(
    ("scope", "can_change"),
    [("account:email", False), ("transition:email", False), ("account:email?action=manage", True)],
)
def test_email(scope: str, can_change: bool) -> None:
    card = only(scope)

    assert isinstance(card, EmailCard)
    assert card.can_change is can_change


def test_the_whole_identity_warns() -> None:
    handle, whole = only("identity:handle"), only("identity:*")

    assert isinstance(handle, IdentityCard)
    assert isinstance(whole, IdentityCard)
    assert (handle.whole, handle.warns) == (False, False)
    assert (whole.whole, whole.warns) == (True, True)


def test_replacing_the_repository_warns() -> None:
    assert only("account:repo?action=manage").warns
    assert not only("account:status?action=manage").warns


def test_records_are_rows_of_collections_and_actions() -> None:
    card = only(
        "repo:com.example.foo?action=delete repo:com.example.foo?action=create repo:com.example.bar"
    )

    assert isinstance(card, RecordsCard)
    assert card.records == (
        RecordRow("com.example.bar", ACTIONS),
        RecordRow("com.example.foo", ("create", "delete")),
    )
    assert (card.everything, card.warns) == (False, False)


@pytest.mark.parametrize(
    ("scope", "everything"), [("repo:*", True), ("repo:*?action=create", False)]
)
def test_any_collection_warns(scope: str, everything: bool) -> None:
    bluesky, records = cards(scope)

    assert isinstance(bluesky, BlueskyCard)
    assert isinstance(records, RecordsCard)
    assert records.warns
    assert bluesky.everything is records.everything is everything
    assert bluesky.records == records.records
    assert not bluesky.private


def test_bluesky_and_other_records_are_shown_apart() -> None:
    bluesky, records = cards("repo?collection=app.bsky.feed.post&collection=com.example.foo")

    assert isinstance(bluesky, BlueskyCard)
    assert isinstance(records, RecordsCard)
    assert bluesky.records == (RecordRow("app.bsky.feed.post", ACTIONS),)
    assert records.records == (RecordRow("com.example.foo", ACTIONS),)


@pytest.mark.parametrize(
    ("method", "private"),
    [
        ("app.bsky.actor.getPreferences", True),
        ("app.bsky.graph.muteThread", True),
        ("app.bsky.feed.getTimeline", False),
    ],
)
def test_private_data_of_bluesky_are_told(method: str, private: bool) -> None:
    card = only(f"rpc:{method}?aud={APP_VIEW}")

    assert isinstance(card, BlueskyCard)
    assert (card.private, card.everything) == (private, False)
    assert card.calls == (CallRow(method, APP_VIEW),)


def test_chat_is_all_or_some_methods() -> None:
    legacy, listed = only("transition:chat.bsky"), only(f"rpc:chat.bsky.convo.getLog?aud={CHAT}")

    assert isinstance(legacy, ChatCard)
    assert isinstance(listed, ChatCard)
    assert (legacy.everything, legacy.calls) == (True, ())
    assert (listed.everything, listed.calls) == (False, (CallRow("chat.bsky.convo.getLog", CHAT),))


def test_calls_are_rows_of_methods_and_services() -> None:
    card = only(f"rpc?lxm=com.example.foo&lxm=com.example.bar&aud={SERVICE}")

    assert isinstance(card, CallsCard)
    assert card.calls == (CallRow("com.example.bar", SERVICE), CallRow("com.example.foo", SERVICE))
    assert (card.everything, card.warns) == (False, False)
    assert only("rpc:com.example.foo?aud=*").warns
    assert cards(f"rpc:*?aud={SERVICE}")[-1].warns


def test_the_scope_from_before_there_were_others_is_everything() -> None:
    bluesky, records, calls = cards("transition:generic")

    assert isinstance(bluesky, BlueskyCard)
    assert isinstance(records, RecordsCard)
    assert isinstance(calls, CallsCard)
    assert bluesky.everything
    assert bluesky.private
    assert records.everything
    assert records.warns
    assert calls.everything
    assert calls.warns


def test_uploads_are_told_once_in_few_words() -> None:
    card = only("blob:image/png blob?accept=image/*&accept=video/mp4")

    assert isinstance(card, UploadsCard)
    assert card.accept == ("image/*", "video/mp4")


# --- permission sets ----------------------------------------------------------------------------


def calendar(**fields: Any) -> dict[str, PermissionSet]:
    nsid = Nsid("com.example.calendar.auth")
    permissions = [
        {"type": "permission", "resource": "repo", "collection": ["com.example.calendar.event"]},
        {
            "type": "permission",
            "resource": "rpc",
            "lxm": ["com.example.calendar.list"],
            "inheritAud": True,
        },
    ]
    main = {"type": "permission-set", "permissions": permissions, **fields}
    return {nsid: read_permission_set({"lexicon": 1, "id": nsid, "defs": {"main": main}}, nsid)}


def test_a_set_has_a_card_in_its_own_words() -> None:
    requested = ScopeSet.parse(f"include:com.example.calendar.auth?aud={SERVICE}")
    sets = calendar(title="Calendar", detail="Plan", **{"title:lang": {"de": "Kalender"}})
    (card,) = consent_cards(requested, sets, ["de"])

    assert isinstance(card, PermissionSetCard)
    assert (card.title, card.detail) == ("Kalender", "Plan")
    assert card.records == (RecordRow("com.example.calendar.event", ACTIONS),)
    assert card.calls == (CallRow("com.example.calendar.list", SERVICE),)
    assert card.name == "include:com.example.calendar.auth?aud=did:web:example.com%23svc"
    assert card.optional


def test_a_set_without_a_title_is_called_by_its_name() -> None:
    (card,) = cards("include:com.example.calendar.auth", calendar())

    assert isinstance(card, PermissionSetCard)
    assert (card.title, card.detail, card.calls) == ("com.example.calendar.auth", None, ())


def test_a_set_that_is_not_at_hand_is_an_error() -> None:
    with pytest.raises(UnknownPermissionSetError):
        cards("include:com.example.other")


# --- refusing a part ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "refused", "granted"),
    [
        ("account:email repo:a.b.c", "email", "atproto repo:a.b.c"),
        ("account:email account:email?action=manage", "email", "atproto"),
        ("account:email account:repo?action=manage", "import", "account:email atproto"),
        ("repo:a.b.c repo:d.e.f blob:*/*", "records", "atproto blob:*/*"),
        ("repo:a.b.c repo:d.e.f blob:*/*", "uploads records", "atproto"),
        ("repo:app.bsky.feed.post repo:a.b.c", "bluesky", "atproto repo:a.b.c"),
        ("identity:handle identity:*", "identity", "atproto"),
        ("identity:handle", "", "atproto identity:handle"),
    ],
)
def test_what_is_refused_is_not_granted(scope: str, refused: str, granted: str) -> None:
    requested = ScopeSet.parse(f"atproto {scope}")
    gone = [card for card in consent_cards(requested, {}) if card.kind in refused.split()]

    assert str(granted_without(requested, gone)) == granted


@pytest.mark.parametrize(
    ("scope", "optional"),
    [
        ("account:email identity:* repo:a.b.c blob:*/*", "email identity records uploads"),
        # one scope behind two cards stays or goes with neither
        ("repo:* blob:*/*", "uploads"),
        ("repo?collection=app.bsky.feed.post&collection=a.b.c account:email", "email"),
        (f"rpc:*?aud={SERVICE} account:email", "email"),
        # apps from before there were other scopes
        ("transition:generic account:email", ""),
        ("transition:email", ""),
        ("transition:chat.bsky repo:a.b.c", ""),
    ],
)
def test_which_cards_are_optional(scope: str, optional: str) -> None:
    assert " ".join(card.kind for card in cards(scope) if card.optional) == optional


def test_a_card_that_is_not_optional_cannot_be_refused() -> None:
    requested = ScopeSet.parse("atproto transition:generic account:email")
    email = consent_cards(requested, {})[0]

    with pytest.raises(ValueError, match="email"):
        granted_without(requested, [email])


def test_cards_of_a_page_have_different_names() -> None:
    scope = f"include:com.example.calendar.auth include:com.example.calendar.auth?aud={SERVICE}"
    names = [card.name for card in cards(f"{scope} account:email repo:*", calendar())]

    assert len(set(names)) == len(names) == 5
