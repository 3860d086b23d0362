"""An account moves from the reference server to this one, and another one the other way.

Needs a reference server on this machine: see README.md beside this file.
"""

from __future__ import annotations

import random
import sqlite3
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pds.atproto import dag_cbor
from pds.atproto.car import read_car
from pds.atproto.cid import Cid, cid_for_raw
from pds.atproto.commit import Commit, decode_commit
from pds.atproto.crypto.keypair import PrivateKey, PublicKey
from pds.atproto.mst.check import verify_tree
from pds.atproto.mst.tree import MissingBlockError, Tree, build_tree
from pds.atproto.service_auth import create_service_token
from pds.services.keys import SigningKeys
from pds.storage.signing_keys import SigningKeyRow
from tests.interop.big_account import create_big_account
from tests.interop.npm import require_packages, run_script
from tests.interop.peer import (
    Reference,
    all_pages,
    all_records,
    find_reference,
    get_blob,
)
from tests.server_process import Account, HttpError, ServerProcess

pytestmark = [pytest.mark.slow, pytest.mark.needs_node]

CREATE_ACCOUNT = "com.atproto.server.createAccount"
CAR_TYPE = "application/vnd.ipld.car"
ROTATION_KEY = PrivateKey.generate("k256")


@pytest.fixture(scope="module")
def reference() -> Reference:
    found = find_reference()
    require_packages()
    return found


@pytest.fixture
def hearth(reference: Reference, tmp_path: Path) -> Iterator[ServerProcess]:
    """This server, in the reference's network: they share the directory of DIDs.

    One for each test: once an account has moved out, its events here no longer verify by the DID
    document, and following them from the start would fail.
    """
    settings = {
        "PDS_DID_PLC_URL": reference.directory.url,
        "PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX": ROTATION_KEY.to_bytes().hex(),
        "PDS_RATE_LIMITS_ENABLED": "false",
    }
    with ServerProcess(tmp_path / "data", settings=settings) as running:
        yield running


@dataclass(frozen=True, slots=True)
class Export:
    """A repo as exported, all of it verified with our own library."""

    car: bytes
    commit: Commit
    records: dict[str, Cid]
    blocks: dict[Cid, bytes]


def export(server: ServerProcess, did: str, key: PublicKey) -> Export:
    car = server.get("com.atproto.sync.getRepo", did=did)
    roots, blocks = read_car(car)
    commit = decode_commit(blocks[roots[0]])
    assert (commit.did, commit.verify(key)) == (did, True)
    records = dict(verify_tree(blocks.__getitem__, commit.data))
    for path, cid in records.items():
        value = dag_cbor.decode(blocks[cid])
        assert isinstance(value, dict)
        assert value["$type"] == path.split("/", maxsplit=1)[0]
        assert dag_cbor.encode(value) == blocks[cid]
    return Export(car, commit, records, blocks)


def check_rebuilding(exported: Export) -> None:
    """Both ways of building the tree give the nodes that the other server has."""
    items = list(exported.records.items())
    root, nodes = build_tree(items)
    assert root == exported.commit.data
    assert {cid: exported.blocks[cid] for cid, _ in nodes} == dict(nodes)

    random.Random(1).shuffle(items)
    tree = Tree(_no_source, None)
    for path, cid in items:
        tree.put(path, cid)
    assert tree.flush() == (root, dict(nodes))


def _no_source(cid: Cid) -> bytes:
    raise MissingBlockError(cid)


class Stopwatch:
    """Prints what took how long; pytest shows it with -s."""

    def __init__(self) -> None:
        self._last = time.perf_counter()

    def lap(self, what: str) -> None:
        now = time.perf_counter()
        print(f"{now - self._last:6.2f} s  {what}")
        self._last = now


# --- from the reference to here -----------------------------------------------------------------


