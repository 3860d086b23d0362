"""What an app asks for, as facts for a page to put into words: one card per kind of thing.

A card rests on the scopes without which it would not be there. Where it is ``optional``, the member
can refuse it and grant the rest: none of those scopes shows in another card. ``warns`` marks what
could do harm that is hard to mend, or has no limit that the member can see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pds.atproto.oauth.scopes.needs import RepoAction
from pds.atproto.oauth.scopes.parse import Scope


@dataclass(frozen=True, slots=True)
class RecordRow:
    """What may be done with the records of a collection; ``*`` for every one."""

    collection: str
    actions: tuple[RepoAction, ...]


@dataclass(frozen=True, slots=True)
class CallRow:
    """A method, or ``*`` for any, and the service it is called at, or ``*`` for any."""

    method: str
    audience: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    kind: ClassVar[str]
    rests_on: tuple[Scope, ...]
    optional: bool = False
    warns: bool = False

    @property
    def name(self) -> str:
        """Tells the cards of one page apart, in a form."""
        return self.kind

    @property
    def is_grave(self) -> bool:
        """Whether it can cost the member the account, or what is in it.

        Nobody should allow that without having meant to.
        """
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailCard(Card):
    """See the e-mail address, perhaps change it."""

    kind: ClassVar[str] = "email"
    can_change: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityCard(Card):
    """Change the handle, or the whole identity: then the account can be taken away."""

    kind: ClassVar[str] = "identity"
    whole: bool

    @property
    def is_grave(self) -> bool:
        return self.whole


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusCard(Card):
    """Deactivate the account and activate it again."""

    kind: ClassVar[str] = "status"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportCard(Card):
    """Replace everything in the repository with a copy from elsewhere."""

    kind: ClassVar[str] = "import"

    @property
    def is_grave(self) -> bool:
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class BlueskyCard(Card):
    """Use Bluesky: write all of its records, or do what the rows say.

    ``private``: read or change what only the member sees, such as preferences, mutes and blocks.
    """

    kind: ClassVar[str] = "bluesky"
    everything: bool
    private: bool
    records: tuple[RecordRow, ...]
    calls: tuple[CallRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCard(Card):
    """Read and send private messages: all, or by the methods of the rows."""

    kind: ClassVar[str] = "chat"
    everything: bool
    calls: tuple[CallRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionSetCard(Card):
    """What a published set grants. Whoever published it wrote ``title`` and ``detail``."""

    kind: ClassVar[str] = "set"
    title: str
    detail: str | None
    records: tuple[RecordRow, ...]
    calls: tuple[CallRow, ...]

    @property
    def name(self) -> str:
        return str(self.rests_on[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsCard(Card):
    """Write public records: any, or those of the rows."""

    kind: ClassVar[str] = "records"
    everything: bool
    records: tuple[RecordRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadsCard(Card):
    """Upload files of these media types; ``image/*`` for any image, ``*/*`` for any."""

    kind: ClassVar[str] = "uploads"
    accept: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallsCard(Card):
    """Act in the member's name at other services: at any, or as the rows say."""

    kind: ClassVar[str] = "calls"
    everything: bool
    calls: tuple[CallRow, ...]
