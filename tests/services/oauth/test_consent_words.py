"""Every kind of card has words, and they are for people."""

from __future__ import annotations

import re
from typing import Any

import pytest

from pds.atproto.oauth.scopes import consent_cards
from pds.atproto.oauth.scopes.consent import consent_cards as cards_of
from pds.atproto.oauth.scopes.consent_cards import Card
from pds.atproto.oauth.scopes.granted import ScopeSet
from pds.atproto.oauth.scopes.permission_set import PermissionSet, read_permission_set
from pds.atproto.syntax.nsid import Nsid
from pds.services.oauth.consent_words import CardWords, in_one_line, service_name, words_for

CALENDAR = Nsid("com.example.calendar.auth")
APP_VIEW = "did:web:api.bsky.app%23bsky_appview"
CHAT = "did:web:api.bsky.chat%23bsky_chat"


def calendar(**fields: Any) -> PermissionSet:
    main = {
        "type": "permission-set",
        "title": "Your calendar",
        "detail": "Keeps your appointments.",
        "permissions": [
            {"type": "permission", "resource": "repo", "collection": ["com.example.calendar.event"]}
        ],
        **fields,
    }
    main = {name: value for name, value in main.items() if value is not None}
    document = {"lexicon": 1, "id": str(CALENDAR), "defs": {"main": main}}
    return read_permission_set(document, CALENDAR)


def cards(scope: str, found: PermissionSet | None = None) -> tuple[Card, ...]:
    return cards_of(ScopeSet.parse(f"atproto {scope}"), {CALENDAR: found or calendar()})


def only(scope: str, found: PermissionSet | None = None) -> CardWords:
    [card] = cards(scope, found)
    return words_for(card)


EVERY_KIND = {
    "email": "account:email",
    "email, change": "account:email?action=manage",
    "identity": "identity:handle",
    "identity, whole": "identity:*",
    "status": "account:status?action=manage",
    "import": "account:repo?action=manage",
    "bluesky": "repo:app.bsky.feed.post",
    "bluesky, calls": f"rpc:app.bsky.feed.getTimeline?aud={APP_VIEW}",
    "chat": f"rpc:chat.bsky.convo.getLog?aud={CHAT}",
    "chat, whole": "transition:chat.bsky",
    "set": "include:com.example.calendar.auth",
    "records": "repo:com.example.note?action=create&action=delete",
    "uploads": "blob?accept=image/*&accept=video/*&accept=application/pdf",
    "calls": "rpc:com.example.getThing?aud=did:web:example.com%23thing",
    "calls, anywhere": "rpc:com.example.getThing?aud=*",
}


@pytest.mark.parametrize("scope", EVERY_KIND.values(), ids=list(EVERY_KIND))
def test_words_are_for_people(scope: str) -> None:
    words = only(scope)

    assert 10 < len(words.title) <= 60
    assert words.title[0].isupper()
    assert not words.title.endswith(".")
    for text in (words.text, words.warning or "Yes."):
        assert text[0].isupper()
        assert text.endswith(".")
        assert "  " not in text
    plain = f"{words.title} {words.text} {words.warning}".replace("example.com", "")
    jargon = (
        r"\b(rpc|repo|DID|PDS|scope|token|record|lexicon|XRPC|blob|endpoint|OAuth|API|NSID)s?\b"
    )
    assert not re.search(jargon, plain, re.IGNORECASE)


def test_no_kind_was_forgotten() -> None:
    shown = {card.kind for scope in EVERY_KIND.values() for card in cards(scope)}
    known = {kind.kind for kind in consent_cards.Card.__subclasses__()}

    assert shown == known


def test_who_may_write_all_is_not_silent_about_what_it_may_ask_for() -> None:
    method = "app.bsky.notification.listNotifications"
    found = cards(f"repo:* rpc:{method}?aud=did:web:else.example.org%23x")
    [bluesky] = [words_for(card) for card in found if card.kind == "bluesky"]

    assert "can ask Bluesky for what you see" in bluesky.text
    assert [table.lines for table in bluesky.facts] == [((method, "else.example.org"),)]


