"""A server on a machine that has IPv6 only: a network namespace without any IPv4 but loopback."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.install.boxes import HOSTNAME, INSTALL, bare_box, in_its_own_time

pytestmark = [
    in_its_own_time,
    pytest.mark.slow,
    pytest.mark.needs_root,
    pytest.mark.xdist_group("box"),
]
NETNS = "hearth-box"
ADDRESS = "2001:db8::7"
ASK = f"""
import socket, ssl, urllib.request
trust = ssl.create_default_context(
    cafile="/var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt")
families = {{found[0] for found in socket.getaddrinfo("{HOSTNAME}", 443)}}
assert families == {{socket.AF_INET6}}, families
print(urllib.request.urlopen("https://{HOSTNAME}/xrpc/_health", timeout=20, context=trust).status)
"""


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextmanager
def only_ipv6() -> Iterator[None]:
    if shutil.which("ip") is None:
        pytest.skip("needs iproute2")
    ip("netns", "add", NETNS)
    try:
        ip("-n", NETNS, "link", "set", "lo", "up")
        ip("-n", NETNS, "link", "add", "outside", "type", "veth", "peer", "name", "far")
        ip("-n", NETNS, "address", "add", f"{ADDRESS}/64", "dev", "outside", "nodad")
        for end in ("outside", "far"):
            ip("-n", NETNS, "link", "set", end, "up")
        yield
    finally:
        ip("netns", "delete", NETNS)


def test_server_runs_and_updates_where_there_is_no_ipv4() -> None:
    with bare_box() as box:
        box.install(f"{INSTALL} --tls internal")
        box.stop()
        with only_ipv6():
            with (box.folder / "etc/hosts").open("a") as hosts:
                hosts.write(f"{ADDRESS} {HOSTNAME}\n")
            box.boot(NETNS)
            try:
                said = box.install("--yes")  # with a look at the DNS

                assert "Nothing: all is as it should be." in said
                assert f"there is no address for {HOSTNAME}" not in said
                assert f"{HOSTNAME} points to" not in said
                assert (
                    "no name server answers this machine" in said
                )  # it knows itself by /etc/hosts
                assert box.run("systemctl is-active pds caddy") == "active\nactive\n"
                asked = box.run(f"/opt/hearth/current/.venv/bin/python -c '{ASK}'")
                assert asked == "200\n"
            finally:
                box.stop()
