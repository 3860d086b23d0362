"""Let's Encrypt's own test authority (Debian's package pebble) in a box, and what it has given.

For it all names lead to the box: pebble-challtestsrv answers for the DNS, and takes the records of
DNS-01.
"""

from __future__ import annotations

import json
import socket
import ssl
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.mail_server import make_certificate
from tests.install.boxes import HOSTNAME, Box

FOLDER = "/root/acme"
CHALLENGE_DNS = "127.0.0.1:8053"
DNS_MANAGEMENT = "http://127.0.0.1:8055"
WAITING = (
    "import socket, sys, time\n"
    "for _ in range(100):\n"
    " time.sleep(0.1)\n"
    " if not socket.socket().connect_ex(('127.0.0.1', int(sys.argv[1]))): break\n"
    "else: sys.exit('nobody listens')"
)


@dataclass
class Authority:
    """One pebble. Its certificates are believed by ``trust``."""

    box: Box
    name: str
    port: int
    root: str  # its certificate, in PEM
    trust: ssl.SSLContext

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}/dir"

    def log(self) -> str:
        return self.box.run(f"journalctl -u {self.name} --output cat --no-pager")

    def become_public(self, box: Box | None = None) -> None:
        """Have everything in a box believe it, as if it were one of the world's."""
        box = box or self.box
        file = box.folder / f"usr/local/share/ca-certificates/{self.name}.crt"
        file.write_text(self.root)
        box.run("update-ca-certificates --fresh 2>&1")

    def orders(self) -> int:
        return self.log().count("Added order")


def add_packages(box: Box, packages: str) -> None:
    """Install from Debian, and leave nothing running or starting that has a port of ours."""
    box.run(
        "apt-get -qq update && apt-get -qq install -y --no-install-recommends"
        f" {packages} >/dev/null 2>&1",
        limit_s=300,
    )


def start_dns(box: Box, address: str = "127.0.0.1") -> None:
    """The server's name and those below are at ``address``, for the authority and for who asks."""
    folder = box.folder / FOLDER[1:]
    folder.mkdir()
    make_certificate(folder)
    box.run(
        "systemd-run --unit acme-dns pebble-challtestsrv -http01 '' -https01 '' -tlsalpn01 ''"
        f" -defaultIPv4 {address} -defaultIPv6 '' -dns01 {CHALLENGE_DNS}"
        f" -management {DNS_MANAGEMENT.removeprefix('http://')}"
    )
    serve_names(box, address)


def serve_names(box: Box, address: str) -> None:
    """Until the box is stopped, the DNS there knows the server's names, at ``address``, alone."""
    box.run(
        "systemd-run --unit acme-names dnsmasq --keep-in-foreground --no-resolv --no-hosts"
        f" --bind-interfaces --listen-address={address} --local=/#/ --address=/{HOSTNAME}/{address}"
    )


def ask_own_dns(box: Box, address: str = "127.0.0.1") -> None:
    """From now on the box asks the DNS at ``address``, which knows the server's names alone."""
    (box.folder / "etc/resolv.conf").write_text(f"nameserver {address}\n")


def start_authority(
    box: Box,
    port: int,
    *,
    http_port: int = 80,
    tls_port: int = 443,
    valid_s: int = 7_776_000,
) -> Authority:
    """Start one. http_port, tls_port: where it looks for answers to its challenges; one where
    nobody listens rules that way out."""
    name = f"acme-{port}"
    options = {
        "listenAddress": f"127.0.0.1:{port}",
        "managementListenAddress": f"127.0.0.1:{port + 1000}",
        "certificate": f"{FOLDER}/server.pem",
        "privateKey": f"{FOLDER}/server.key",
        "httpPort": http_port,
        "tlsPort": tls_port,
        "ocspResponderURL": "",
        "externalAccountBindingRequired": False,
        "certificateValidityPeriod": valid_s,
    }
    file = Path(FOLDER) / f"{name}.json"
    (box.folder / str(file)[1:]).write_text(json.dumps({"pebble": options}))
    box.run(
        # Refused nonces, as happens now and then elsewhere, too, bring Debian's certbot down.
        f"systemd-run --unit {name} --setenv PEBBLE_VA_NOSLEEP=1 --setenv PEBBLE_WFE_NONCEREJECT=0"
        f" pebble -config {file}"
        f' -dnsserver {CHALLENGE_DNS} && python3 -c "{WAITING}" {port + 1000}'
    )
    own = ssl.create_default_context(cafile=str(box.folder / FOLDER[1:] / "ca.pem"))
    root = f"https://localhost:{port + 1000}/roots/0"
    with urllib.request.urlopen(root, timeout=20, context=own) as reply:
        pem = reply.read().decode()
    return Authority(box, name, port, pem, ssl.create_default_context(cadata=pem))


def serial_number(trust: ssl.SSLContext, name: str) -> str:
    """Of the certificate that is shown for ``name``, which must be good.

    Raises:
        ssl.SSLError: it is not, or there is none.
    """
    with (
        socket.create_connection(("127.0.0.1", 443), 30) as plain,
        trust.wrap_socket(plain, server_hostname=name) as secured,
    ):
        shown = secured.getpeercert()
        assert shown is not None
        return str(shown["serialNumber"])


def until_other(trust: ssl.SSLContext, name: str, serial: str, limit_s: float = 30) -> None:
    """Wait until another certificate than ``serial`` is shown for ``name``."""
    limit = time.monotonic() + limit_s
    while serial_number(trust, name) == serial:
        assert time.monotonic() < limit, f"{name} still shows {serial}"
        time.sleep(0.5)
