"""Calls of the com.atproto.repo methods by somebody, and all that such a call may change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pds.atproto.cid import cid_for_cbor
from pds.errors import PdsError
from tests.factories import Person, ask, dump_tables, read_events

if TYPE_CHECKING:
    from pds.services import Services

POST = "app.bsky.feed.post"
LIKE = "app.bsky.feed.like"
NOTE = "com.example.note"
CREATED_AT = "2026-01-01T00:00:00.000Z"
OTHER_CID = str(cid_for_cbor(b"\xa0"))


def repo_call(services: Services, person: Person, name: str, **given: Any) -> Any:
    """The reply of ``com.atproto.repo.<name>``; ``repo`` is the caller's own unless given."""
    body = {"repo": person.did, **given}
    services.validator.check_input(f"com.atproto.repo.{name}", body)
    return ask(services, f"com.atproto.repo.{name}", person.caller, input=body)


def read(services: Services, name: str, **params: Any) -> Any:
    """The reply of a public query, defaults filled in as for a request."""
    nsid = f"com.atproto.repo.{name}"
    pairs = {key: [str(value)] for key, value in params.items()}
    return ask(services, nsid, params=services.validator.coerce_params(nsid, pairs))


def write_note(services: Services, person: Person, rkey: str, text: str = "hello") -> Any:
    value = {"$type": NOTE, "text": text}
    return repo_call(services, person, "putRecord", collection=NOTE, rkey=rkey, record=value)


def repo_state() -> dict[str, list[tuple[Any, ...]]]:
    """Every row that a write may touch."""
    return dump_tables("repo_root", "block", "record", "record_blob", "blob", "event")


def head_of(services: Services, person: Person) -> dict[str, str]:
    """The latest commit as replies show it."""
    head = services.repos.get_head(person.row.id)
    return {"cid": str(head.commit), "rev": head.rev}


def last_ops() -> list[tuple[str, str]]:
    """(action, path) of the newest commit on the firehose."""
    kind, payload = read_events()[-1]
    assert kind == "#commit"
    return [(op["action"], op["path"]) for op in payload["ops"]]


def refuse(
    services: Services, person: Person, name: str, error: type[PdsError], match: str, **given: Any
) -> None:
    """Check that the call fails so, and that it changed nothing at all."""
    before = repo_state()
    with pytest.raises(error, match=match) as raised:
        repo_call(services, person, name, **given)
    assert type(raised.value) is error
    assert repo_state() == before
