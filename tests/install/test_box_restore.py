"""The drill of docs/backups.md on machines: one is lost under load, another takes its place.

Every command that is run on the second machine is read from that page.
"""

from __future__ import annotations

import json
import os
import pty
import re
import select
import ssl
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.relay import FakeRelay
from tests.fakes.web_server import web_server
from tests.firehose_consumer import Consumer
from tests.install.boxes import (
    HOSTNAME,
    INSTALL,
    ROOT,
    TOOL,
    Box,
    bare_box,
    call,
    in_its_own_time,
    names_lead_here,
)
from tests.server_process import Account, ServerProcess
from tests.writers import Writer, posts_of

pytestmark = [pytest.mark.slow, pytest.mark.needs_root, pytest.mark.xdist_group("box")]

WRITERS = 8
WRITES = 200  # each, at most: together below what one address may do in five minutes
PASSPHRASE = "six random words on a paper"
PLACE = "/mnt/other-disk/hearth"
URL = f"https://{HOSTNAME}"


class PublicServer(ServerProcess):
    """The server in a box, by its public name, through Caddy; see ``trusting``."""

    def __init__(self) -> None:
        self.url = URL


@dataclass
class Relay:
    """Reads the firehose like a careful relay, and answers the server like one."""

    consumer: Consumer
    fake: FakeRelay
    failures: list[BaseException] = field(default_factory=list)
    enough: tuple[str, str] | None = None  # a commit: DID and rev

    def read(self, trust: ssl.SSLContext) -> None:
        try:
            self.consumer.follow(
                URL, until=lambda: self.enough in self.consumer.commits, trust=trust
            )
        except BaseException as error:
            self.failures.append(error)


