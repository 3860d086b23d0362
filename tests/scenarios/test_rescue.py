"""The old server is gone; its member has a copy, and a rotation key of her own."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from pds.atproto.crypto.keypair import PrivateKey
from tests.operator_process import pdsadmin
from tests.scenarios.test_moving import Town, catch_up, settings, town
from tests.server_process import Account

__all__ = ["town"]

pytestmark = pytest.mark.slow

PREFERENCES = [{"$type": "app.bsky.actor.defs#adultContentPref", "enabled": True}]


@pytest.fixture
def env_file(town: Town, tmp_path: Path) -> Path:
    """The settings of the server that is left, for its operator."""
    known = {
        **settings("old", town.mail),
        "PDS_PORT": str(town.old.port),
        "PDS_DATA_DIRECTORY": str(town.old.data),
    }
    file = tmp_path / "old.env"
    file.write_text("".join(f"{name}={value}\n" for name, value in known.items()))
    return file


def live_and_copy(town: Town, own: PrivateKey, folder: Path) -> Account:
    """Carol lives at the newer server, keeps a copy, and then that server burns down."""
    body = {"handle": "carol.new.test", "email": "carol@example.com", "password": "pass-word"}
    reply = town.new.post("com.atproto.server.createAccount", {**body, "recoveryKey": own.did_key})
    carol = Account(town.new, reply["did"], reply["handle"], reply["accessJwt"])
    (folder / "blobs").mkdir(parents=True)
    for content in (b"kept", b"lost"):
        blob = town.new.post(
            "com.atproto.repo.uploadBlob", content, token=carol.token, content_type="text/plain"
        )["blob"]
        record = {"$type": "com.example.file", "file": blob}
        write = {"repo": carol.did, "collection": "com.example.file", "record": record}
        town.new.post("com.atproto.repo.createRecord", write, token=carol.token)
        if content == b"kept":
            (folder / "blobs" / f"{blob['ref']['$link']}.txt").write_bytes(content)
    carol.post("before the fire")
    (folder / "repo.car").write_bytes(town.new.get("com.atproto.sync.getRepo", did=carol.did))
    (folder / "preferences.json").write_text(json.dumps(PREFERENCES))
    town.new.kill()
    return carol


def test_account_is_rescued_with_a_copy_and_a_key_alone(
    town: Town, env_file: Path, tmp_path: Path
) -> None:
    own, copy, key_file = PrivateKey.generate(), tmp_path / "copy", tmp_path / "key"
    carol = live_and_copy(town, own, copy)
    account = ("--email", "carol@example.com", "--password", "pass-word")

    def rescue(key: PrivateKey, *words: str) -> subprocess.CompletedProcess[str]:
        key_file.write_text(key.to_bytes().hex() + "\n")
        given = ("--copy", str(copy), "--key-file", str(key_file), *account, *words, "--json")
        return pdsadmin("account", "rescue", carol.did, *given, env_file=env_file)

    refused = rescue(PrivateKey.generate())
    assert refused.returncode == 1
    assert f"is no rotation key of {carol.did}" in refused.stderr
    assert town.old.get("com.atproto.sync.listRepos")["repos"] == []

    refused = rescue(own)
    assert refused.returncode == 1
    assert "1 pictures or videos are not in the copy" in refused.stderr
    document = town.document(carol.did)
    assert document["alsoKnownAs"] == ["at://carol.new.test"]

    done = rescue(own, "--without-missing")
    assert done.returncode == 0, done.stderr
    rescued: dict[str, Any] = json.loads(done.stdout)
    assert (rescued["handle"], rescued["status"]) == ("carol.old.test", "active")
    assert (rescued["records"], rescued["blobs"], len(rescued["lostBlobs"])) == (3, 1, 1)
    assert town.document(carol.did)["alsoKnownAs"] == ["at://carol.old.test"]
    with urllib.request.urlopen(f"{town.old.url}/{carol.did}/log/last", timeout=30) as reply:
        keys = json.loads(reply.read())["rotationKeys"]
    assert (keys[0], len(keys)) == (own.did_key, 2)

    log_in = {"identifier": "carol.old.test", "password": "pass-word"}
    token = town.old.post("com.atproto.server.createSession", log_in)["accessJwt"]
    found = town.old.get("app.bsky.actor.getPreferences", token=token)["preferences"]
    assert found == PREFERENCES
    at_home = Account(town.old, carol.did, "carol.old.test", token)
    rev = at_home.post("after the fire")["commit"]["rev"]
    catch_up(town.consumer(), town.old, carol.did, rev)
