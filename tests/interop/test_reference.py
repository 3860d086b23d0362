"""An account moves from the reference server to this one and back, with public methods only.

Needs a reference server on this machine: see README.md beside this file.
"""

from __future__ import annotations

import copy
import random
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pds.atproto import dag_cbor
from pds.atproto.car import read_car
from pds.atproto.cid import Cid
from pds.atproto.commit import Commit, decode_commit
from pds.atproto.crypto.keypair import PublicKey
from pds.atproto.mst.check import verify_tree
from pds.atproto.mst.tree import MissingBlockError, Tree, build_tree
from tests.fakes.mail_server import MailServer, mail_server
from tests.firehose_consumer import Consumer, RepoState
from tests.interop.big_account import create_big_account
from tests.interop.npm import require_packages, run_script
from tests.interop.peer import (
    Directory,
    Reference,
    all_pages,
    all_records,
    find_reference,
    get_blob,
)
from tests.moving import STEPS, Home, Move
from tests.server_process import Account, HttpError, ServerProcess

pytestmark = [pytest.mark.slow, pytest.mark.needs_node]

DECLARED_AGE = "app.bsky.actor.defs#declaredAgePref"


@pytest.fixture(scope="module")
def reference() -> Reference:
    found = find_reference()
    require_packages()
    return found


@pytest.fixture
def mail(reference: Reference) -> Iterator[MailServer]:
    """Both servers' mail server."""
    with mail_server(port=reference.mail_port) as running:
        yield running


@pytest.fixture
def hearth(reference: Reference, mail: MailServer, tmp_path: Path) -> Iterator[ServerProcess]:
    """This server, in the reference's network: they share the directory of DIDs."""
    settings = {
        "PDS_DID_PLC_URL": reference.directory.url,
        "PDS_RATE_LIMITS_ENABLED": "false",
        "PDS_EMAIL_SMTP_URL": f"smtp://127.0.0.1:{mail.port}",
        "PDS_EMAIL_FROM_ADDRESS": "hearth@mail.example.com",
    }
    with ServerProcess(tmp_path / "data", settings=settings) as running:
        yield running


# --- what is compared -----------------------------------------------------------------------------


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


@dataclass(frozen=True, slots=True)
class Belongings:
    """What must be the same after a move; ``blocks`` are all of the repo but for the commit."""

    blocks: dict[Cid, bytes]
    records: dict[str, tuple[str, Any]]
    blobs: dict[str, bytes]
    preferences: list[dict[str, Any]]


def belongings(move: Move, home: Home) -> Belongings:
    server, did = home.server, move.did
    roots, blocks = read_car(server.get("com.atproto.sync.getRepo", did=did))
    del blocks[roots[0]]
    cids = all_pages(server, "com.atproto.sync.listBlobs", "cids", did=did)
    found = server.get("app.bsky.actor.getPreferences", token=move.token(home))["preferences"]
    return Belongings(
        blocks,
        all_records(server, did),
        {cid: get_blob(server, did, cid) for cid in cids},
        sorted((item for item in found if item["$type"] != DECLARED_AGE), key=repr),
    )


class Stopwatch:
    """Prints what took how long; pytest shows it with -s."""

    def __init__(self) -> None:
        self._last = time.perf_counter()

    def lap(self, what: str) -> None:
        now = time.perf_counter()
        print(f"{now - self._last:7.2f} s  {what}")
        self._last = now


# --- the move -------------------------------------------------------------------------------------


class LenientConsumer(Consumer):
    """For the reference: its #sync after a move holds a commit of the server before.

    That commit has another key and another rev than the event says. The first write puts it right.
    """

    def _accept_sync(self, repo: RepoState, payload: dict[str, Any]) -> None:
        roots, blocks = read_car(payload["blocks"])
        commit = decode_commit(blocks[roots[0]])
        assert commit.did == payload["did"]
        repo.rev, repo.data = commit.rev, commit.data


def home_of(account: Account) -> Home:
    name = account.handle.removesuffix(".test")
    return Home(account.server, account.handle, f"{name}@mail.example.com", "pass-word")


def home_at(server: ServerProcess, name: str) -> Home:
    name = f"{name}-{secrets.token_hex(4)}"
    return Home(server, f"{name}.test", f"{name}@mail.example.com", "another pass-word")


def name_of(step: Any) -> str:
    return str(step.__name__).replace("<lambda>", "bring_blobs, two of them")


def take(move: Move, watch: Stopwatch) -> None:
    for step in STEPS:
        step(move)
        watch.lap(name_of(step))


@pytest.fixture
def here(reference: Reference) -> Consumer:
    """Follows this server."""
    return Consumer(reference.directory.get)


