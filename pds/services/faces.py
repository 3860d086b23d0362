"""What an account looks like to its owner: the name and the picture of its Bluesky profile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from pds.atproto.cid import Cid
from pds.atproto.stored_cbor import decode_stored
from pds.storage import records
from pds.storage.accounts import AccountRow

MAX_NAME_CHARS: Final = 64
_PROFILE: Final = "app.bsky.actor.profile"


@dataclass(frozen=True, slots=True)
class Face:
    """handle: the DID where there is none. picture: a path of this server."""

    did: str
    handle: str
    name: str | None = None
    picture: str | None = None


def face_of(account: AccountRow) -> Face:
    """How to show an account. Apps wrote the profile, so nothing is taken for granted."""
    handle = account.handle or account.did
    found = records.find_record(account.id, _PROFILE, "self")
    profile = None if found is None or found[2] is not None else decode_stored(found[1])
    if not isinstance(profile, dict):
        return Face(account.did, handle)
    picture = _picture(account.did, profile.get("avatar")) if account.is_active else None
    return Face(account.did, handle, _name(profile.get("displayName")), picture)


def _name(text: Any) -> str | None:
    """One line, and nothing in it that turns the direction of what follows."""
    if not isinstance(text, str):
        return None
    line = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(line.split())[:MAX_NAME_CHARS] or None


def _picture(did: str, blob: Any) -> str | None:
    ref = blob.get("ref") if isinstance(blob, dict) else None
    if not isinstance(ref, Cid):
        return None
    return f"/xrpc/com.atproto.sync.getBlob?{urlencode({'did': did, 'cid': str(ref)})}"
