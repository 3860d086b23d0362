"""How the sync methods are asked in tests, and what they all refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, cast

import pytest

from pds.atproto.car import read_car
from pds.atproto.cid import Cid
from pds.errors import RepoDeactivatedError, RepoNotFoundError, RepoTakendownError
from pds.services.record_writes import Write
from pds.xrpc.method import ANONYMOUS, Body, Caller, Stored
from tests.factories import ADMIN, Person, ask, take_down

if TYPE_CHECKING:
    from pds.services import Services

NOTE = "com.example.note"
CAR_TYPE = "application/vnd.ipld.car"


def get(services: Services, nsid: str, caller: Caller = ANONYMOUS, **params: Any) -> Any:
    """The reply to a query with these parameters, which are checked by the Lexicon first."""
    pairs = {n: [value] if isinstance(value, str) else value for n, value in params.items()}
    return ask(services, nsid, caller, params=services.validator.coerce_params(nsid, pairs))


def content_of(body: Body | Stored) -> bytes:
    """The bytes of a reply; the file behind it is closed, its size checked."""
    if isinstance(body, Stored):
        with body.open(0, body.size_bytes) as file:
            content = file.read()
    elif isinstance(body.content, bytes):
        content = body.content
    else:
        with cast("BinaryIO", body.content) as file:
            content = file.read()
    assert body.size_bytes == len(content)
    return content


def car_of(body: Body) -> tuple[list[Cid], dict[Cid, bytes]]:
    assert body.content_type == CAR_TYPE
    return read_car(content_of(body))


def write_notes(services: Services, person: Person, *rkeys: str) -> None:
    writes = [Write("create", NOTE, rkey, {"$type": NOTE, "text": rkey}) for rkey in rkeys]
    services.repos.apply_writes(person.row, writes)


def check_availability(
    services: Services, nsid: str, alice: Person, bob: Person, **params: Any
) -> None:
    """Inactive repos are for their owner and the admin alone; unknown ones for nobody."""

    def fetch(caller: Caller = ANONYMOUS) -> None:
        reply = get(services, nsid, caller, **{"did": alice.did, **params})
        if isinstance(reply, Body | Stored):
            content_of(reply)

    fetch()
    services.accounts.deactivate(alice.did)
    for stranger in (ANONYMOUS, bob.caller):
        with pytest.raises(RepoDeactivatedError):
            fetch(stranger)
    fetch(alice.caller)
    fetch(ADMIN)
    take_down(alice)
    with pytest.raises(RepoTakendownError):
        fetch()
    fetch(alice.caller)
    fetch(ADMIN)
    with pytest.raises(RepoNotFoundError):
        get(services, nsid, **{**params, "did": "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"})
