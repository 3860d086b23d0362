"""Moving house between two servers, both ways, and with kill -9 after every step."""

from __future__ import annotations

import copy
import json
import random
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pds.atproto.car import read_car
from pds.atproto.commit import decode_commit
from pds.atproto.crypto.keypair import PrivateKey
from pds.atproto.mst.check import verify_tree
from pds.atproto.plc.operations import build_update
from pds.atproto.service_auth import create_service_token
from tests.fakes.mail_server import MailServer, mail_server
from tests.firehose_consumer import Consumer, RepoState
from tests.moving import (
    BEFORE_THE_DID_CHANGES,
    CAR_TYPE,
    CREATE_ACCOUNT,
    STEPS,
    Home,
    Move,
)
from tests.server_process import Account, HttpError, ServerProcess

pytestmark = pytest.mark.slow

RECORDS = 40
BLOBS = 5
PREFERENCES = [
    {"$type": "app.bsky.actor.defs#adultContentPref", "enabled": True},
    {
        "$type": "app.bsky.actor.defs#personalDetailsPref",
        "birthDate": "1990-01-01T00:00:00.000Z",
    },
]
POST = "app.bsky.feed.post"


@dataclass
class Town:
    """Two servers in one network: the older one's directory of DIDs serves both."""

    old: ServerProcess
    new: ServerProcess
    mail: MailServer

    def kill(self) -> None:
        """kill -9 for both, and a start."""
        for server in (self.old, self.new):
            server.kill()
        with ThreadPoolExecutor(2) as both:
            list(both.map(ServerProcess.start, (self.old, self.new)))

    def document(self, did: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.old.url}/{did}", timeout=30) as reply:
            document: dict[str, Any] = json.loads(reply.read())
        return document

    def consumer(self) -> Consumer:
        return Consumer(self.document)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with mail_server() as mail:
        old = ServerProcess(tmp_path / "old", settings=settings("old", mail))
        with old:
            plc = {"PDS_DID_PLC_URL": old.url}
            with ServerProcess(tmp_path / "new", settings=settings("new", mail) | plc) as new:
                yield Town(old, new, mail)


def settings(name: str, mail: MailServer) -> dict[str, str]:
    return {
        "PDS_SERVICE_DID": f"did:web:{name}.example.com",
        "PDS_SERVICE_HANDLE_DOMAINS": f".{name}.test",
        "PDS_EMAIL_SMTP_URL": f"smtp://127.0.0.1:{mail.port}",
        "PDS_EMAIL_FROM_ADDRESS": f"server@{name}.example.com",
        "PDS_RATE_LIMITS_ENABLED": "false",
    }


@dataclass(frozen=True)
class Belongings:
    """What must arrive: bytes of records by path, of blobs by CID, preferences."""

    records: dict[str, bytes]
    blobs: dict[str, bytes]
    preferences: list[dict[str, Any]]
    rev: str


def belongings(move: Move, home: Home) -> Belongings:
    server, token = home.server, move.token(home)
    roots, blocks = read_car(server.get("com.atproto.sync.getRepo", token=token, did=move.did))
    commit = decode_commit(blocks[roots[0]])
    cids = server.get("com.atproto.sync.listBlobs", token=token, did=move.did)["cids"]
    return Belongings(
        {path: blocks[cid] for path, cid in verify_tree(blocks.__getitem__, commit.data)},
        {
            cid: server.get("com.atproto.sync.getBlob", token=token, did=move.did, cid=cid)
            for cid in cids
        },
        server.get("app.bsky.actor.getPreferences", token=token)["preferences"],
        commit.rev,
    )


