"""What every method says of an account that is deactivated or taken down, to whom.

The table is the reference's behaviour (where that answers from a stale copy, an error).
Spec: https://atproto.com/specs/account#hosting-status
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from pds.services.record_writes import Write
from pds.services.takedowns import AccountSubject, Takedown
from tests.belongings import CREATED_AT, POST
from tests.factories import Person
from tests.leftovers import all_rows
from tests.over_http import ADMIN_HEADER, Wire, wire

if TYPE_CHECKING:
    from pds.services import Services

RKEY = "3jzfcijpj2z2a"
VALUE = {"$type": POST, "text": "hello", "createdAt": CREATED_AT}
WRITE = {"collection": POST, "rkey": "3jzfcijpj2z2b"}
OK = 200

# Whoever asks: what a stranger is told (deactivated, taken down).
PUBLIC = [
    ("com.atproto.repo.getRecord", "InvalidRequest", "InvalidRequest"),
    ("com.atproto.repo.listRecords", "InvalidRequest", "InvalidRequest"),
    ("com.atproto.repo.describeRepo", "RepoDeactivated", "RepoTakendown"),
    ("com.atproto.identity.resolveHandle", "HandleNotFound", "HandleNotFound"),
    ("com.atproto.sync.getRepo", "RepoDeactivated", "RepoTakendown"),
    ("com.atproto.sync.getBlob", "RepoDeactivated", "RepoTakendown"),
    ("com.atproto.sync.listBlobs", "RepoDeactivated", "RepoTakendown"),
    ("com.atproto.sync.getBlocks", "RepoDeactivated", "RepoTakendown"),
    ("com.atproto.sync.getRecord", "RepoDeactivated", "RepoTakendown"),
    ("com.atproto.sync.getLatestCommit", "RepoDeactivated", "RepoTakendown"),
    ("com.atproto.sync.getRepoStatus", OK, OK),
    ("com.atproto.sync.listRepos", OK, OK),
]

# The owner: with the session from before the deactivation, or one for a taken-down account.
OWNER = [
    ("com.atproto.server.getSession", OK, "InvalidToken"),
    ("com.atproto.server.checkAccountStatus", OK, "InvalidToken"),
    ("com.atproto.server.listAppPasswords", OK, "InvalidToken"),
    ("com.atproto.repo.listMissingBlobs", OK, "InvalidToken"),
    ("com.atproto.identity.getRecommendedDidCredentials", OK, "InvalidToken"),
    ("app.bsky.actor.getPreferences", OK, OK),
    ("com.atproto.sync.getRepo", OK, OK),
    ("com.atproto.sync.getBlob", OK, OK),
    ("com.atproto.sync.listBlobs", OK, OK),
    ("com.atproto.sync.getBlocks", OK, "InvalidToken"),
    ("com.atproto.sync.getRecord", OK, "InvalidToken"),
    ("com.atproto.sync.getLatestCommit", OK, "InvalidToken"),
]
OWNER_WRITES = [
    ("com.atproto.repo.createRecord", "AccountDeactivated", "InvalidToken"),
    ("com.atproto.repo.putRecord", "AccountDeactivated", "InvalidToken"),
    ("com.atproto.repo.deleteRecord", "AccountDeactivated", "InvalidToken"),
    ("com.atproto.repo.applyWrites", "AccountDeactivated", "InvalidToken"),
    ("com.atproto.repo.uploadBlob", OK, "InvalidToken"),
    ("com.atproto.repo.importRepo", OK, "InvalidToken"),
    ("app.bsky.actor.putPreferences", OK, "InvalidToken"),
    ("com.atproto.server.deactivateAccount", OK, OK),
    ("com.atproto.server.activateAccount", OK, "InvalidToken"),
]
STATES = ("deactivated", "takendown")


class Stage:
    """Alice with a record and a blob, in one of the states; ``token`` is what she has then."""

    def __init__(self, services: Services, alice: Person, http: Wire, state: str) -> None:
        self.http, self.alice, self.services = http, alice, services
        ref = services.blobs.upload(alice.row, io.BytesIO(b"picture"), "text/plain")
        self.blob = str(ref.cid)
        value = {**VALUE, "attached": ref.to_value()}
        written = services.repos.apply_writes(alice.row, [Write("create", POST, RKEY, value)])
        self.record = str(written.results[0].cid)
        with services.repo_export.export(alice.row).file as file:
            self.car = file.read()
        self.token = alice.access_jwt
        if state == "deactivated":
            services.accounts.deactivate(alice.did)
        else:
            subject = AccountSubject(alice.did)
            services.takedowns.update(subject, Takedown(True), deactivated=None)
            self.token = self._log_in()

    def _log_in(self) -> str:
        credentials = {"identifier": self.alice.did, "password": self.alice.password}
        body = {**credentials, "allowTakendown": True}
        return str(self.http.post("com.atproto.server.createSession", None, body).json["accessJwt"])

    def ask(self, nsid: str, by: str | None = None) -> int | str:
        did = self.alice.did
        place = {"repo": did, "collection": POST, "rkey": RKEY}
        params: dict[str, dict[str, Any]] = {
            "getRecord": {**place, "did": did},
            "listRecords": {"repo": did, "collection": POST},
            "describeRepo": {"repo": did},
            "resolveHandle": {"handle": self.alice.handle},
            "getBlob": {"did": did, "cid": self.blob},
            "getBlocks": {"did": did, "cids": [self.record]},
        }
        wanted = params.get(nsid.rpartition(".")[2], {"did": did} if ".sync." in nsid else {})
        return self._result(self.http.get(nsid, by, **wanted))

    def send(self, nsid: str, by: str) -> int | str:
        files = {
            "uploadBlob": (b"another", "text/plain"),
            "importRepo": (self.car, "application/vnd.ipld.car"),
        }
        place = {"repo": self.alice.did, **WRITE}
        create = {"$type": "com.atproto.repo.applyWrites#create", **WRITE, "value": VALUE}
        bodies: dict[str, Any] = {
            "createRecord": {**place, "record": VALUE},
            "putRecord": {**place, "record": VALUE},
            "deleteRecord": {**place, "rkey": RKEY},
            "applyWrites": {"repo": self.alice.did, "writes": [create]},
            "putPreferences": {"preferences": []},
            "deactivateAccount": {},
        }
        name = nsid.rpartition(".")[2]
        if name in files:
            body, kind = files[name]
            reply = self.http.web.post(f"/xrpc/{nsid}", body, Content_Type=kind, Authorization=by)
        else:
            reply = self.http.post(nsid, by, bodies.get(name))
        return self._result(reply)

    def _result(self, reply: Any) -> int | str:
        return OK if reply.status == OK else str(json.loads(reply.body)["error"])


@pytest.fixture(params=STATES)
def stage(
    services: Services, alice: Person, request: pytest.FixtureRequest
) -> Iterator[tuple[Stage, int]]:
    with wire(services) as http:
        yield Stage(services, alice, http, request.param), STATES.index(request.param)


def test_what_strangers_are_told(stage: tuple[Stage, int]) -> None:
    scene, column = stage

    told = {row[0]: scene.ask(row[0]) for row in PUBLIC}

    assert told == {row[0]: row[1 + column] for row in PUBLIC}


def test_what_the_admin_is_told(stage: tuple[Stage, int]) -> None:
    scene, _ = stage
    reads = [row[0] for row in PUBLIC if ".sync." in row[0]]

    assert {nsid: scene.ask(nsid, ADMIN_HEADER) for nsid in reads} == dict.fromkeys(reads, OK)


def test_what_the_owner_may_read(stage: tuple[Stage, int]) -> None:
    scene, column = stage

    told = {row[0]: scene.ask(row[0], f"Bearer {scene.token}") for row in OWNER}

    assert told == {row[0]: row[1 + column] for row in OWNER}


@pytest.mark.parametrize("row", OWNER_WRITES, ids=lambda row: row[0])
def test_what_the_owner_may_do(stage: tuple[Stage, int], row: tuple[str, Any, Any]) -> None:
    scene, column = stage
    before = all_rows()

    assert scene.send(row[0], f"Bearer {scene.token}") == row[1 + column]
    if row[1 + column] != OK:
        assert all_rows() == before


def test_session_from_before_a_takedown_is_over(services: Services, alice: Person) -> None:
    with wire(services) as http:
        scene = Stage(services, alice, http, "takendown")
        for nsid, *_ in OWNER:
            assert scene.ask(nsid, f"Bearer {alice.access_jwt}") == "ExpiredToken"
        for nsid, *_ in OWNER_WRITES:
            assert scene.send(nsid, f"Bearer {alice.access_jwt}") == "ExpiredToken"
