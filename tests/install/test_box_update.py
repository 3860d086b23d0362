"""An update by starting the installer of another version: while members post, and when it fails."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.firehose_consumer import Consumer
from tests.install.boxes import (
    HOSTNAME,
    INSTALL,
    TOOL,
    Box,
    bare_box,
    in_its_own_time,
    names_lead_here,
)
from tests.install.traffic import Member, Relay, longest_gap_s, traffic
from tests.server_process import ServerProcess

pytestmark = [
    in_its_own_time,
    pytest.mark.slow,
    pytest.mark.needs_root,
    pytest.mark.xdist_group("box"),
]
URL = f"https://{HOSTNAME}"
UPDATE = "--yes --skip-dns-check"
NOTHING = "Nothing: all is as it should be."
RUNS_AGAIN = "the old version runs again, and nothing was lost"
STEP = '''"""One more table."""


def up(migrator, db):
    db.execute_sql("CREATE TABLE more AS SELECT seq FROM event")
'''
BAD_STEP = STEP + '    db.execute_sql("CREATE TABLE more (a)")\n'
MIGRATION = "pds/storage/migrations/0900_more.py"
BROKEN_AT_START = (
    "app.py",
    "    if config.share_processor:",
    "    raise RuntimeError('broken')\n    if config.share_processor:",
)
NEVER_READY = ("pds/service_manager.py", 'self._tell("READY=1")', "return")
BROKEN_WHEN_READY = (
    "pds/web/well_known.py",
    '_json({"version": version})',
    '_json({"version": version}, 500)',
)


class Server:
    """A box with a server on it, a member and a relay."""

    def __init__(self, box: Box, directory_url: str) -> None:
        self.box = box
        made = f"pdsadmin account create --handle alice.{HOSTNAME} --email a@hearth-box.org --json"
        account = json.loads(box.run(made))
        self.alice = Member(URL, box.trust(), account["did"])
        self.alice.sign_in(account["password"])
        self.alice.post("before all updates")

        @cache
        def document(did: str) -> dict[str, Any]:
            with urllib.request.urlopen(f"{directory_url}/{did}", timeout=10) as reply:
                found: dict[str, Any] = json.load(reply)
                return found

        self.relay = Relay(URL, box.trust(), Consumer(document))

    def version(self, name: str, *changes: tuple[str, str, str], step: str = "") -> str:
        """A tree in the box that differs: (file, text, the text in its place); with a new step."""
        source, tree = self.box.folder / "root/hearth", self.box.folder / "root" / name
        shutil.copytree(source, tree)
        number = ("pds/__init__.py", '__version__ = "', f'__version__ = "{name}-')
        for file, before, after in (number, *changes):
            text = (tree / file).read_text()
            assert text.count(before) == 1, file
            (tree / file).write_text(text.replace(before, after))
        if step:
            (tree / MIGRATION).write_text(step)
        return name

    def running(self) -> str:
        with urllib.request.urlopen(
            f"{URL}/xrpc/_health", timeout=20, context=self.alice.trust
        ) as reply:
            return str(json.load(reply)["version"])

    def is_as_before(self) -> None:
        """Nothing is left of an update that has failed, or was made."""
        assert self.alice.has_lost_nothing()
        self.box.run("! ls -d /opt/hearth/trial /pds/trial /run/systemd/system.control/pds.service")
        assert self.box.run("systemctl show pds -p Restart") == "Restart=on-failure\n"
        assert self.box.run("systemctl is-enabled pds") == "enabled\n"
        assert self.box.run("stat -c '%a %U:%G' /pds/pds.sqlite") == "600 pds:pds\n"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with (
        ServerProcess(tmp_path / "directory") as directory,
        bare_box() as box,
        names_lead_here(monkeypatch),
    ):
        box.settings = {"PDS_DID_PLC_URL": directory.url, "PDS_CRAWLERS": ""}
        box.install(f"{INSTALL} --tls internal")
        yield Server(box, directory.url)


def test_members_hardly_notice_updates_and_the_way_back(server: Server) -> None:
    box = server.box
    same_database = server.version("second")
    newer_database = server.version("third", step=STEP)
    with traffic(server.alice, server.relay):
        time.sleep(2)
        server.alice.answered_s.clear()
        said = box.install(UPDATE, tree=same_database)
        print(f"update: {longest_gap_s(server.alice):.1f} s without an answer")
        assert "stop the server, and try the new version in its place" in said
        assert server.running() == "second-0.1.0"
        server.is_as_before()

        server.alice.answered_s.clear()
        said = box.run(f"/opt/hearth/previous/install.sh server {UPDATE} 2>&1", limit_s=120)
        print(f"and back: {longest_gap_s(server.alice):.1f} s without an answer")
        assert server.running() == "0.1.0"
        assert NOTHING in box.install(UPDATE)

        server.alice.answered_s.clear()
        said = box.install(UPDATE, tree=newer_database)
        print(f"with a new database: {longest_gap_s(server.alice):.1f} s without an answer")
        assert longest_gap_s(server.alice) < 20
        assert "try the new version on a copy of the database" in said
        assert server.running() == "third-0.1.0"
        server.is_as_before()

    before = box.file_list()
    said = box.install(UPDATE, fails=True)
    assert (
        "the database has been used by a newer version than this one (it has had 0900_more)" in said
    )
    assert "nothing was changed" in said
    assert box.file_list() == before
    said = box.run("/opt/hearth/previous/install.sh server --yes --skip-dns-check 2>&1", fails=True)
    assert "nothing was changed" in said
    assert server.running() == "third-0.1.0"
    assert NOTHING in box.install(UPDATE, tree=newer_database)
    assert box.run("ls /opt/hearth | grep -c ^code-") == "2\n"


def test_failed_updates_leave_the_old_version(server: Server) -> None:
    box = server.box
    box.settings["HEARTH_START_LIMIT"] = "10"
    versions = {
        server.version("crash", BROKEN_AT_START): "RuntimeError: broken",
        server.version("crash-new", BROKEN_AT_START, step=STEP): "RuntimeError: broken",
        server.version("bad-step", step=BAD_STEP): "table more already exists",
        server.version("silent", NEVER_READY): "it is not ready yet (",
        server.version("silent-new", NEVER_READY, step=STEP): "it is not ready yet (",
        server.version("sick", BROKEN_WHEN_READY): "started but did not answer",
        server.version(
            "sick-new", BROKEN_WHEN_READY, step=STEP
        ): "copy of the database but did not",
    }
    files = box.file_list()
    with traffic(server.alice, server.relay):
        for tree, words in versions.items():
            server.alice.answered_s.clear()
            time.sleep(0.5)
            started = time.monotonic()
            said = box.install(UPDATE, tree=tree, fails=True)
            assert words in said, f"{tree}: {said[-6000:]}"
            assert RUNS_AGAIN in said, tree
            assert server.running() == "0.1.0"
            server.is_as_before()
            took, gap = time.monotonic() - started, longest_gap_s(server.alice)
            print(f"{tree}: back after {took:.0f} s, {gap:.1f} s without an answer")
    assert NOTHING in box.install(UPDATE)
    assert changed(files, box.file_list()) == set()
    _settings_that_are_refused(server)
    _no_room_for_the_copy(server)


def changed(before: str, after: str) -> set[str]:
    """Which files differ in content."""

    def digests(listing: str) -> set[str]:
        return {line for line in listing.splitlines() if len(line.split(" ")[0]) == 64}

    return digests(before) ^ digests(after)


def _settings_that_are_refused(server: Server) -> None:
    said = server.box.install(f"{UPDATE} --smtp-url smtp://h --mail-from nonsense", fails=True)
    assert "PDS_EMAIL_FROM_ADDRESS" in said
    assert RUNS_AGAIN in said
    assert NOTHING in server.box.install(UPDATE)
    server.is_as_before()


def _no_room_for_the_copy(server: Server) -> None:
    box = server.box
    tree = server.version("large", step=STEP)
    box.run("systemctl stop pds && cp -a /pds /pds.kept")
    box.run("mount -t tmpfs -o size=1700m,mode=700 tmpfs /pds")
    box.run("chown pds:pds /pds && cp -a /pds.kept/. /pds/ && truncate -s +1G /pds/pds.sqlite")
    box.run("systemctl start pds")
    files = box.file_list()

    said = box.install(UPDATE, tree=tree, fails=True)

    assert "MiB on the disk of /pds" in said
    assert "Make room first" in said
    assert "nothing was changed" in said
    assert box.file_list() == files
    assert server.running() == "0.1.0"


def test_installer_may_be_killed_and_interrupted(server: Server) -> None:
    box = server.box
    slow = server.version("slow", NEVER_READY)
    slow_new = server.version("slow-new", NEVER_READY, step=STEP)
    for tree in (slow, slow_new):
        for signal in ("INT", "TERM", "HUP"):
            _interrupt(box, tree, signal)
            server.is_as_before()
            assert server.running() == "0.1.0"
        _interrupt(box, tree, "KILL")
        assert "clear away an update that was cut off" in box.install(UPDATE)
        server.is_as_before()
        assert server.running() == "0.1.0"
        assert NOTHING in box.install(UPDATE)


def _interrupt(box: Box, tree: str, signal: str) -> None:
    """Send the signal to the installer, and to what it has started, when it waits."""
    words = [str(TOOL), "run", str(box.folder), f"/root/{tree}/install.sh", "server"]
    with subprocess.Popen(
        [*words, *UPDATE.split()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if "it is not ready yet (" in line:
                box.run(f"pkill -{signal} -f /root/{tree}/install.sh; pkill -{signal} systemctl")
    assert process.returncode != 0
    assert signal == "KILL" or any(RUNS_AGAIN in line for line in said), "".join(said)


@pytest.mark.parametrize("step", ["", STEP], ids=["same database", "new database"])
def test_power_may_fail_at_every_step_of_an_update(server: Server, step: str) -> None:
    box = server.box
    tree = server.version("next", step=step)
    failed_at: list[str] = []

    def is_new_step(line: str) -> bool:
        if not line.startswith("==> ") or line[4].isupper():
            return False
        count = failed_at.count(line)
        if count == 2:
            return False
        failed_at.append(line)
        time.sleep(count * 0.7)  # once at its beginning, once in its midst
        return True

    while box.install_until(UPDATE, is_new_step, tree):
        assert len(failed_at) < 60
        box.boot()
        for _ in range(60):
            time.sleep(0.5)
            if box.attempt("systemctl is-active pds caddy").stdout == "active\nactive\n":
                break
        version = server.running()
        print(f"{failed_at[-1].strip()}: {version}")
        assert version in ("0.1.0", "next-0.1.0")
        assert server.alice.has_lost_nothing()
        server.alice.post(f"after power failed at: {failed_at[-1]}")

    assert server.running() == "next-0.1.0"
    assert len(failed_at) > 10
    server.is_as_before()
    assert NOTHING in box.install(UPDATE, tree=tree)
    with traffic(server.alice, server.relay):
        pass