def settle(town: Town, records: int = RECORDS) -> Move:
    """Somebody who has lived at the old server for a while and wants to move."""
    body = {"handle": "alice.old.test", "email": "alice@example.com", "password": "pass-word"}
    reply = town.old.post("com.atproto.server.createAccount", body)
    account = Account(town.old, reply["did"], reply["handle"], reply["accessJwt"])
    for number in range(BLOBS):
        content = bytes([number]) * (1_000 + number)
        blob = town.old.post(
            "com.atproto.repo.uploadBlob", content, token=account.token, content_type="text/plain"
        )["blob"]
        _create(account, "com.example.file", [{"file": blob}])
    for start in range(0, records, 200):
        posts = [
            {"text": f"post {number}", "createdAt": "2026-01-01T00:00:00.000Z"}
            for number in range(start, min(start + 200, records))
        ]
        _create(account, POST, posts)
    preferences = {"preferences": PREFERENCES}
    town.old.post("app.bsky.actor.putPreferences", preferences, token=account.token)
    old = Home(town.old, "alice.old.test", "alice@example.com", "pass-word")
    new = Home(town.new, "alice.new.test", "alice@new.example.com", "another word")
    return Move(account.did, old, new, town.mail)


def _create(account: Account, collection: str, values: list[dict[str, Any]]) -> None:
    writes = [
        {
            "$type": "com.atproto.repo.applyWrites#create",
            "collection": collection,
            "value": {"$type": collection, **value},
        }
        for value in values
    ]
    account.server.post(
        "com.atproto.repo.applyWrites",
        {"repo": account.did, "writes": writes},
        token=account.token,
    )


def check_arrival(move: Move, before: Belongings) -> None:
    """Everything is at the new server, which alone is where the account lives."""
    after = belongings(move, move.new)
    assert after.records == before.records
    assert after.blobs == before.blobs
    assert after.preferences == before.preferences
    assert after.rev > before.rev
    status = move.status()
    assert (status["activated"], status["validDid"]) == (True, True)
    assert status["indexedRecords"] == len(before.records)
    assert status["expectedBlobs"] == status["importedBlobs"] == len(before.blobs)
    assert status["privateStateValues"] == len(PREFERENCES)
    there = move.old.server.get("com.atproto.sync.getRepoStatus", did=move.did)
    assert (there["active"], there["status"]) == (False, "deactivated")
    with pytest.raises(HttpError) as gone:
        move.old.server.get("com.atproto.sync.getRepo", did=move.did)
    assert gone.value.body["error"] == "RepoDeactivated"


def write_post(move: Move, home: Home) -> str:
    account = Account(home.server, move.did, home.handle, move.token(home))
    return str(account.post("words from home")["commit"]["rev"])


def catch_up(consumer: Consumer, server: ServerProcess, did: str, rev: str) -> None:
    state = consumer.repos.setdefault(did, RepoState())
    consumer.follow(server.url, until=lambda: state.rev == rev)


def test_account_moves_out_and_back_and_everybody_can_follow(town: Town) -> None:
    move = settle(town)
    there, here = town.consumer(), town.consumer()
    catch_up(there, town.old, move.did, belongings(move, move.old).rev)
    before = belongings(move, move.old)
    here.repos[move.did] = copy.deepcopy(there.repos[move.did])

    for step in STEPS:
        step(move)

    check_arrival(move, before)
    catch_up(here, town.new, move.did, write_post(move, move.new))
    assert here.counts == {"#identity": 2, "#account": 1, "#sync": 1, "#commit": 1}
    there.follow(town.old.url, until=lambda: not there.repos[move.did].active)
    assert town.document(move.did)["alsoKnownAs"] == ["at://alice.new.test"]

    # The account there is only asleep: moving back wakes it.
    back = Move(move.did, move.new, move.old, town.mail)
    before = belongings(back, back.old)
    there.repos[move.did] = copy.deepcopy(here.repos[move.did])
    for step in STEPS:
        step(back)

    check_arrival(back, before)
    catch_up(there, town.old, move.did, write_post(back, back.new))
    here.follow(town.new.url, until=lambda: not here.repos[move.did].active)


def test_killed_after_every_step_the_move_goes_on(town: Town) -> None:
    move = settle(town)
    before = belongings(move, move.old)
    for step in STEPS:
        step(move)
        town.kill()
        step(move)  # whoever has heard no answer tries again

    check_arrival(move, before)
    consumer = town.consumer()
    catch_up(consumer, town.new, move.did, write_post(move, move.new))
    assert consumer.counts["#sync"] == 1


