"""updateSubjectStatus over HTTP: the three subjects, who may, and every refusal."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pds.services.record_writes import Write
from pds.services.service_tokens import ServiceTokens
from tests.belongings import CREATED_AT, POST
from tests.factories import Person, make_config, make_newcomer
from tests.leftovers import all_rows
from tests.over_http import ADMIN_HEADER, wire

if TYPE_CHECKING:
    from pds.services import Services

NSID = "com.atproto.admin.updateSubjectStatus"
UNKNOWN = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
RKEY = "3jzfcijpj2z2a"
BLOB_CID = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
RECORD_CID = "bafyreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
APPLIED = {"applied": True, "ref": "case 7"}


def repo(did: str) -> dict[str, Any]:
    return {"$type": "com.atproto.admin.defs#repoRef", "did": did}


def record(did: str, rkey: str = RKEY) -> dict[str, Any]:
    uri = f"at://{did}/{POST}/{rkey}"
    return {"$type": "com.atproto.repo.strongRef", "uri": uri, "cid": RECORD_CID}


def blob(did: str, cid: str = BLOB_CID) -> dict[str, Any]:
    return {"$type": "com.atproto.admin.defs#repoBlobRef", "did": did, "cid": cid}


def write(services: Services, person: Person) -> None:
    value = {"$type": POST, "text": "bad", "createdAt": CREATED_AT}
    services.repos.apply_writes(person.row, [Write("create", POST, RKEY, value)])


def test_account_is_taken_down_and_its_tokens_with_it(services: Services, alice: Person) -> None:
    with wire(services) as http:
        body = {"subject": repo(alice.did), "takedown": APPLIED}
        reply = http.post(NSID, ADMIN_HEADER, body)
        session = http.get("com.atproto.server.getSession", alice)
        public = http.get("com.atproto.sync.getLatestCommit", did=alice.did)

    assert (reply.status, reply.json) == (200, body)
    assert alice.row.takedown_ref == "case 7"
    assert session.error[:2] == (400, "ExpiredToken")
    assert public.error[:2] == (400, "RepoTakendown")


def test_record_disappears(services: Services, alice: Person) -> None:
    write(services, alice)
    named = {"repo": alice.did, "collection": POST, "rkey": RKEY}
    with wire(services) as http:
        body = {"subject": record(alice.did), "takedown": APPLIED}
        reply = http.post(NSID, ADMIN_HEADER, body)
        gone = http.get("com.atproto.repo.getRecord", **named)
        http.post(NSID, ADMIN_HEADER, {**body, "takedown": {"applied": False}})
        back = http.get("com.atproto.repo.getRecord", **named)

    assert (reply.status, reply.json) == (200, body)
    assert gone.error[:2] == (400, "RecordNotFound")
    assert back.status == 200


def test_deactivation_is_not_echoed_as_a_takedown(services: Services, alice: Person) -> None:
    with wire(services) as http:
        body = {"subject": repo(alice.did), "deactivated": {"applied": True}}
        reply = http.post(NSID, ADMIN_HEADER, body)

    assert (reply.status, reply.json) == (200, {"subject": repo(alice.did)})
    assert alice.row.status == "deactivated"


REFUSED = [
    ({"subject": repo(UNKNOWN), "takedown": APPLIED}, "NotFound", "Subject not found"),
    ({"subject": repo(UNKNOWN)}, "NotFound", "Subject not found"),
    (
        {"subject": repo(UNKNOWN), "deactivated": {"applied": True}},
        "NotFound",
        "Subject not found",
    ),
    ({"subject": record(UNKNOWN), "takedown": APPLIED}, "NotFound", "Subject not found"),
    ({"subject": blob(UNKNOWN), "takedown": APPLIED}, "NotFound", "Subject not found"),
    ({"subject": blob("alice"), "takedown": APPLIED}, "NotFound", "Subject not found"),
    ({"subject": record("alice", "x"), "takedown": APPLIED}, "NotFound", "Subject not found"),
    (
        {"subject": repo("alice"), "takedown": APPLIED, "deactivated": {"applied": False}},
        "InvalidRequest",
        "A takedown and an activation exclude each other",
    ),
    (
        {"subject": record("alice"), "deactivated": {"applied": True}},
        "InvalidRequest",
        "Only accounts can be deactivated",
    ),
    (
        {"subject": {"$type": "com.example.thing"}, "takedown": APPLIED},
        "InvalidRequest",
        "Invalid subject",
    ),
    (
        {
            "subject": {**record("alice"), "uri": "at://did:plc:ewvi7nxzyoun6zhxrhs64oiz"},
            "takedown": APPLIED,
        },
        "InvalidRequest",
        "The subject's URI names no record",
    ),
    (
        {"subject": {**blob("alice"), "cid": "bafybad"}, "takedown": APPLIED},
        "InvalidRequest",
        None,
    ),
    ({"takedown": APPLIED}, "InvalidRequest", None),
    ({"subject": repo("alice"), "takedown": {"ref": "x"}}, "InvalidRequest", None),
]


@pytest.mark.parametrize(("body", "name", "message"), REFUSED)
def test_refusal_changes_nothing(
    services: Services, alice: Person, body: dict[str, Any], name: str, message: str | None
) -> None:
    write(services, alice)
    before = all_rows()
    with wire(services) as http:
        reply = http.post(NSID, ADMIN_HEADER, _for(alice, body))

    assert reply.error[:2] == (400, name)
    assert message is None or reply.error[2] == message
    assert all_rows() == before


def _for(person: Person, body: dict[str, Any]) -> dict[str, Any]:
    """``alice`` in a case stands for her DID."""
    subject = {
        key: person.did if value == "alice" else value.replace("at://alice/", f"at://{person.did}/")
        for key, value in body.get("subject", {}).items()
    }
    return {**body, **({"subject": subject} if subject else {})}


def test_account_whose_did_points_elsewhere_is_not_activated(services: Services) -> None:
    newcomer = make_newcomer(services)
    services.accounts.create(newcomer.wants())
    before = all_rows()
    with wire(services) as http:
        body = {"subject": repo(newcomer.did), "deactivated": {"applied": False}}
        reply = http.post(NSID, ADMIN_HEADER, body)

    assert reply.error[:2] == (400, "IncompatibleDidDoc")
    assert all_rows() == before


# --- who may -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("is_ours", "status"), [(True, 200), (False, 401)])
def test_moderation_service_may_and_no_other(
    services: Services, alice: Person, tmp_path: Path, is_ours: bool, status: int
) -> None:
    ours, other = make_newcomer(services), make_newcomer(services, "other.test")
    config = make_config(tmp_path, mod_service_did=ours.did)
    tokens = ServiceTokens(config, services.clock, services.identity)
    token = (ours if is_ours else other).token(services, NSID)
    with wire(dataclasses.replace(services, service_tokens=tokens)) as http:
        body = {"subject": repo(alice.did), "takedown": APPLIED}
        reply = http.post(NSID, f"Bearer {token}", body)

    assert reply.status == status
    assert alice.row.is_taken_down == is_ours


@pytest.mark.parametrize("header", [None, "Basic YWRtaW46d3Jvbmc="])
def test_others_may_not(services: Services, alice: Person, header: str | None) -> None:
    with wire(services) as http:
        body = {"subject": repo(alice.did), "takedown": APPLIED}
        reply = http.post(NSID, header, body)

    assert reply.status == 401
    assert alice.row.is_active
