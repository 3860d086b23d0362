"""listMissingBlobs: what is still to be uploaded after a move."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pds.atproto import dag_cbor
from pds.atproto.cid import cid_for_raw
from pds.errors import InvalidRequestError
from pds.services.session_scopes import Scope
from pds.xrpc.loading import load_methods
from pds.xrpc.method import Auths, Caller
from tests.factories import Person, make_newcomer
from tests.foreign_repo import ForeignRepo
from tests.sync_methods import NOTE, get

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.repo.listMissingBlobs"


def test_missing_blobs_come_in_pages_with_a_record(services: Services) -> None:
    newcomer = make_newcomer(services)
    services.accounts.create(newcomer.wants())
    cids = [cid_for_raw(bytes([number])) for number in range(3)]
    records = {
        f"{NOTE}/r{number}": dag_cbor.encode(
            {"file": {"$type": "blob", "ref": cid, "mimeType": "image/png", "size": 1}}
        )
        for number, cid in enumerate(cids)
    }
    account = services.accounts.get_account(newcomer.did)
    repo = ForeignRepo(newcomer.did, newcomer.key, records)
    services.repo_import.import_repo(account, repo.stream())
    caller = Caller("user", newcomer.did, Scope.ACCESS)

    first = get(services, NSID, caller, limit="2")
    second = get(services, NSID, caller, limit="2", cursor=first["cursor"])

    assert {(b["cid"], b["recordUri"]) for b in first["blobs"] + second["blobs"]} == {
        (str(cid), f"at://{newcomer.did}/{NOTE}/r{number}") for number, cid in enumerate(cids)
    }
    assert "cursor" not in second


def test_nothing_is_missing_of_an_empty_repo(services: Services, alice: Person) -> None:
    assert get(services, NSID, alice.caller) == {"blobs": []}


def test_foreign_cursor_is_refused(services: Services, alice: Person) -> None:
    with pytest.raises(InvalidRequestError, match="cursor"):
        get(services, NSID, alice.caller, cursor="nonsense")


def test_who_may_ask() -> None:
    assert load_methods()[NSID].auth is Auths.USER
