"""AT-URIs: ``at://<authority>/<collection>/<record key>``.

Spec: https://atproto.com/specs/at-uri-scheme
"""

from __future__ import annotations

from typing import Final

from pds.atproto.syntax.at_identifier import is_at_identifier
from pds.atproto.syntax.nsid import is_nsid
from pds.atproto.syntax.record_key import is_record_key

MAX_LENGTH: Final = 8192

_SCHEME: Final = "at://"


class InvalidAtUriError(ValueError):
    """Not an AT-URI of the restricted form: no query, no fragment, no slash at the end."""


class AtUri(str):
    __slots__ = ()

    @classmethod
    def parse(cls, raw: str) -> AtUri:
        """Check the syntax of the whole and of each part.

        Raises:
            InvalidAtUriError: the syntax is wrong.
        """
        if not is_at_uri(raw):
            raise InvalidAtUriError("not an AT-URI")
        return cls(raw)

    @property
    def authority(self) -> str:
        """The DID or handle."""
        return self.split("/", 3)[2]

    @property
    def collection(self) -> str | None:
        return self._part(3)

    @property
    def rkey(self) -> str | None:
        return self._part(4)

    def _part(self, index: int) -> str | None:
        parts = self.split("/")
        return parts[index] if index < len(parts) else None


def is_at_uri(raw: str) -> bool:
    if not raw.startswith(_SCHEME) or len(raw) > MAX_LENGTH:
        return False
    authority, *path = raw[len(_SCHEME) :].split("/")
    if len(path) > 2 or not is_at_identifier(authority):
        return False
    if path and not is_nsid(path[0]):
        return False
    return len(path) < 2 or is_record_key(path[1])


def make_at_uri(did: str, collection: str, rkey: str) -> str:
    """Join parts that were checked already."""
    return f"{_SCHEME}{did}/{collection}/{rkey}"
