"""getSubjectStatus over HTTP: the three subjects, and every refusal."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

from pds.atproto.syntax.at_uri import AtUri
from pds.services.record_writes import Write
from pds.services.takedowns import AccountSubject, BlobSubject, RecordSubject, Takedown
from tests.belongings import CREATED_AT, POST
from tests.factories import Person
from tests.over_http import ADMIN_HEADER, wire

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.admin.getSubjectStatus"
UNKNOWN = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
RKEY = "3jzfcijpj2z2a"
CID = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"


def ask_admin(services: Services, **params: Any) -> Any:
    with wire(services) as http:
        return http.get(NSID, ADMIN_HEADER, **params)


def test_account(services: Services, alice: Person) -> None:
    subject = {"$type": "com.atproto.admin.defs#repoRef", "did": alice.did}
    assert ask_admin(services, did=alice.did).json == {
        "subject": subject,
        "takedown": {"applied": False},
        "deactivated": {"applied": False},
    }

    services.takedowns.update(AccountSubject(alice.did), Takedown(True, "x"), deactivated=True)

    assert ask_admin(services, did=alice.did).json == {
        "subject": subject,
        "takedown": {"applied": True, "ref": "x"},
        "deactivated": {"applied": True},
    }


def test_record(services: Services, alice: Person) -> None:
    value = {"$type": POST, "text": "bad", "createdAt": CREATED_AT}
    written = services.repos.apply_writes(alice.row, [Write("create", POST, RKEY, value)])
    uri = f"at://{alice.did}/{POST}/{RKEY}"
    services.takedowns.update(RecordSubject(AtUri(uri)), Takedown(True, "x"), deactivated=None)

    assert ask_admin(services, uri=uri).json == {
        "subject": {
            "$type": "com.atproto.repo.strongRef",
            "uri": uri,
            "cid": str(written.results[0].cid),
        },
        "takedown": {"applied": True, "ref": "x"},
    }


def test_blob(services: Services, alice: Person) -> None:
    cid = services.blobs.upload(alice.row, io.BytesIO(b"x"), "text/plain").cid
    services.takedowns.update(BlobSubject(alice.did, cid), Takedown(True, "x"), deactivated=None)

    assert ask_admin(services, did=alice.did, blob=str(cid)).json == {
        "subject": {
            "$type": "com.atproto.admin.defs#repoBlobRef",
            "did": alice.did,
            "cid": str(cid),
        },
        "takedown": {"applied": True, "ref": "x"},
    }


@pytest.mark.parametrize(
    ("params", "name", "message"),
    [
        ({}, "InvalidRequest", "No provided subject"),
        ({"blob": CID}, "InvalidRequest", "Must provide a did to request blob state"),
        ({"did": UNKNOWN}, "NotFound", "Subject not found"),
        ({"did": UNKNOWN, "blob": CID}, "NotFound", "Subject not found"),
        ({"uri": f"at://{UNKNOWN}/{POST}/{RKEY}"}, "NotFound", "Subject not found"),
        ({"uri": f"at://{UNKNOWN}"}, "InvalidRequest", "The subject's URI names no record"),
        (
            {"did": UNKNOWN, "blob": "bafybad"},
            "InvalidRequest",
            f"Invalid {NSID} params: blob: must be a CID",
        ),
    ],
)
def test_refusals(services: Services, params: dict[str, str], name: str, message: str) -> None:
    assert ask_admin(services, **params).error == (400, name, message)


def test_others_may_not(services: Services, alice: Person) -> None:
    with wire(services) as http:
        assert http.get(NSID, did=alice.did).status == 401
        assert http.get(NSID, alice, did=alice.did).status == 401
