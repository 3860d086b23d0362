"""The operator's commands beside a running server: what they change counts there at once."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from pds.atproto.firehose_frames import decode_frame
from tests import operator_process
from tests.operator_process import pdsadmin
from tests.server_process import ROOT, HttpError, ServerProcess

pytestmark = pytest.mark.slow

WAIT_S = 20.0
START_LIMIT_S = 0.7


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path / "data") as running:
        yield running


def ask(server: ServerProcess, *words: str) -> Any:
    """The JSON document of a command that must succeed."""
    return operator_process.ask(*words, data=server.data)


def create(server: ServerProcess, name: str = "alice") -> dict[str, Any]:
    made: dict[str, Any] = ask(
        server, "account", "create", "--handle", name, "--email", f"{name}@example.com"
    )
    return made


def log_in(server: ServerProcess, made: dict[str, Any]) -> str:
    """The access token of a session."""
    reply = server.post(
        "com.atproto.server.createSession",
        {"identifier": made["handle"], "password": made["password"]},
    )
    return str(reply["accessJwt"])


def subscribe(server: ServerProcess) -> ClientConnection:
    path = "/xrpc/com.atproto.sync.subscribeRepos"
    return connect(server.url.replace("http", "ws", 1) + path, compression=None)


def next_event(socket: ClientConnection) -> tuple[str, dict[str, Any]]:
    frame = socket.recv(timeout=WAIT_S)
    assert isinstance(frame, bytes)
    header, payload = decode_frame(frame)
    return header["t"], payload


def test_new_account_is_announced_and_can_log_in_and_write_at_once(server: ServerProcess) -> None:
    with subscribe(server) as socket:
        made = create(server)
        token = log_in(server, made)
        post = {"$type": "app.bsky.feed.post", "text": "x", "createdAt": "2026-01-01T00:00:00Z"}
        body = {"repo": made["did"], "collection": post["$type"], "record": post}
        commit = server.post("com.atproto.repo.createRecord", body, token=token)["commit"]
        events = [next_event(socket) for _ in range(5)]

    assert [kind for kind, _ in events] == ["#identity", "#account", "#commit", "#sync", "#commit"]
    assert [event["seq"] for _, event in events] == list(range(1, 6))
    assert events[-1][1]["rev"] == commit["rev"]
    document = json.loads(server._send("GET", f"/{made['did']}", None, None, {}))
    assert document["service"][0]["serviceEndpoint"] == f"http://localhost:{server.port}"


def test_deactivation_counts_at_once_and_reaches_subscribers(server: ServerProcess) -> None:
    made = create(server)
    account = server.create_account("bob")
    account.post("before")
    with subscribe(server) as socket:
        assert ask(server, "account", "deactivate", account.did)["status"] == "deactivated"
        with pytest.raises(HttpError) as refused:
            account.post("after")
        kind, event = next_event(socket)

    assert refused.value.body["error"] == "AccountDeactivated"
    assert (kind, event["did"], event["active"]) == ("#account", account.did, False)
    assert server.get("com.atproto.sync.getRepoStatus", did=made["did"])["active"] is True
    ask(server, "account", "activate", account.did)
    account.post("again")


def test_takedown_counts_at_once_and_so_does_its_end(server: ServerProcess) -> None:
    account = server.create_account("bob")
    account.post("the last words")
    with subscribe(server) as socket:
        ask(server, "account", "takedown", "bob", "--ref", "spam")
        with pytest.raises(HttpError) as refused:
            account.post("after")
        kind, event = next_event(socket)
    with pytest.raises(HttpError) as hidden:
        server.get("com.atproto.sync.getRepo", did=account.did)
    with pytest.raises(HttpError) as locked_out:
        log_in(server, {"handle": "bob.test", "password": "pass-word"})

    assert 400 <= refused.value.status < 500
    assert (kind, event["did"], event["status"]) == ("#account", account.did, "takendown")
    assert hidden.value.body["error"] == "RepoTakendown"
    assert locked_out.value.body["error"] == "AccountTakedown"
    ask(server, "account", "untakedown", "bob")
    assert log_in(server, {"handle": "bob.test", "password": "pass-word"})
    assert server.get("com.atproto.sync.getRepoStatus", did=account.did)["active"] is True


def test_deleted_account_is_gone_at_once(server: ServerProcess) -> None:
    account = server.create_account("bob")
    account.post("the last words")
    with subscribe(server) as socket:
        ask(server, "account", "delete", account.did, "--yes")
        kind, event = next_event(socket)
    errors = []
    for attempt in (
        lambda: account.post("after"),
        lambda: server.get("com.atproto.server.getSession", token=account.token),
        lambda: server.get("com.atproto.sync.getRepo", did=account.did),
        lambda: server.get("com.atproto.identity.resolveHandle", handle="bob.test"),
        lambda: log_in(server, {"handle": "bob.test", "password": "pass-word"}),
    ):
        with pytest.raises(HttpError) as refused:
            attempt()
        errors.append(refused.value.body["error"])

    assert (kind, event["did"], event["status"]) == ("#account", account.did, "deleted")
    assert "InternalServerError" not in errors
    assert server.create_account("bob").did != account.did


def test_new_password_ends_sessions_at_once(server: ServerProcess) -> None:
    account = server.create_account("bob")
    account.post("before")
    changed = ask(server, "account", "reset-password", "bob")

    for attempt in (
        lambda: account.post("after"),
        lambda: log_in(server, {"handle": "bob.test", "password": "pass-word"}),
    ):
        with pytest.raises(HttpError) as refused:
            attempt()
        assert 400 <= refused.value.status < 500
    assert log_in(server, changed)


def test_address_is_confirmed_at_once(server: ServerProcess) -> None:
    account = server.create_account("bob")
    ask(server, "account", "set-email", "bob", "robert@example.com")
    ask(server, "account", "confirm-email", "bob")

    session = server.get("com.atproto.server.getSession", token=account.token)
    assert (session["email"], session["emailConfirmed"]) == ("robert@example.com", True)


def test_new_handle_is_known_at_once(server: ServerProcess) -> None:
    account = server.create_account("bob")
    with subscribe(server) as socket:
        ask(server, "account", "set-handle", "bob", "robert")
        kind, event = next_event(socket)

    assert (kind, event["handle"]) == ("#identity", "robert.test")
    described = server.get("com.atproto.repo.describeRepo", repo="robert.test")
    assert (described["did"], described["handleIsCorrect"]) == (account.did, True)
    with pytest.raises(HttpError):
        server.get("com.atproto.identity.resolveHandle", handle="bob.test")


def test_uploads_under_way_survive_a_command(server: ServerProcess) -> None:
    server.create_account("bob")
    under_way = server.data / "blobs" / "tmp" / "an upload"
    under_way.write_bytes(b"half of it")

    assert pdsadmin("account", "list", data=server.data).returncode == 0

    assert under_way.exists()


def test_commands_work_while_the_server_is_stopped(server: ServerProcess) -> None:
    server.stop()

    made = create(server)
    assert not list(server.data.glob("pds.sqlite-*")), "nobody has it open"

    server.start()
    assert log_in(server, made)


def test_command_waits_for_a_server_that_is_writing(server: ServerProcess) -> None:
    writer = server.create_account("bob")
    env = {"PDS_DATA_DIRECTORY": str(server.data), "PATH": os.environ["PATH"]}
    words = ["account", "create", "--handle", "alice", "--email", "alice@example.com"]
    process = subprocess.Popen(
        [ROOT / "pdsadmin", *words], cwd="/", env=env, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    written = 0
    while process.poll() is None:
        writer.post(f"post {written}")
        written += 1
    out, err = process.communicate()

    assert (process.returncode, err) == (0, "")
    assert "Account created." in out
    assert written > 20


def test_starting_takes_no_longer_than_an_operator_notices(server: ServerProcess) -> None:
    create(server)
    took = []
    for _ in range(3):
        began = time.perf_counter()
        assert pdsadmin("account", "list", data=server.data).returncode == 0
        took.append(time.perf_counter() - began)

    assert min(took) < 3 * START_LIMIT_S  # on a quiet machine it is half of it
    print(f"account list: {min(took):.2f} s")