def test_killed_after_any_step_the_move_can_be_given_up(town: Town) -> None:
    """Until the DID is changed, everything at the new server can go as if it had never been."""
    move = settle(town)
    before = belongings(move, move.old)
    for count in range(1, BEFORE_THE_DID_CHANGES + 1):
        enter_again(move)
        for step in STEPS[1:count]:
            step(move)
        town.kill()
        move.abandon()
        with pytest.raises(HttpError):
            move.token(move.new)
        assert town.new.get("com.atproto.sync.listRepos")["repos"] == []
        assert belongings(move, move.old) == before

    enter_again(move)
    for step in STEPS[1:]:
        step(move)
    check_arrival(move, before)


def enter_again(move: Move) -> None:
    """A deleted account is cleaned up in the background; until then its DID cannot come back."""
    until = time.monotonic() + 30
    while True:
        try:
            return move.enter()
        except HttpError:
            assert time.monotonic() < until
            time.sleep(0.05)


def test_killed_in_the_middle_of_the_import_nothing_or_everything_is_there(town: Town) -> None:
    move = settle(town, records=1_000)
    before = belongings(move, move.old)
    move.enter()
    source = random.Random(3)
    for _ in range(6):
        sender = threading.Thread(target=lambda: suppressed(move.bring_repo))
        sender.start()
        time.sleep(source.uniform(0.05, 0.6))
        town.new.kill()
        sender.join()
        town.new.start()
        status = move.status()
        assert status["indexedRecords"] in (0, len(before.records))
        assert not status["activated"]

    for step in STEPS[1:]:
        step(move)
    check_arrival(move, before)


def suppressed(action: Any) -> None:
    with suppress(OSError, HttpError):
        action()


def test_moves_in_though_the_old_server_is_gone(town: Town) -> None:
    """All there is: a rotation key of one's own, and a copy of the repo."""
    own, temporary = PrivateKey.generate(), PrivateKey.generate()
    body = {"handle": "carol.new.test", "email": "carol@example.com", "password": "pass-word"}
    reply = town.new.post("com.atproto.server.createAccount", {**body, "recoveryKey": own.did_key})
    account = Account(town.new, reply["did"], reply["handle"], reply["accessJwt"])
    path = account.post("before the fire")["uri"].removeprefix(f"at://{account.did}/")
    copy_of_repo = town.new.get("com.atproto.sync.getRepo", did=account.did)
    town.new.kill()

    change_did(town, account.did, own, verification_methods={"atproto": temporary.did_key})
    audience = town.old.get("com.atproto.server.describeServer")["did"]
    word = create_service_token(
        iss=account.did,
        aud=audience,
        lxm=CREATE_ACCOUNT,
        key=temporary,
        now=int(time.time()),
        jti="1",
    )
    entry = {**body, "did": account.did, "handle": "carol.old.test"}
    token = town.old.post(CREATE_ACCOUNT, entry, token=word)["accessJwt"]
    town.old.post("com.atproto.repo.importRepo", copy_of_repo, token=token, content_type=CAR_TYPE)
    wanted = town.old.get("com.atproto.identity.getRecommendedDidCredentials", token=token)
    change_did(
        town,
        account.did,
        own,
        rotation_keys=[own.did_key, *wanted["rotationKeys"]],
        verification_methods=wanted["verificationMethods"],
        also_known_as=wanted["alsoKnownAs"],
        services=wanted["services"],
    )
    town.old.post("com.atproto.server.activateAccount", token=token)

    collection, rkey = path.split("/")
    record = town.old.get(
        "com.atproto.repo.getRecord", repo="carol.old.test", collection=collection, rkey=rkey
    )
    assert record["value"]["text"] == "before the fire"
    moved = Account(town.old, account.did, "carol.old.test", token)
    rev = moved.post("after the fire")["commit"]["rev"]
    catch_up(town.consumer(), town.old, account.did, rev)


def change_did(town: Town, did: str, signer: PrivateKey, **changes: Any) -> None:
    with urllib.request.urlopen(f"{town.old.url}/{did}/log/last", timeout=30) as reply:
        last = json.loads(reply.read())
    operation = json.dumps(build_update(last, signer=signer, **changes)).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{town.old.url}/{did}", operation, headers)
    urllib.request.urlopen(request, timeout=30).close()