def test_account_of_the_reference_moves_in_whole(
    reference: Reference, hearth: ServerProcess
) -> None:
    watch = Stopwatch()
    old = create_big_account(reference.server, "mover")
    watch.lap("account on the reference")
    run_script("whole.mjs", reference.server.url, reference.directory.url, old.did)
    watch.lap("@atproto/repo verifies the reference's export")
    before = export(old.server, old.did, reference.directory.signing_key(old.did))
    watch.lap(f"our library verifies it: {len(before.records)} records, {len(before.car)} bytes")
    check_rebuilding(before)
    watch.lap("the tree built again twice")
    listed = all_records(old.server, old.did)

    new = move_in(hearth, old.did, service_token(old, hearth))
    watch.lap("account here, all records listed there")
    hearth.post("com.atproto.repo.importRepo", before.car, token=new.token, content_type=CAR_TYPE)
    watch.lap("import")
    blobs = bring_blobs(old.server, new)
    watch.lap(f"{len(blobs)} blobs, {sum(map(len, blobs.values()))} bytes")
    check_status(new, before, blobs, activated=False)

    with pytest.raises(HttpError) as early:
        hearth.post("com.atproto.server.activateAccount", token=new.token)
    assert early.value.status == 400
    credentials = credentials_here(hearth, new, ROTATION_KEY)
    reference.directory.update(old.did, reference.rotation_key, credentials)
    hearth.post("com.atproto.server.activateAccount", token=new.token)
    old.server.post("com.atproto.server.deactivateAccount", {}, token=old.token)
    watch.lap("DID updated, activated here, deactivated there")
    check_status(new, before, blobs, activated=True)

    after = export(hearth, old.did, reference.directory.signing_key(old.did))
    assert after.records == before.records
    assert after.commit.data == before.commit.data
    assert after.commit.rev > before.commit.rev
    assert all_records(hearth, old.did) == listed
    assert set(all_pages(hearth, "com.atproto.sync.listBlobs", "cids", did=old.did)) == set(blobs)
    assert {cid: get_blob(hearth, old.did, cid) for cid in blobs} == blobs
    watch.lap("exported again, every record and blob the same")

    new.post("first words from the new home")
    figures = run_script("whole.mjs", hearth.url, reference.directory.url, old.did)
    assert figures["records"] == len(before.records) + 1
    run_script("follow.mjs", hearth.url, reference.directory.url, figures["rev"])
    watch.lap("@atproto/repo and @atproto/sync read it here")


def move_in(server: ServerProcess, did: str, token: str) -> Account:
    """Create an account that has its DID already; ``token`` is signed by the DID's key."""
    name = f"moved-{uuid.uuid4().hex[:8]}"
    body = {
        "did": did,
        "handle": f"{name}.test",
        "email": f"{name}@mail.example.com",
        "password": "a new password",
    }
    reply = server.post(CREATE_ACCOUNT, body, token=token)
    assert reply["did"] == did
    return Account(server, did, reply["handle"], reply["accessJwt"])


def service_token(account: Account, target: ServerProcess) -> str:
    """The old server's word that the account's owner may create an account at the new one."""
    audience = target.get("com.atproto.server.describeServer")["did"]
    reply = account.server.get(
        "com.atproto.server.getServiceAuth", token=account.token, aud=audience, lxm=CREATE_ACCOUNT
    )
    return str(reply["token"])


def bring_blobs(source: ServerProcess, new: Account) -> dict[str, bytes]:
    """Fetch what the new server says is missing, and upload it there."""
    missing = [
        item["cid"]
        for item in all_pages(
            new.server, "com.atproto.repo.listMissingBlobs", "blobs", token=new.token
        )
    ]
    assert len(missing) == len(set(missing))
    blobs = {cid: get_blob(source, new.did, cid) for cid in missing}
    for cid, content in blobs.items():
        mime_type = "image/png" if content.startswith(b"\x89PNG") else "application/octet-stream"
        reply = new.server.post(
            "com.atproto.repo.uploadBlob", content, token=new.token, content_type=mime_type
        )
        assert reply["blob"]["ref"]["$link"] == cid == str(cid_for_raw(content))
    left = new.server.get("com.atproto.repo.listMissingBlobs", token=new.token)["blobs"]
    assert left == []
    return blobs


