"""install.sh on a bare Debian with systemd and Caddy: from nothing to the first post and back."""

from __future__ import annotations

import io
import json
import socket
import ssl
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cbor2
import pytest
from websockets.sync.client import connect

from tests.install.boxes import HOSTNAME, INSTALL, Box, bare_box, in_its_own_time, names_lead_here
from tests.server_process import ServerProcess

if TYPE_CHECKING:
    from atproto import Client

pytestmark = [pytest.mark.slow, pytest.mark.needs_root, pytest.mark.xdist_group("box")]
OPTIONS = f"{INSTALL} --tls internal"
URL = f"https://{HOSTNAME}"


@contextmanager
def logged_in(box: Box, account: dict[str, Any]) -> Iterator[Client]:
    from atproto import Client, Request  # 0.5 s of import, only where it is used

    with closing(Request(verify=box.trust())) as connection:
        client = Client(base_url=f"{URL}/xrpc", request=connection)
        client.login(account["handle"], account["password"], fetch_bsky_profile=False)
        yield client


def kinds_on_the_firehose(trust: ssl.SSLContext, count: int) -> list[str]:
    url = f"wss://{HOSTNAME}/xrpc/com.atproto.sync.subscribeRepos?cursor=0"
    with connect(url, ssl=trust, open_timeout=20) as stream:
        return [cbor2.load(io.BytesIO(stream.recv(20, decode=False)))["t"] for _ in range(count)]


def get(trust: ssl.SSLContext, url: str) -> str:
    with urllib.request.urlopen(url, timeout=20, context=trust) as reply:
        return str(reply.read().decode())


# The SDK's own dependencies warn about things that are not ours.
@pytest.mark.filterwarnings("default")
def test_bare_machine_to_first_post_and_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        ServerProcess(tmp_path / "directory") as directory,
        bare_box() as box,
        names_lead_here(monkeypatch),
    ):
        box.settings = {"PDS_DID_PLC_URL": directory.url, "PDS_CRAWLERS": ""}
        started = time.monotonic()

        said = box.install("--yes --tls internal", fails=True)
        assert "--hostname NAME" in said
        assert "or --no-mail" in said
        said = box.install(f"--yes --tls internal --no-mail --hostname {HOSTNAME}", fails=True)
        assert "--email ADDRESS" in said
        before = box.file_list()
        refused = "--yes --no-mail --hostname pds.invalid --email op@hearth-box.org"
        assert "nothing was changed" in box.install(refused, fails=True)
        assert box.file_list() == before

        _installs(box)
        alice = json.loads(
            box.run(
                f"pdsadmin account create --handle alice.{HOSTNAME} --email a@hearth-box.org --json"
            )
        )
        with logged_in(box, alice) as client:
            post = client.send_post("Hello from a box", profile_identify=alice["did"])
        minutes = (time.monotonic() - started) / 60
        assert minutes < 10
        print(f"from a bare machine to the first post: {minutes:.1f} minutes")

        _serves_through_caddy(box, alice["did"])
        _is_well_guarded(box)
        _second_run_changes_nothing(box)
        _comes_back(box, alice, post.uri)
        _goes_and_leaves_the_data(box)
        box.install(OPTIONS)
        with logged_in(box, alice) as client:
            assert client.com.atproto.server.get_session().did == alice["did"]


def _installs(box: Box) -> None:
    plan = box.install(OPTIONS + " --dry-run")
    assert "install from the system's packages (apt): python3 python3-venv caddy" in plan
    assert not (box.folder / "opt/hearth").exists()

    said = box.install(OPTIONS)

    assert f"Hearth runs at {URL}" in said
    assert "pdsadmin doctor" in said
    assert "BAD   data" not in said
    assert box.run("systemctl is-active pds caddy") == "active\nactive\n"
    secrets = box.run("stat -c '%a %U:%G' /pds /pds/pds.env").splitlines()
    assert secrets == ["700 pds:pds", "640 root:pds"]


