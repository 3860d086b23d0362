"""kill -9 in the middle of a change of identity: directory, database and network agree again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from pds.atproto import plc
from pds.atproto.firehose_frames import decode_frame
from tests.factories import ROTATION_KEY
from tests.fakes.plc_directory import FakePlcDirectory
from tests.fakes.web_server import Asked, Route, web_server
from tests.server_process import Account, HttpError, ServerProcess

pytestmark = pytest.mark.slow

UPDATE = "com.atproto.identity.updateHandle"
SUBMIT = "com.atproto.identity.submitPlcOperation"


@dataclass
class Directory:
    """A directory that can have the server killed when an operation comes in."""

    directory: FakePlcDirectory = field(default_factory=FakePlcDirectory)
    kill: Callable[[], None] | None = None
    takes_it_first: bool = True
    killed: threading.Event = field(default_factory=threading.Event)

    def answer(self, asked: Asked) -> Route:
        kill, self.kill = (self.kill, None) if asked.method == "POST" else (None, self.kill)
        if kill is None:
            return self.directory.answer(asked)
        route = self.directory.answer(asked) if self.takes_it_first else (503, {}, b"")
        kill()
        self.killed.set()
        return route

    def aliases(self, did: str) -> Any:
        return self.directory.logs[did][-1].operation["alsoKnownAs"]


@pytest.fixture
def directory() -> Directory:
    return Directory()


@pytest.fixture
def server(tmp_path: Path, directory: Directory) -> Iterator[ServerProcess]:
    with web_server() as web:
        web.otherwise = directory.answer
        settings = {
            "PDS_DID_PLC_URL": web.url,
            "PDS_JWT_SECRET": "0123456789abcdef" * 4,
            "PDS_ADMIN_PASSWORD": "a password",
            "PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX": ROTATION_KEY.to_bytes().hex(),
        }
        with ServerProcess(tmp_path / "data", settings=settings) as running:
            yield running


def identity_events(server: ServerProcess, did: str) -> list[dict[str, Any]]:
    """The #identity events of an account, up to the first event of one made for the purpose."""
    path = "/xrpc/com.atproto.sync.subscribeRepos?cursor=0"
    marker = server.create_account("marker")
    seen: list[dict[str, Any]] = []
    with connect(server.url.replace("http", "ws", 1) + path, compression=None) as socket:
        while True:
            frame = socket.recv(timeout=10)
            assert isinstance(frame, bytes)
            header, payload = decode_frame(frame)
            if payload.get("did") == marker.did:
                return seen
            if header["t"] == "#identity" and payload["did"] == did:
                seen.append(payload)


def cut_off(
    server: ServerProcess, directory: Directory, nsid: str, account: Account, body: Any
) -> None:
    """Call a method; the server dies while the directory is being told, and starts again."""
    directory.kill = server.kill
    with pytest.raises((OSError, HttpError)):
        server.post(nsid, body, token=account.token)
    assert directory.killed.wait(10)
    server.start()


@pytest.mark.parametrize("takes_it_first", [True, False])
def test_handle_changes_wholly(
    server: ServerProcess, directory: Directory, takes_it_first: bool
) -> None:
    alice = server.create_account("alice")
    directory.takes_it_first = takes_it_first

    cut_off(server, directory, UPDATE, alice, {"handle": "alice2.test"})

    shown = server.get("com.atproto.repo.describeRepo", repo=alice.did)
    assert (shown["handle"], shown["handleIsCorrect"]) == ("alice2.test", True)
    assert directory.aliases(alice.did) == ["at://alice2.test"]
    assert server.get("com.atproto.identity.resolveHandle", handle="alice2.test") == {
        "did": alice.did
    }
    with pytest.raises(HttpError, match="HandleNotFound"):
        server.get("com.atproto.identity.resolveHandle", handle="alice.test")
    handles = [event["handle"] for event in identity_events(server, alice.did)]
    assert handles == ["alice.test", "alice2.test"]
    server.post(UPDATE, {"handle": "alice3.test"}, token=alice.token)
    assert directory.aliases(alice.did) == ["at://alice3.test"]


@pytest.mark.parametrize("takes_it_first", [True, False])
def test_submitted_operation_is_announced_once(
    server: ServerProcess, directory: Directory, takes_it_first: bool
) -> None:
    alice = server.create_account("alice")
    last = directory.directory.logs[alice.did][-1].operation
    operation = plc.build_update(
        last,
        signer=ROTATION_KEY,
        also_known_as=["at://alice.test", "https://alice.example.com"],
    )
    directory.takes_it_first = takes_it_first

    cut_off(server, directory, SUBMIT, alice, {"operation": operation})

    assert directory.directory.logs[alice.did][-1].operation == operation
    handles = [event["handle"] for event in identity_events(server, alice.did)]
    assert handles == ["alice.test", "alice.test"]