def test_old_scope_for_everything_says_so() -> None:
    bluesky, records, calls = [words_for(card) for card in cards("transition:generic")]

    assert "post, reply, like" in bluesky.text
    assert "only you see" in bluesky.text
    assert records.warning is not None
    assert "no limit" in records.warning
    assert calls.warning is not None
    assert "private messages are not" in calls.text


@pytest.mark.parametrize(
    ("scope", "warned"),
    [
        ("account:email", False),
        ("identity:handle", False),
        ("identity:*", True),
        ("account:repo?action=manage", True),
        ("repo:*?action=create", True),
        ("repo:com.example.note", False),
        ("rpc:com.example.getThing?aud=*", True),
        ("rpc:*?aud=did:web:example.com%23thing", True),
        ("rpc:com.example.getThing?aud=did:web:example.com%23thing", False),
    ],
)
def test_card_that_warns_says_of_what(scope: str, warned: bool) -> None:
    for card in cards(scope):
        assert (words_for(card).warning is not None) >= card.warns
    assert any(words_for(card).warning for card in cards(scope)) == warned


def test_whole_identity_is_no_small_matter() -> None:
    words = only("identity:*")

    assert "for good" in (words.warning or "")


def test_tables_name_things_as_people_do() -> None:
    words = only("repo?collection=app.bsky.feed.post&collection=app.bsky.feed.x&action=create")

    [facts] = words.facts
    assert facts.lines == (("Posts", "add"), ("app.bsky.feed.x", "add"))
    [facts] = only("repo:com.example.note?action=create&action=delete").facts
    assert facts.lines == (("com.example.note", "add and remove"),)
    [facts] = only(EVERY_KIND["bluesky, calls"]).facts
    assert facts.lines == (("app.bsky.feed.getTimeline", "Bluesky"),)


def test_sentence_says_what_is_written_on_bluesky() -> None:
    words = only(
        "repo?collection=app.bsky.feed.post&collection=app.bsky.feed.like"
        " repo:app.bsky.graph.follow?action=create&action=delete"
    )
    assert words.text == (
        "On Bluesky, the app can add, change and remove likes and posts; add and remove whom you"
        " follow."
    )

    words = only(f"repo:app.bsky.feed.new {EVERY_KIND['bluesky, calls']}")
    assert words.text.startswith("The app can write some things on Bluesky for you.")
    assert words.text.endswith("for what exactly.")


def test_sentence_says_what_is_done_to_things() -> None:
    assert "can add and remove things of certain kinds" in only(EVERY_KIND["records"]).text
    assert "can add things of every kind" in words_for(cards("repo:*?action=create")[1]).text


def test_uploads_name_kinds_of_files() -> None:
    assert "pictures, videos" in only("blob?accept=image/*&accept=video/*").text.replace(
        " and ", ", "
    )
    assert "files of any kind" in only("blob:*/*").text
    assert "application/pdf" in only("blob:application/pdf").text


def test_words_of_a_set_are_its_authors() -> None:
    words = only(EVERY_KIND["set"])

    assert words.title == "Your calendar"
    assert words.text.startswith("Keeps your appointments. ")
    assert "calendar.example.com" in words.text
    assert words.facts[0].lines == (("com.example.calendar.event", "add, change and remove"),)


def test_set_without_words_goes_by_its_name() -> None:
    words = only(EVERY_KIND["set"], calendar(title=None, detail=None))

    assert words.title == CALENDAR
    assert words.text.startswith("These are the words of calendar.example.com.")


@pytest.mark.parametrize(
    ("audience", "name"),
    [
        ("*", "any service"),
        ("did:web:api.bsky.app#bsky_appview", "Bluesky"),
        ("did:web:feeds.example.com#feed", "feeds.example.com"),
        ("did:plc:abc#x", "did:plc:abc"),
    ],
)
def test_services_are_named(audience: str, name: str) -> None:
    assert service_name(audience) == name


def test_mail_says_it_in_one_line() -> None:
    assert in_one_line(cards("account:email repo:com.example.note")) == (
        "see your e-mail address; keep things in your account"
    )
    assert in_one_line(cards("")) == "only to know who you are"