def check_status(
    account: Account, exported: Export, blobs: dict[str, bytes], *, activated: bool
) -> None:
    status = account.server.get("com.atproto.server.checkAccountStatus", token=account.token)
    assert status["activated"] == activated
    assert status["validDid"] == activated
    assert status["indexedRecords"] == len(exported.records)
    assert (status["expectedBlobs"], status["importedBlobs"]) == (len(blobs), len(blobs))


def credentials_here(
    hearth: ServerProcess, account: Account, rotation_key: PrivateKey
) -> dict[str, Any]:
    """What the DID document must say for the account to live here."""
    endpoint = f"http://localhost:{hearth.port}"
    return {
        "rotationKeys": [rotation_key.did_key],
        "alsoKnownAs": [f"at://{account.handle}"],
        "verificationMethods": {"atproto": stored_key(hearth, account.did).did_key},
        "services": {"atproto_pds": {"type": "AtprotoPersonalDataServer", "endpoint": endpoint}},
    }


def stored_key(hearth: ServerProcess, did: str) -> SigningKeyRow:
    """The account's signing key as it lies, encrypted, in the data directory."""
    database = sqlite3.connect(f"file:{hearth.data / 'pds.sqlite'}?mode=ro", uri=True)
    try:
        found = database.execute(
            "SELECT did_key, encrypted FROM signing_key"
            " JOIN account ON account.id = account_id WHERE did = ?",
            (did,),
        ).fetchone()
    finally:
        database.close()
    return SigningKeyRow(found[0], bytes(found[1]))


# --- from here to the reference -----------------------------------------------------------------


def test_account_moves_out_to_the_reference(reference: Reference, hearth: ServerProcess) -> None:
    watch = Stopwatch()
    old = create_big_account(hearth, "leaver")
    watch.lap("account here")
    before = export(hearth, old.did, reference.directory.signing_key(old.did))
    listed = all_records(hearth, old.did)
    token = own_service_token(hearth, old, reference.server)

    new = move_in(reference.server, old.did, token)
    new.server.post(
        "com.atproto.repo.importRepo", before.car, token=new.token, content_type=CAR_TYPE
    )
    watch.lap(f"account there, {len(before.records)} records imported")
    blobs = bring_blobs(hearth, new)
    watch.lap(f"{len(blobs)} blobs")
    credentials = new.server.get(
        "com.atproto.identity.getRecommendedDidCredentials", token=new.token
    )
    reference.directory.update(old.did, ROTATION_KEY, credentials)
    new.server.post("com.atproto.server.activateAccount", token=new.token)
    hearth.post("com.atproto.server.deactivateAccount", {}, token=old.token)

    check_status(new, before, blobs, activated=True)
    assert all_records(new.server, old.did) == listed
    # Until the first write there, the head is the commit that we made, with our key.
    first = new.post("first words from the new home")["uri"].removeprefix(f"at://{old.did}/")
    after = export(new.server, old.did, reference.directory.signing_key(old.did))
    del after.records[first]
    assert after.records == before.records
    assert {cid: get_blob(new.server, old.did, cid) for cid in blobs} == blobs
    with pytest.raises(HttpError) as gone:
        hearth.get("com.atproto.sync.getRepo", did=old.did)
    assert gone.value.body["error"] == "RepoDeactivated"
    watch.lap("DID updated, activated there; every record and blob the same")


def own_service_token(hearth: ServerProcess, account: Account, target: ServerProcess) -> str:
    """As ``service_token``, signed with the account's key out of the data directory."""
    key = SigningKeys(ROTATION_KEY)._open(stored_key(hearth, account.did))
    return create_service_token(
        iss=account.did,
        aud=target.get("com.atproto.server.describeServer")["did"],
        lxm=CREATE_ACCOUNT,
        key=key,
        now=int(time.time()),
        jti=uuid.uuid4().hex,
    )