@pytest.fixture
def there(reference: Reference) -> Consumer:
    """Follows the reference."""
    return LenientConsumer(reference.directory.get)


def test_account_moves_here_and_back(
    reference: Reference,
    hearth: ServerProcess,
    mail: MailServer,
    here: Consumer,
    there: Consumer,
) -> None:
    watch, directory = Stopwatch(), reference.directory
    account = create_big_account(reference.server, "mover")
    watch.lap("account on the reference")
    before = check_as_it_was(account, there, directory, watch)
    move = Move(account.did, home_of(account), home_at(hearth, "moved"), mail)
    owned = belongings(move, move.old)
    assert len(owned.records) >= 5_000
    assert len(owned.blobs) >= 200
    watch.lap(f"all of it read: {len(owned.records)} records, {len(owned.blobs)} blobs")

    take(move, watch)

    assert belongings(move, move.new) == owned
    after = export(hearth, move.did, directory.signing_key(move.did))
    assert after.commit.rev > before.commit.rev
    with pytest.raises(HttpError) as gone:
        reference.server.get("com.atproto.sync.getRepo", did=move.did)
    assert gone.value.body["error"] == "RepoDeactivated"
    rev = follow_through(move, there, here)
    figures = run_script("whole.mjs", hearth.url, directory.url, move.did)
    assert (figures["records"], figures["rev"]) == (len(owned.records) + 1, rev)
    run_script("follow.mjs", hearth.url, directory.url, rev)
    watch.lap("everything the same here; followed strictly through the move, here and there")

    forget_account(move, move.old)
    watch.lap("the old account deleted there")
    back = Move(move.did, move.new, home_at(reference.server, "back"), mail)
    owned = belongings(back, back.old)

    take(back, watch)

    assert belongings(back, back.new) == owned
    follow_through(back, here, there)
    watch.lap("everything the same there; followed through the move, as far as its faults allow")


def check_as_it_was(
    account: Account, there: Consumer, directory: Directory, watch: Stopwatch
) -> Export:
    """The account before it moves: by events, by its export, by two libraries."""
    url = account.server.url
    rev = account.server.get("com.atproto.sync.getLatestCommit", did=account.did)["rev"]
    state = there.repos[account.did] = RepoState()
    there.follow(url, until=lambda: state.rev == rev)
    watch.lap("its events on the reference followed strictly")
    run_script("whole.mjs", url, directory.url, account.did)
    before = export(account.server, account.did, directory.signing_key(account.did))
    assert state.records == before.records
    check_rebuilding(before)
    watch.lap(f"its export verified twice: {len(before.car)} bytes")
    return before


def follow_through(move: Move, old: Consumer, new: Consumer) -> str:
    """Two consumers, one at each server, see the account leave and arrive; the rev of a new post.

    The one at the new server knows of the repo what the other has seen last.
    """
    state = new.repos[move.did] = copy.deepcopy(old.repos[move.did])
    reply = Account(move.new.server, move.did, move.new.handle, move.token(move.new)).post(
        "words from home"
    )
    rev = str(reply["commit"]["rev"])
    new.follow(move.new.server.url, until=lambda: state.rev == rev)
    assert state.active
    old.follow(move.old.server.url, until=lambda: not old.repos[move.did].active)
    return rev


def forget_account(move: Move, home: Home) -> None:
    """Delete the account that stayed behind, or the server would not take the DID back."""
    token = move.token(home)
    code = move.mailed_code(
        home.email,
        lambda: home.server.post("com.atproto.server.requestAccountDelete", token=token),
    )
    body = {"did": move.did, "password": home.password, "token": code}
    home.server.post("com.atproto.server.deleteAccount", body)


def test_the_move_goes_on_though_we_are_killed_after_every_step(
    reference: Reference, hearth: ServerProcess, mail: MailServer
) -> None:
    account = create_big_account(reference.server, "killed", posts=60, blobs=12)
    move = Move(account.did, home_of(account), home_at(hearth, "killed"), mail)
    owned = belongings(move, move.old)
    for step in STEPS:
        step(move)
        hearth.kill()
        hearth.start()
        step(move)  # whoever has heard no answer tries again
    assert belongings(move, move.new) == owned

    forget_account(move, move.old)
    back = Move(move.did, move.new, home_at(reference.server, "killed"), mail)
    for step in STEPS:
        step(back)
        hearth.kill()
        hearth.start()
    assert belongings(back, back.new) == owned
    status = hearth.get("com.atproto.sync.getRepoStatus", did=move.did)
    assert (status["active"], status["status"]) == (False, "deactivated")
