"""What an app asks for, in words for people who have never heard of scopes.

The page of consent and the mail that tells of it say the same. Names of the network's own (records,
methods) are left to tables, which the page keeps folded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pds.atproto.oauth.scopes.consent_cards import (
    BlueskyCard,
    CallRow,
    CallsCard,
    Card,
    ChatCard,
    EmailCard,
    IdentityCard,
    ImportCard,
    PermissionSetCard,
    RecordRow,
    RecordsCard,
    StatusCard,
    UploadsCard,
)
from pds.atproto.oauth.scopes.include import IncludeScope
from pds.atproto.oauth.scopes.wildcard import ANY
from pds.atproto.syntax.nsid import Nsid


@dataclass(frozen=True, slots=True)
class Facts:
    """A table: what stands at the top of each column, and its lines."""

    columns: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class CardWords:
    """A card as people read it. warning: why to think twice, where there is reason to."""

    title: str
    text: str
    warning: str | None = None
    facts: tuple[Facts, ...] = ()


ONLY_IDENTITY: Final = "only to know who you are"

_TRUST_IT: Final = "Allow this only if you know the app well and trust whoever makes it."

_COLLECTIONS: Final = {
    ANY: "Everything, of every app",
    "app.bsky.actor.profile": "Your profile",
    "app.bsky.actor.status": "Your status",
    "app.bsky.feed.generator": "Feeds that you offer",
    "app.bsky.feed.like": "Likes",
    "app.bsky.feed.post": "Posts",
    "app.bsky.feed.postgate": "Who may quote your posts",
    "app.bsky.feed.repost": "Reposts",
    "app.bsky.feed.threadgate": "Who may reply to your posts",
    "app.bsky.graph.block": "Whom you block",
    "app.bsky.graph.follow": "Whom you follow",
    "app.bsky.graph.list": "Lists",
    "app.bsky.graph.listblock": "Lists that you block",
    "app.bsky.graph.listitem": "Who is on your lists",
    "app.bsky.graph.starterpack": "Starter packs",
    "app.bsky.graph.verification": "Whom you verify",
    "chat.bsky.actor.declaration": "Who may send you messages",
}
_ACTIONS: Final = {"create": "add", "update": "change", "delete": "remove"}
_SERVICES: Final = {
    ANY: "any service",
    "did:web:api.bsky.app#bsky_appview": "Bluesky",
    "did:web:bsky.app#bsky_appview": "Bluesky",
    "did:web:api.bsky.chat#bsky_chat": "Bluesky's messages",
    "did:plc:ar7c4by46qjdydhdevvrndac#atproto_labeler": "Bluesky's moderation",
}
_FILES: Final = {
    "*/*": "files of any kind",
    "image/*": "pictures",
    "video/*": "videos",
    "audio/*": "sound recordings",
    "text/*": "texts",
}


def words_for(card: Card) -> CardWords:
    """A card in words."""
    return _WRITERS[type(card)](card)


def in_one_line(cards: Iterable[Card]) -> str:
    """What was allowed, as part of a sentence that begins "it may"."""
    titles = [words_for(card).title for card in cards]
    return "; ".join(title[0].lower() + title[1:] for title in titles) or ONLY_IDENTITY


def _email(card: EmailCard) -> CardWords:
    if card.can_change:
        return CardWords(
            "See and change your e-mail address",
            "The app learns the e-mail address of your account, and can have it confirmed anew or "
            "replaced. Messages about your account go to that address.",
        )
    return CardWords(
        "See your e-mail address",
        "The app learns the e-mail address of your account, and can write to you there.",
    )


def _identity(card: IdentityCard) -> CardWords:
    if card.whole:
        return CardWords(
            "Take over your whole identity",
            "The app can change everything that makes this account yours: your handle, the keys "
            "that prove it is you, and the server where the account lives.",
            "With this, the app can take the account away from you for good. Allow it only if you "
            "are moving your account right now, and trust this app completely.",
        )
    return CardWords(
        "Change your handle",
        "The app can give your account another handle: the name with the @, by which people find "
        "you.",
    )


def _status(card: StatusCard) -> CardWords:
    del card
    return CardWords(
        "Switch your account off and on",
        "The app can deactivate your account, so that nobody sees it any more, and make it active "
        "again. Nothing is deleted by that.",
    )


def _import(card: ImportCard) -> CardWords:
    del card
    return CardWords(
        "Replace everything that you have published",
        "The app can put a copy from elsewhere in the place of all your posts, likes, follows and "
        "whatever else is in your account.",
        "What is there now would be gone. Allow this only if you are moving your account.",
    )


def _bluesky(card: BlueskyCard) -> CardWords:
    private = (
        " It also sees and changes what only you see, such as your settings, and whom you have "
        "muted or blocked."
    )
    calls = " It can ask Bluesky for what you see there; the details say for what exactly."
    if card.everything:
        text = (
            "The app can post, reply, like, follow and block for you, change your profile, and "
            "delete what you have written."
        )
        text += (calls if card.calls else "") + (private if card.private else "")
        return CardWords("Use Bluesky for you", text, None, _call_facts(card.calls))
    facts = (*_record_facts(card.records), *_call_facts(card.calls))
    if not card.records:
        title, text = "See Bluesky as you see it", f"The app{calls.removeprefix(' It')}"
    else:
        title, text = "Use parts of Bluesky for you", _what_is_written(card.records)
        text += calls if card.calls else ""
    return CardWords(title, text + (private if card.private else ""), None, facts)


def _what_is_written(records: Sequence[RecordRow]) -> str:
    """What is done to things on Bluesky, all of which have names unless they are new."""
    things: dict[str, list[str]] = {}
    for row in records:
        name = _COLLECTIONS.get(row.collection)
        if name is None:
            return "The app can write some things on Bluesky for you. The details say which."
        things.setdefault(_actions(row), []).append(name[0].lower() + name[1:])
    parts = (f"{actions} {_listed(names)}" for actions, names in things.items())
    return f"On Bluesky, the app can {'; '.join(parts)}."


def _chat(card: ChatCard) -> CardWords:
    if card.everything:
        return CardWords(
            "Read and write your private messages",
            "The app can read all your conversations on Bluesky, also the old ones, and send "
            "messages for you.",
        )
    return CardWords(
        "Use your private messages",
        "The app can do some of what you can do with your conversations on Bluesky, which may be "
        "to read them or to write in them. The details say what.",
        None,
        _call_facts(card.calls),
    )


def _set(card: PermissionSetCard) -> CardWords:
    facts = (*_record_facts(card.records), *_call_facts(card.calls))
    author = ", ".join(
        _author_of(one.nsid) for one in card.rests_on if isinstance(one, IncludeScope)
    )
    by = f"These are the words of {author}. The details show what is in it."
    return CardWords(card.title, f"{card.detail} {by}" if card.detail else by, None, facts)


def _records(card: RecordsCard) -> CardWords:
    if card.everything:
        return CardWords(
            "Publish, change and delete anything for you",
            "The app can do so in every app of the network that you use: posts, pictures, follows, "
            "and all that other apps keep in your account.",
            "There is no limit to it. " + _TRUST_IT,
            _record_facts(card.records),
        )
    actions = {action: None for row in card.records for action in row.actions}
    does = _listed([word for action, word in _ACTIONS.items() if action in actions])
    if card.warns:
        return CardWords(
            "Write anything in your account",
            f"The app can {does} things of every kind in your account, whatever app they are from. "
            "Anybody can see such things.",
            "There is no limit to the kinds of things. " + _TRUST_IT,
            _record_facts(card.records),
        )
    return CardWords(
        "Keep things in your account",
        f"The app can {does} things of certain kinds in your account, where anybody can see them. "
        "The details say which kinds.",
        None,
        _record_facts(card.records),
    )


def _uploads(card: UploadsCard) -> CardWords:
    kinds = [_FILES.get(kind, kind) for kind in card.accept]
    return CardWords(
        "Put files into your account",
        f"The app can upload {_listed(kinds)}, for things that it publishes for you.",
    )


def _calls(card: CallsCard) -> CardWords:
    if card.everything:
        return CardWords(
            "Be you at other services",
            "The app can prove to any service of the network that it acts for you, and do there "
            "what you could do. Your private messages are not among that.",
            "There is no limit to which services these are. " + _TRUST_IT,
            _call_facts(card.calls),
        )
    return CardWords(
        "Use other services for you",
        "The app can prove to the services in the details that it acts for you.",
        f"These are not all known in advance. {_TRUST_IT}" if card.warns else None,
        _call_facts(card.calls),
    )


def _record_facts(records: Sequence[RecordRow]) -> tuple[Facts, ...]:
    if not records:
        return ()
    lines = tuple(
        (
            _COLLECTIONS.get(row.collection, row.collection),
            _actions(row),
        )
        for row in records
    )
    return (Facts(("What", "The app may"), lines),)


def _actions(row: RecordRow) -> str:
    return _listed([_ACTIONS[action] for action in row.actions])


def _call_facts(calls: Sequence[CallRow]) -> tuple[Facts, ...]:
    if not calls:
        return ()
    lines = tuple(
        ("anything" if row.method == ANY else row.method, service_name(row.audience))
        for row in calls
    )
    return (Facts(("What the app may ask for", "Where"), lines),)


def service_name(audience: str) -> str:
    """What to call the service that a scope names: by its domain, if it has one."""
    if audience in _SERVICES:
        return _SERVICES[audience]
    did = audience.partition("#")[0]
    return did.removeprefix("did:web:")


def _author_of(nsid: Nsid) -> str:
    """The domain of whoever publishes under this name."""
    return ".".join(reversed(str(nsid).split(".")[:-1]))


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


_WRITERS: Final[dict[type[Card], Callable[[Any], CardWords]]] = {
    EmailCard: _email,
    IdentityCard: _identity,
    StatusCard: _status,
    ImportCard: _import,
    BlueskyCard: _bluesky,
    ChatCard: _chat,
    PermissionSetCard: _set,
    RecordsCard: _records,
    UploadsCard: _uploads,
    CallsCard: _calls,
}
