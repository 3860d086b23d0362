"""Backups and restores that are killed again and again: whatever comes next is whole."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.install.boxes import in_its_own_time
from tests.operator_process import ask
from tests.server_process import ROOT, Account, ServerProcess
from tests.writers import PNG

PICTURES = 300
KILLS = 10


def killed(after_s: float, settings: Mapping[str, str], *words: str) -> bool:
    """Whether it was still at work when it was killed."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PDS_")}
    with subprocess.Popen(
        [sys.executable, "-m", "pds.cli", "backup", *words],
        cwd=ROOT,
        env={**env, **settings},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        time.sleep(after_s)
        process.kill()
    return process.returncode == -9


def post_pictures(account: Account) -> None:
    for number in range(PICTURES):
        upload = "com.atproto.repo.uploadBlob"
        content = PNG + str(number).encode()
        reply = account.server.post(upload, content, token=account.token, content_type="image/png")
        image = {"image": reply["blob"], "alt": ""}
        account.post(str(number), embed={"$type": "app.bsky.embed.images", "images": [image]})


@in_its_own_time
@pytest.mark.slow
def test_killed_anywhere_it_can_be_repeated(tmp_path: Path) -> None:
    old, new, place = tmp_path / "old", tmp_path / "new", tmp_path / "place"
    with ServerProcess(old, settings={"PDS_RATE_LIMITS_ENABLED": "false"}) as server:
        post_pictures(server.create_account("alice"))
        server.stop()
    chance = random.Random(6)

    started = time.monotonic()
    ask("backup", "create", "--to", str(tmp_path / "another"), data=old)
    takes_s = time.monotonic() - started
    settings = {"PDS_DATA_DIRECTORY": str(old)}
    hits = sum(
        killed(chance.uniform(0.2, 1) * takes_s, settings, "create", "--to", str(place))
        for _ in range(KILLS)
    )
    assert hits > KILLS // 3
    made = ask("backup", "create", "--to", str(place), data=old)
    assert made["blobs"] == PICTURES
    found = ask("backup", "verify", "--from", str(place), data=old)
    assert (found["good"], found["name"]) == (True, made["name"])

    settings = {"PDS_DATA_DIRECTORY": str(new)}
    words = ("restore", "--yes", "--from", str(place))
    while not (new / "pds.sqlite").exists():
        killed(chance.uniform(0.2, 1) * takes_s, settings, *words)
        takes_s *= 1.1  # in the end one is finished
    assert ask("blobs", "verify", data=new)["missing"] == 0
    assert ask("account", "list", data=new)["accounts"][0]["handle"] == "alice.test"
