"""Accounts that have something: records, blobs, an upload that nothing uses."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pds.services.record_writes import Write
from tests.factories import Person

if TYPE_CHECKING:
    from pds.services import Services

POST = "app.bsky.feed.post"
CREATED_AT = "2026-01-01T00:00:00.000Z"


def post(services: Services, person: Person, text: str, *, blob: bytes | None = None) -> None:
    value: dict[str, Any] = {"$type": POST, "text": text, "createdAt": CREATED_AT}
    if blob is not None:
        ref = services.blobs.upload(person.row, io.BytesIO(blob), "text/plain")
        value["attached"] = ref.to_value()
    write = Write("create", POST, services.repos.next_rkey(), value)
    services.repos.apply_writes(person.row, [write])


def fill(services: Services, person: Person) -> None:
    """A repo with a bit of everything, and an upload that no record uses."""
    for number in range(3):
        post(services, person, f"post {number}", blob=f"{person.did} {number}".encode())
    services.blobs.upload(person.row, io.BytesIO(b"unused"), "text/plain")


@contextmanager
def no_clean_up(services: Services) -> Iterator[None]:
    """Keep the background from working while the block runs."""
    with services.accounts._deletion._cleaning:
        yield