@contextmanager
def trusting(box: Box) -> Iterator[ssl.SSLContext]:
    """All requests of this process believe the authority of the box's Caddy, and no other."""
    trust = box.trust()
    handler = urllib.request.HTTPSHandler(context=trust)
    urllib.request.install_opener(urllib.request.build_opener(handler))
    try:
        yield trust
    finally:
        urllib.request.install_opener(urllib.request.build_opener())


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A disk that outlives machines."""
    image = tmp_path / "disk.img"
    with image.open("wb") as file:
        file.truncate(400 * 1024 * 1024)
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
    return image


def drill_commands() -> list[str]:
    """What docs/backups.md tells to type, in order."""
    page = (ROOT / "docs/backups.md").read_text()
    section = page.partition("## The drill\n")[2].partition("\n#")[0]
    lines = re.findall(r"^ {7}(\S.*|  --.*)$", section, re.MULTILINE)
    return "\n".join(lines).replace("\\\n", " ").splitlines()


def as_here(command: str) -> str:
    """Without what these machines do not have: sudo, a public name, an authority that knows it."""
    command = command.removeprefix("sudo ").replace("pds.example.com", HOSTNAME)
    if command.startswith("./install.sh"):
        command = f"cd /root/hearth && {command} --tls internal --yes"
    return command


def talk(box: Box, command: str, answers: Sequence[tuple[str, str]]) -> str:
    """What is on the terminal in the end. answers: what to wait for, and what to type then."""
    waiting = list(answers)
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(TOOL, [str(TOOL), "run", str(box.folder), "bash", "-c", command])
    screen, until = "", time.monotonic() + 120
    while time.monotonic() < until:
        ready, _, _ = select.select([terminal], [], [], 0.2)
        try:
            screen += os.read(terminal, 65_536).decode() if ready else ""
        except OSError:  # the terminal is gone with the process
            break
        if waiting and screen.rstrip().endswith(waiting[0][0]):
            time.sleep(0.2)
            os.write(terminal, f"{waiting.pop(0)[1]}\n".encode())
            screen += "\n"
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, screen
    return screen


@in_its_own_time
@pytest.mark.parametrize("passphrase", [None, PASSPHRASE], ids=["plain", "sealed"])
def test_lost_under_load_and_back_on_another_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, disk: Path, passphrase: str | None
) -> None:
    fake = FakeRelay()
    with (
        ServerProcess(tmp_path / "directory") as directory,
        web_server() as relay_server,
        names_lead_here(monkeypatch),
    ):
        relay_server.otherwise = fake.answer
        relay = Relay(Consumer(lambda did: _document(directory, did)), fake)
        settings = {"PDS_DID_PLC_URL": directory.url, "PDS_CRAWLERS": relay_server.url}
        with bare_box() as box:
            writers, before, made = _life_and_end(box, disk, settings, relay, passphrase)
        with bare_box() as box:
            # Users of this machine have other numbers than on the old one.
            box.run("useradd --system somebody; useradd --system somebody-else")
            box.settings = dict(settings)
            _drill(box, disk, made, passphrase)
            with trusting(box) as trust:
                _everything_is_there(writers, before)
                _relay_goes_on(relay, writers, trust)
            _machine_is_in_order(box, made)


def _life_and_end(
    box: Box, disk: Path, settings: dict[str, str], relay: Relay, passphrase: str | None
) -> tuple[list[Writer], list[tuple[dict[str, str], dict[str, bytes]]], dict[str, Any]]:
    """The first machine; it ends in the midst of its work."""
    call("attach", box.folder, str(disk), "/mnt/other-disk")
    box.settings = dict(settings)
    if passphrase is not None:
        box.settings["PDS_BACKUP_PASSPHRASE"] = passphrase
    said = box.install(f"{INSTALL} --tls internal --backup-to {PLACE}")
    assert f"Backups go to {PLACE} every night" in said
    assert "does not survive the disk" not in said
    box.settings = {}
    with trusting(box) as trust:
        writers = [Writer(_account(box, n), pause_s=0.1, limit=WRITES) for n in range(WRITERS)]
        threads = [threading.Thread(target=writer.run, daemon=True) for writer in writers]
        reader = threading.Thread(target=relay.read, args=[trust], daemon=True)
        for thread in (*threads, reader):
            thread.start()
        time.sleep(5)
        before = [(dict(writer.records), dict(writer.blobs)) for writer in writers]
        made: dict[str, Any] = json.loads(box.run("pdsadmin backup create --json", limit_s=120))
        after = [len(writer.records) for writer in writers]
        time.sleep(2)

        # The relay has seen everything up to here, more than the backup knows.
        marker = writers[0].account.post("the last that relays saw")
        relay.enough = (writers[0].account.did, marker["commit"]["rev"])
        reader.join(60)
        box.run("kill -9 $(systemctl show pds -p MainPID --value)")
    call("cut", box.folder)
    for thread in threads:
        thread.join(60)
    assert relay.failures == []
    assert [writer.failure for writer in writers] == [None] * WRITERS
    known = sum(len(records) for records, _ in before)
    print(f"before the backup {known} posts, after it {sum(after)}, read {relay.consumer.counts}")
    assert sum(after) > known > 2 * WRITERS, "the backup was made in the midst of the load"
    assert made["lastSeq"] < relay.consumer.last_seq
    relay.fake.seq = relay.consumer.last_seq
    return writers, before, made


def _account(box: Box, number: int) -> Account:
    command = f"pdsadmin account create --handle writer{number}.{HOSTNAME}"
    made = json.loads(box.run(f"{command} --email w{number}@hearth-box.org --json"))
    session = PublicServer().post(
        "com.atproto.server.createSession",
        {"identifier": made["handle"], "password": made["password"]},
    )
    return Account(PublicServer(), made["did"], made["handle"], session["accessJwt"])


def _drill(box: Box, disk: Path, made: dict[str, Any], passphrase: str | None) -> None:
    """Word for word what the page says."""
    install, stop, restore, start, crawl, *look = drill_commands()
    call("attach", box.folder, str(disk), "/mnt/other-disk")

    started = time.monotonic()
    said = box.run(f"{as_here(install)} 2>&1", limit_s=600)
    assert "To get back the server whose backups are there" in said
    assert box.run("id -u pds") != box.run("stat -c %u /mnt/other-disk/lost+found")
    box.settings = {}
    assert box.run(f"stat -c %U {PLACE} {PLACE}/snapshots") == "pds\npds\n"
    # It does not take the place for its own: that would be the newest backup, of nobody.
    refused = box.run("pdsadmin backup create", fails=True)
    assert "with other keys" in refused

    box.run(as_here(stop))
    asked = [("[y/N]:", "y")]
    if passphrase is not None:
        asked.insert(0, ("(not shown):", passphrase))
    restored_at = time.monotonic()
    screen = talk(box, as_here(restore), asked)
    print(screen)
    assert f"with {WRITERS} accounts, as of {made['name']}" in screen
    assert PASSPHRASE not in screen
    for command in look:
        box.run(as_here(command))
    box.run(as_here(start))
    assert "asked" in box.run(as_here(crawl))
    ended = time.monotonic()
    print(f"{ended - started:.0f} s, of which restoring {ended - restored_at:.0f} s")


def _everything_is_there(
    writers: list[Writer], before: list[tuple[dict[str, str], dict[str, bytes]]]
) -> None:
    for writer, (records, blobs) in zip(writers, before, strict=True):
        account = writer.account
        stored = posts_of(account)
        assert records.items() <= stored.items()
        assert stored.items() <= writer.records.items()
        for cid, content in blobs.items():
            served = account.server.get("com.atproto.sync.getBlob", did=account.did, cid=cid)
            assert served == content
        session = account.server.get("com.atproto.server.getSession", token=account.token)
        assert session["handle"] == account.handle
        account.post("after the restore")  # signed in as before
        found = urllib.request.urlopen(f"https://{account.handle}/.well-known/atproto-did")
        with found as reply:
            assert reply.read().decode() == account.did


def _relay_goes_on(relay: Relay, writers: list[Writer], trust: ssl.SSLContext) -> None:
    """From its old cursor: #sync for each repo, then what follows, and nothing to reject."""
    assert relay.fake.asked_to_crawl[-1] == HOSTNAME
    syncs, seen = relay.consumer.counts.get("#sync", 0), relay.consumer.last_seq
    marker = writers[0].account.post("marker")
    relay.enough = (writers[0].account.did, marker["commit"]["rev"])
    relay.read(trust)

    assert relay.failures == []
    assert relay.consumer.counts["#sync"] == syncs + WRITERS
    assert relay.consumer.last_seq > seen
    assert "OutdatedCursor" not in relay.consumer.infos


