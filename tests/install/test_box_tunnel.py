"""A machine at home that nobody reaches, a rented one with a front server, and ways between them.

The machine at home lives in a network of its own from which it can only go out.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
import pytest_socket

from tests.install.acme import (
    FOLDER,
    Authority,
    add_packages,
    ask_own_dns,
    start_authority,
    start_dns,
)
from tests.install.boxes import (
    HOSTNAME,
    INSTALL,
    ROOT,
    Box,
    another_box,
    bare_box,
    in_its_own_time,
    names_lead_here,
)
from tests.install.front_battery import Front, run_battery
from tests.server_process import ServerProcess

pytestmark = [
    in_its_own_time,
    pytest.mark.slow,
    pytest.mark.needs_root,
    pytest.mark.xdist_group("box"),
]
HOME_NETWORK = "hearth-home"
RENTED, HOME, NEIGHBOUR = "203.0.113.1", "192.168.77.2", "192.168.77.1"
PAGE = ROOT / "docs/front-servers.md"
TUNNEL = "10.77.77.2"
NAMES = {"vps.example.com": RENTED, "pds.example.com": HOSTNAME}


@pytest.fixture(autouse=True)
def only_this_machine() -> None:
    """And the one at home."""
    pytest_socket.socket_allow_hosts(
        ["127.0.0.1", "::1", RENTED, HOME, TUNNEL], allow_unix_socket=True
    )


def file_of_page(name: str) -> str:
    """The text of a file as docs/front-servers.md shows it, for the names of this test."""
    after = PAGE.read_text().partition(f"<!-- {name} -->\n")[2]
    lines = []
    for line in after.splitlines():
        if line and not line.startswith("    "):
            break
        lines.append(line.removeprefix("    "))
    text = "\n".join(lines).strip() + "\n"
    assert text.strip(), name
    for example, own in NAMES.items():
        text = text.replace(example, own)
    return text


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextmanager
def home_network() -> Iterator[None]:
    """A network that reaches this one, as through a router that lets nothing in."""
    ip("netns", "add", HOME_NETWORK)
    try:
        ip("link", "add", "to-home", "type", "veth", "peer", "name", "out", "netns", HOME_NETWORK)
        ip("address", "add", f"{RENTED}/32", "dev", "lo")
        ip("address", "add", f"{NEIGHBOUR}/24", "dev", "to-home")
        ip("link", "set", "to-home", "up")
        ip("-n", HOME_NETWORK, "link", "set", "lo", "up")
        ip("-n", HOME_NETWORK, "address", "add", f"{HOME}/24", "dev", "out")
        ip("-n", HOME_NETWORK, "link", "set", "out", "up")
        ip("-n", HOME_NETWORK, "route", "add", "default", "via", NEIGHBOUR)
        yield
    finally:
        ip("link", "delete", "to-home")
        ip("netns", "delete", HOME_NETWORK)
        ip("address", "delete", f"{RENTED}/32", "dev", "lo")


def write(box: Box, path: str, text: str, mode: int = 0o644) -> None:
    file = box.folder / path[1:]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(mode)


def through_ssh(home: Box, rented: Box) -> str:
    """Lead the tunnel as the page says. Where Hearth is, seen from the rented machine."""
    home.run(
        "install -d -m 750 -o root -g pds /etc/hearth-tunnel"
        " && ssh-keygen -q -t ed25519 -N '' -f /etc/hearth-tunnel/key"
        " && chown pds /etc/hearth-tunnel/key"
    )
    public = home.run("cat /etc/hearth-tunnel/key.pub").strip()
    rented.run("useradd --system --create-home --shell /usr/sbin/nologin hearth-tunnel")
    keys = file_of_page("authorized_keys").replace("ssh-ed25519 AAAA…", public)
    write(rented, "/home/hearth-tunnel/.ssh/authorized_keys", keys)
    write(rented, "/etc/ssh/sshd_config.d/hearth-tunnel.conf", file_of_page("hearth-tunnel.conf"))
    rented.run(
        "chown -R hearth-tunnel: /home/hearth-tunnel/.ssh && chmod 700 /home/hearth-tunnel/.ssh"
        " && systemctl restart ssh"
    )
    home.run(f"ssh-keyscan -t ed25519 {RENTED} >/etc/hearth-tunnel/known_hosts 2>/dev/null")
    write(home, "/etc/systemd/system/hearth-tunnel.service", file_of_page("hearth-tunnel.service"))
    home.run("systemctl daemon-reload && systemctl enable --now hearth-tunnel 2>&1")
    _allows_nothing_else(home)
    return "127.0.0.1"


def _allows_nothing_else(home: Box) -> None:
    """Whoever takes the key from home has gained nothing on the rented machine."""
    ssh = (
        "timeout 20 ssh -i /etc/hearth-tunnel/key -o BatchMode=yes -o ExitOnForwardFailure=yes"
        " -o UserKnownHostsFile=/etc/hearth-tunnel/known_hosts"
    )
    there = f"hearth-tunnel@{RENTED}"
    assert "not available" in home.attempt(f"{ssh} {there} id 2>&1").stdout
    said = home.run(f"{ssh} -N -R 127.0.0.1:9999:127.0.0.1:2583 {there} 2>&1", fails=True)
    assert "remote port forwarding failed" in said
    said = home.run(f"{ssh} -N -R 0.0.0.0:2583:127.0.0.1:2583 {there} 2>&1", fails=True)
    assert "remote port forwarding failed" in said
    said = home.run(f"{ssh} -W 127.0.0.1:22 {there} 2>&1 </dev/null", fails=True)
    assert "administratively prohibited" in said


def through_wireguard(home: Box, rented: Box) -> str:
    keys = {}
    for side, box in (("home", home), ("vps", rented)):
        keys[f"<private key of {side}>"] = private = box.run("wg genkey").strip()
        keys[f"<public key of {side}>"] = box.run(f"echo {private} | wg pubkey").strip()
    for side, box in (("home", home), ("vps", rented)):
        text = file_of_page(f"wg0.conf of {side}")
        for gap, key in keys.items():
            text = text.replace(gap, key)
        write(box, "/etc/wireguard/wg0.conf", text, 0o600)
    for box in (rented, home):
        box.run("systemctl enable --now wg-quick@wg0 2>&1")
    with (home.folder / "pds/pds.env").open("a") as settings:
        settings.write(file_of_page("pds.env"))
    home.run("sed -i /^PDS_BIND_ADDRESS=127/d /pds/pds.env && systemctl restart pds")
    return TUNNEL


@pytest.mark.parametrize("lead", [through_ssh, through_wireguard])
def test_home_is_reached_through_a_rented_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lead: Callable[[Box, Box], str]
) -> None:
    with (
        ServerProcess(tmp_path / "directory", settings={"PDS_BIND_ADDRESS": "*"}) as directory,
        bare_box() as home,
        another_box("rented") as rented,
        home_network(),
        names_lead_here(monkeypatch),
    ):
        home.settings = {"PDS_DID_PLC_URL": directory.url, "PDS_CRAWLERS": ""}
        add_packages(home, "curl openssh-client wireguard-tools wireguard-go iproute2")
        home.install(f"{INSTALL} --tls none")
        made = home.run(
            f"pdsadmin account create --handle alice.{HOSTNAME} --email a@hearth-box.org --json"
        )
        alice = json.loads(made)
        add_packages(
            rented,
            "caddy openssh-server pebble dnsmasq-base python3 curl"
            " wireguard-tools wireguard-go iproute2",
        )
        start_dns(rented, RENTED)
        authority = start_authority(rented, 14000)
        home.stop()
        home.boot(HOME_NETWORK)

        inside = lead(home, rented)
        _set_up_caddy(rented, authority, inside)

        _can_only_be_reached_through_it()
        front = Front(
            home,
            authority.trust,
            alice["handle"],
            alice["did"],
            alice["password"],
            2583,
            inside=inside,
            outside=rented,
        )
        _until_reached(front)
        run_battery(front)
        assert authority.orders() == 2  # of the server's name and of alice's
        _believes_nobody_else(front)
        _doctor_is_content(home, authority)
        _comes_back_after_a_cut(front)


def _set_up_caddy(rented: Box, authority: Authority, inside: str) -> None:
    told = file_of_page("deploy/caddy/Caddyfile").replace("127.0.0.1", inside)
    write(rented, "/etc/caddy/acme-root.pem", (rented.folder / f"{FOLDER[1:]}/ca.pem").read_text())
    known = f"{{\n    acme_ca {authority.url}\n    acme_ca_root /etc/caddy/acme-root.pem\n"
    write(rented, "/etc/caddy/Caddyfile", told.replace("{\n", known, 1))
    rented.run("systemctl restart caddy")


def _can_only_be_reached_through_it() -> None:
    for port in (80, 443):
        with socket.socket() as probe:
            probe.settimeout(3)
            assert probe.connect_ex((HOME, port)) != 0


def _believes_nobody_else(front: Front) -> None:
    """Of those in the same house, where they reach Hearth at all."""
    marker = f"/xrpc/org.example.neighbour{time.monotonic_ns()}"
    connection = http.client.HTTPConnection(HOME, 2583, timeout=5)
    with closing(connection), suppress(ConnectionRefusedError):
        connection.request("GET", marker, headers={"X-Forwarded-For": "198.51.100.9"})
        connection.getresponse().read()
        line = next(line for line in front.log().splitlines() if marker in line)
        assert line.partition(" ip=")[2].split()[0] == NEIGHBOUR, line


def _until_reached(front: Front, limit_s: float = 60) -> float:
    """How long it took until Hearth answered."""
    began = time.monotonic()
    while True:
        try:
            status, _, _ = front.ask("GET", "/xrpc/_health")
        except (OSError, ssl.SSLError):
            status = 0
        if status == 200:
            return time.monotonic() - began
        assert time.monotonic() - began < limit_s, status
        time.sleep(0.5)


def _doctor_is_content(home: Box, authority: Authority) -> None:
    """That the name leads to another machine than this is right here."""
    ask_own_dns(home, RENTED)
    authority.become_public(home)

    told = json.loads(home.attempt("pdsadmin doctor --json").stdout)

    found = {finding["name"]: finding["outcome"] for finding in told["findings"]}
    for name in ("server", "certificate", "public-name", "websocket", "well-known", "handles"):
        assert found.get(name) == "ok", (name, told)
    assert "bad" not in found.values(), told


def _comes_back_after_a_cut(front: Front) -> None:
    ip("link", "set", "to-home", "down")
    time.sleep(20)
    ip("link", "set", "to-home", "up")

    took = _until_reached(front, limit_s=120)

    print(f"reached again {took:.0f} s after a cut of 20 s")
