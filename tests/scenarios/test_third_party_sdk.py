"""A stranger's client: the PyPI package atproto does what people do, over real connections."""

from __future__ import annotations

import contextlib
import json
import threading
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.sync.client import connect

from pds.atproto.car import read_car
from pds.atproto.cid import cid_for_raw
from pds.atproto.commit import decode_commit
from pds.atproto.firehose_frames import decode_frame
from pds.atproto.mst.check import verify_tree
from tests.firehose_consumer import Consumer
from tests.server_process import ServerProcess

pytestmark = pytest.mark.slow

PICTURE = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(range(256)) * 20
POST = "app.bsky.feed.post"
PROFILE = "app.bsky.actor.profile"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("sdk") / "data") as running:
        yield running


def _document(server: ServerProcess, did: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{server.url}/{did}", timeout=10) as reply:
        document: dict[str, Any] = json.loads(reply.read())
        return document


# The SDK's own dependencies warn about things that are not ours.
@pytest.mark.filterwarnings("default")
def test_sdk_lives_a_life_and_the_firehose_tells_it(server: ServerProcess) -> None:
    from atproto import Client, Request, models  # 0.5 s of import, only where it is used

    with contextlib.closing(Request()) as connection:
        _live_a_life(server, Client(f"{server.url}/xrpc", request=connection), models)


def _live_a_life(server: ServerProcess, client: Any, models: Any) -> None:
    account = client.com.atproto.server.create_account(
        models.ComAtprotoServerCreateAccount.Data(
            handle="carol.test", email="carol@mail.org", password="a long password"
        )
    )
    client.login("carol.test", "a long password", fetch_bsky_profile=False)
    post = client.send_image(
        text="the sea", image=PICTURE, image_alt="waves", profile_identify=account.did
    )
    second = client.send_post("words only", profile_identify=account.did)
    profile = {"$type": PROFILE, "displayName": "Carol", "description": "by the sea"}
    for name in ("Carol", "Carol of the Sea"):
        client.com.atproto.repo.put_record(
            models.ComAtprotoRepoPutRecord.Data(
                repo=account.did,
                collection=PROFILE,
                rkey="self",
                record={**profile, "displayName": name},
            )
        )
    assert client.delete_post(second.uri)

    listed = client.com.atproto.repo.list_records(
        models.ComAtprotoRepoListRecords.Params(repo="carol.test", collection=POST)
    )
    assert [record.uri for record in listed.records] == [post.uri]
    stored = client.com.atproto.repo.get_record(
        models.ComAtprotoRepoGetRecord.Params(repo=account.did, collection=PROFILE, rkey="self")
    )
    assert stored.value.display_name == "Carol of the Sea"
    image = listed.records[0].value.embed.images[0].image
    assert str(image.cid) == str(cid_for_raw(PICTURE))
    blob = client.com.atproto.sync.get_blob(
        models.ComAtprotoSyncGetBlob.Params(did=account.did, cid=str(image.cid))
    )
    assert blob == PICTURE

    consumer = Consumer(lambda did: _document(server, did))
    _follow(consumer, server, _newest_seq(server))
    seen = consumer.repos[account.did]
    assert set(seen.records) == {
        f"{POST}/{post.uri.rpartition('/')[2]}",
        f"{PROFILE}/self",
    }
    car = client.com.atproto.sync.get_repo(models.ComAtprotoSyncGetRepo.Params(did=account.did))
    roots, blocks = read_car(car)
    commit = decode_commit(blocks[roots[0]])
    assert (commit.rev, commit.data) == (seen.rev, seen.data)
    assert {path for path, _ in verify_tree(blocks.__getitem__, commit.data)} == set(seen.records)


@pytest.mark.filterwarnings("default")
def test_consumer_goes_from_backlog_to_live_without_a_seam(server: ServerProcess) -> None:
    writer = server.create_account("dave")
    for number in range(30):
        writer.post(f"before {number}")
    consumer = Consumer(lambda did: _document(server, did))
    wanted = 200
    revs: list[str] = []

    def write() -> None:
        revs.extend(writer.post(f"during {n}")["commit"]["rev"] for n in range(wanted))

    thread = threading.Thread(target=write)
    thread.start()
    _follow(consumer, server, _newest_seq(server) + wanted // 2)
    thread.join()
    _follow(consumer, server, _newest_seq(server))

    assert {(writer.did, rev) for rev in revs} <= consumer.commits
    assert len(consumer.repos[writer.did].records) == 30 + wanted


@pytest.mark.filterwarnings("default")
def test_sdk_firehose_client_decodes_our_frames(server: ServerProcess) -> None:
    from atproto import FirehoseSubscribeReposClient, models, parse_subscribe_repos_message

    newest = _newest_seq(server)
    writer = server.create_account("erin")
    rev = writer.post("for the firehose")["commit"]["rev"]
    client = FirehoseSubscribeReposClient(
        models.ComAtprotoSyncSubscribeRepos.Params(cursor=newest),
        base_uri=server.url.replace("http", "ws", 1) + "/xrpc",
    )
    seen: list[Any] = []

    def on_message(message: Any) -> None:
        event = parse_subscribe_repos_message(message)
        seen.append(event)
        if getattr(event, "rev", None) == rev:
            client.stop()

    client.start(on_message)
    kinds = [type(event).__name__ for event in seen]
    assert kinds[:3] == ["Identity", "Account", "Commit"]
    assert seen[-1].ops[0].path.startswith(f"{POST}/")


def _follow(consumer: Consumer, server: ServerProcess, seq: int) -> None:
    consumer.follow(server.url, until=lambda: consumer.last_seq >= seq)


def _newest_seq(server: ServerProcess) -> int:
    """The number of the newest event: that of a commit made for the purpose."""
    marker = server.create_account(f"marker{_next_marker()}")
    path = "/xrpc/com.atproto.sync.subscribeRepos"
    with connect(server.url.replace("http", "ws", 1) + path, compression=None) as socket:
        rev = marker.post("marker")["commit"]["rev"]
        while True:
            frame = socket.recv(timeout=30)
            assert isinstance(frame, bytes)
            _, payload = decode_frame(frame)
            if payload.get("rev") == rev:
                return int(payload["seq"])


_markers = iter(range(1_000))


def _next_marker() -> int:
    return next(_markers)