def _machine_is_in_order(box: Box, made: dict[str, Any]) -> None:
    modes = box.run("stat -c '%a %U:%G' /pds /pds/pds.env /pds/pds.sqlite /pds/blobs").splitlines()
    assert modes == ["700 pds:pds", "640 root:pds", "600 pds:pds", "700 pds:pds"]
    stray = "find /pds ! -user pds ! -name 'pds.env*' -o -perm /007"
    assert box.run(stray) == ""
    assert "Nothing: all is as it should be." in box.install("--yes --skip-dns-check")

    found = json.loads(box.attempt("pdsadmin doctor --json").stdout)["findings"]
    wrong = {one["name"]: one["found"] for one in found if one["outcome"] in ("warn", "bad")}
    print(wrong)
    about = {name.partition("-")[0] for name in wrong}
    assert about.isdisjoint(
        {"data", "database", "blobs", "files", "identities", "relay", "relays", "backups", "disk"}
    )

    # The service makes its own by itself, in its sandbox, beside the one that it came from.
    names: list[str] = []
    for _ in range(200):
        listed = json.loads(box.run("pdsadmin backup list --json || true") or "{}")
        names = [one["name"] for one in listed.get("backups", [])]
        if len(names) > 1:
            break
        time.sleep(1)
    assert names[0] == made["name"]
    assert len(names) == 2
    assert json.loads(box.run("pdsadmin backup verify --json", limit_s=120))["good"]
    assert json.loads(box.run(f"pdsadmin backup verify {made['name']} --json", limit_s=120))["good"]


def _document(directory: ServerProcess, did: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{directory.url}/{did}", timeout=10) as reply:
        document: dict[str, Any] = json.loads(reply.read())
        return document
