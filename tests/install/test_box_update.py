"""An update by starting the installer of another version: while members post, and when it fails."""

from __future__ import annotations

import json
import os
import shutil
import signal
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

BROKEN_IN_EARNEST = (
    "app.py",
    "    if config.share_processor:",
    "    if config.port == 2583:\n        raise RuntimeError('in earnest')\n"
    "    if config.share_processor:",
)
SICK_IN_EARNEST = (
    "pds/web/well_known.py",
    '_json({"version": version})',
    '_json({"version": version}, 500 if services.config.port == 2583 else 200)',
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


def test_old_database_comes_back_only_while_nothing_was_taken(server: Server) -> None:
    """What passes on the copy, and fails when it is started in earnest."""
    box = server.box
    never = server.version("never", BROKEN_IN_EARNEST, step=STEP)
    sick = server.version("sick", SICK_IN_EARNEST, step=STEP)
    with traffic(server.alice, server.relay):
        said = box.install(UPDATE, tree=never, fails=True)
        assert "the new version did not start on the changed database" in said
        assert "RuntimeError: in earnest" in said
        assert RUNS_AGAIN in said
        assert server.running() == "0.1.0"
        server.is_as_before()
        assert NOTHING in box.install(UPDATE)

        said = box.install(UPDATE, tree=sick, fails=True)
        assert "may have taken posts since" in said
        server.alice.post("taken by the new version")
        server.is_as_before()
    assert "sick-0.1.0" in box.run("pdsadmin version")
    assert box.run("ls /pds/before-update.sqlite")
    box.run("cd /root/hearth && ./install.sh server --yes --skip-dns-check", fails=True)


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
    for tree, number in ((slow, signal.SIGINT), (slow_new, signal.SIGHUP)):
        _interrupt(box, tree, number)
        server.is_as_before()
        assert server.running() == "0.1.0"
        _interrupt(box, tree, signal.SIGKILL)
        assert "clear away an update that was cut off" in box.install(UPDATE)
        server.is_as_before()
        assert server.running() == "0.1.0"
        assert NOTHING in box.install(UPDATE)


def _interrupt(box: Box, tree: str, number: signal.Signals) -> None:
    """Send the signal to the installer when it waits for a server that never becomes ready."""
    words = [str(TOOL), "run", str(box.folder), f"/root/{tree}/install.sh", "server"]
    said: list[str] = []
    with subprocess.Popen(
        [*words, *UPDATE.split()],
        env={**os.environ, **box.settings},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "it is not ready yet (" in line and not any("not ready" in old for old in said):
                found = ["pgrep", "--full", f"^/bin/bash /root/{tree}/install.sh"]
                for pid in subprocess.check_output(found, text=True).split():
                    os.kill(int(pid), number)
                if number == signal.SIGKILL:
                    break  # what it has started goes on waiting
            said.append(line)
    assert process.returncode != 0
    if number != signal.SIGKILL:
        assert any(RUNS_AGAIN in line for line in said), "".join(said)


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
        until_active(box)
        version = server.running()
        print(f"{failed_at[-1].strip()}: {version}")
        assert version in ("0.1.0", "next-0.1.0")
        assert server.alice.has_lost_nothing()
        server.alice.post(f"after power failed at: {failed_at[-1]}")

    assert server.running() == "next-0.1.0"
    for part in ("put the program", "try the new version", "clear away an update"):
        assert any(part in line for line in failed_at), part
    server.is_as_before()
    assert NOTHING in box.install(UPDATE, tree=tree)
    with traffic(server.alice, server.relay):
        pass


def test_power_may_fail_while_the_database_is_switched(server: Server) -> None:
    box = server.box
    for number, moment_s in enumerate((0, 0.2, 0.5, 1.0)):
        tree = server.version(f"v{number}")
        for step in range(number + 1):
            file = box.folder / f"root/{tree}/pds/storage/migrations/090{step}_more.py"
            file.write_text(STEP.replace("TABLE more", f"TABLE more{step}"))

        def is_the_last_step(line: str, moment_s: float = moment_s) -> bool:
            if "==> go on with the new version" not in line:
                return False
            time.sleep(moment_s)
            return True

        assert box.install_until(UPDATE, is_the_last_step, tree)
        box.boot()
        until_active(box)
        assert server.running() == f"{tree}-0.1.0"
        assert server.alice.has_lost_nothing()
        server.alice.post(f"with {tree}")
        box.install(UPDATE, tree=tree)
        assert NOTHING in box.install(UPDATE, tree=tree)
        server.is_as_before()
    with traffic(server.alice, server.relay):
        pass


def until_active(box: Box) -> None:
    for _ in range(120):
        time.sleep(0.5)
        if box.attempt("systemctl is-active pds caddy").stdout == "active\nactive\n":
            return
    pytest.fail(f"the server did not come up: {box.attempt('journalctl -u pds -n 30').stdout}")