def _serves_through_caddy(box: Box, did: str) -> None:
    trust = box.trust()
    assert json.loads(get(trust, f"{URL}/xrpc/_health"))["version"]
    assert get(trust, f"https://alice.{HOSTNAME}/.well-known/atproto-did") == did
    assert "#commit" in kinds_on_the_firehose(trust, 4)
    with (
        socket.create_connection(("127.0.0.1", 443), 10) as plain,
        pytest.raises(ssl.SSLError),
    ):
        trust.wrap_socket(plain, server_hostname=f"nobody.{HOSTNAME}")
    asked_from = box.run("pdsadmin logs --json --about createSession")
    assert '"ip": "127.0.0.1"' in asked_from  # of this test: what Caddy says of its client


def _is_well_guarded(box: Box) -> None:
    told = box.run("systemd-analyze security pds --no-pager")
    figure = float(told.rsplit("Overall exposure level for pds.service:", 1)[1].split()[0])
    print(f"exposure: {figure}")
    assert figure < 2.5
    assert "denied" not in box.run("journalctl -u pds --output cat --no-pager").lower()


def _second_run_changes_nothing(box: Box) -> None:
    before, since = box.file_list(), box.run("systemctl show pds -p ActiveEnterTimestamp")

    said = box.install("--yes --skip-dns-check")

    assert "Nothing: all is as it should be." in said
    assert box.file_list() == before
    assert box.run("systemctl show pds -p ActiveEnterTimestamp") == since


def _comes_back(box: Box, alice: dict[str, Any], uri: str) -> None:
    box.run("kill -9 $(systemctl show pds -p MainPID --value)")
    _until_active(box)
    box.stop()
    box.boot()
    _until_active(box)
    with logged_in(box, alice) as client:
        posts = client.com.atproto.repo.list_records(
            {"repo": alice["did"], "collection": "app.bsky.feed.post"}
        )
    assert [post.uri for post in posts.records] == [uri]


def _until_active(box: Box) -> None:
    for _ in range(60):
        time.sleep(0.5)
        done = box.attempt("systemctl is-active pds caddy")
        if done.stdout == "active\nactive\n":
            return
    pytest.fail(f"the server did not come back: {box.attempt('journalctl -u pds -n 30').stdout}")


def _goes_and_leaves_the_data(box: Box) -> None:
    said = box.install("--uninstall --yes")

    assert "The data is untouched in /pds" in said
    assert box.run("systemctl list-unit-files 'pds*' --no-legend || true") == ""
    for gone in (
        "usr/bin/caddy",
        "opt/hearth",
        "usr/local/bin/pdsadmin",
        "etc/systemd/system/pds.service",
    ):
        assert not (box.folder / gone).exists(), gone
    assert box.run("ls /pds/pds.env /pds/pds.sqlite") == "/pds/pds.env\n/pds/pds.sqlite\n"
    for port in (80, 443, 2583):
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0


@in_its_own_time
def test_power_may_fail_at_every_step() -> None:
    failed_at: list[str] = []

    def is_new_step(line: str) -> bool:
        if not line.startswith("==> ") or line[4].isupper() or line in failed_at:
            return False
        failed_at.append(line)
        return True

    with bare_box() as box:
        while box.install_until(OPTIONS, is_new_step):
            assert len(failed_at) < 40
            box.boot()

        # The shortest steps are over before the plug is out.
        for step in ("(apt)", "Python packages", "put the program", "wait until it listens"):
            assert any(step in line for line in failed_at), step
        assert box.run("systemctl is-active pds caddy") == "active\nactive\n"
        assert box.run("ls -A /opt/hearth | grep -c -e '^code-' -e '^venv-'") == "2\n"
        box.run("ls /pds/*.new-* /opt/hearth/*.part", fails=True)
        assert "Nothing: all is as it should be." in box.install("--yes --skip-dns-check")
        box.run("pdsadmin account list")
