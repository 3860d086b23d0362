"""``blob:``: uploading files of some media types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pds.atproto.oauth.scopes.mime import is_mime_range, wider
from pds.atproto.oauth.scopes.needs import BlobNeed, Need
from pds.atproto.oauth.scopes.schema import Parameter, Schema, Values


def _is_accepted(raw: str) -> bool:
    return raw.isascii() and is_mime_range(raw.lower())


SCHEMA: Final = Schema("blob", (Parameter("accept", _is_accepted, many=True),))


@dataclass(frozen=True, slots=True)
class BlobScope:
    """Made by ``of``: sorted media types and ranges in lower case, none inside another."""

    accept: tuple[str, ...]

    @classmethod
    def of(cls, accept: Iterable[str]) -> BlobScope:
        """The one form of a scope with these (valid) values."""
        ranges = {item.lower() for item in accept}
        return cls(tuple(sorted(item for item in ranges if ranges.isdisjoint(wider(item)))))

    @classmethod
    def from_values(cls, values: Values) -> BlobScope:
        return cls.of(values["accept"])

    def __str__(self) -> str:
        return SCHEMA.write({"accept": self.accept})

    def permits(self, need: Need) -> bool:
        if not isinstance(need, BlobNeed):
            return False
        return any(item in self.accept for item in (need.mime_type, *wider(need.mime_type)))

    def parts(self) -> Iterator[Need]:
        """What it takes to cover this scope."""
        for item in self.accept:
            yield BlobNeed(item)
