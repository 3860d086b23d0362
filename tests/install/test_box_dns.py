"""The installer's look at the DNS, told by knot and unbound to a machine with public addresses."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.install.boxes import Box, bare_box, in_its_own_time
from tests.install.name_servers import (
    FAILING,
    FORGED,
    NOWHERE,
    RESOLVER,
    SILENT,
    ask_at,
    install_name_servers,
    set_zones,
)

pytestmark = [
    in_its_own_time,
    pytest.mark.slow,
    pytest.mark.needs_root,
    pytest.mark.xdist_group("box"),
]
NETNS = "hearth-box-dns"
V4, V6 = "93.184.215.14", "2606:2800:21f::1"  # the machine's own; nothing leaves the namespace
OTHER4, OTHER6 = "93.184.215.99", "2606:2800:21f::9"
INVENTED = "203.0.113.99"
ZONE = f"""
right A {V4}
right AAAA {V6}
*.right CNAME right
nowild A {V4}
wrong4 A {OTHER4}
wrong4 AAAA {V6}
*.wrong4 CNAME wrong4
wrong6 A {V4}
wrong6 AAAA {OTHER6}
*.wrong6 CNAME wrong6
wildelse A {V4}
*.wildelse A {OTHER4}
alias CNAME right
*.alias CNAME right
loop CNAME circle
circle CNAME loop
private A 192.168.77.5
*.private A 192.168.77.5
noletsencrypt A {V4}
*.noletsencrypt A {V4}
noletsencrypt CAA 0 issue "digicert.com"
"""
HERE = f"@ A {V4}\n* A {V4}\npds A {V4}\n*.pds A {V4}\n"
ZONES = {
    "hearth-dns.org": ZONE,
    "xn--bcher-kva.org": HERE,
    FORGED: HERE,
    "invented.org": f"* A {INVENTED}\n",
    "com": f"* A {INVENTED}\n",
}
SAID = {
    "right.hearth-dns.org": [],
    "alias.hearth-dns.org": [],
    "pds.xn--bcher-kva.org": [],
    "missing.hearth-dns.org": [
        "there is no address for missing.hearth-dns.org in the DNS. Add a record",
        "there is no address for names below missing.hearth-dns.org",
    ],
    "nowild.hearth-dns.org": ["there is no address for names below nowild.hearth-dns.org"],
    "wrong4.hearth-dns.org": [f"the A record of wrong4.hearth-dns.org points to {OTHER4}, but"],
    "wrong6.hearth-dns.org": [f"the AAAA record of wrong6.hearth-dns.org points to {OTHER6}, but"],
    "wildelse.hearth-dns.org": [f"the A record of *.wildelse.hearth-dns.org points to {OTHER4}"],
    "loop.hearth-dns.org": ["the name servers of loop.hearth-dns.org do not answer, or with an"],
    "private.hearth-dns.org": ["private.hearth-dns.org points to 192.168.77.5, which nobody"],
    "noletsencrypt.hearth-dns.org": ["the CAA record of noletsencrypt.hearth-dns.org forbids"],
    "pds.invented.org": [
        "there is no address for pds.invented.org in the DNS. Add a record",
        "there is no address for names below pds.invented.org",
    ],
    f"pds.{FORGED}": [f"DNSSEC of pds.{FORGED} is broken"],
    f"pds.{FAILING}": [f"the name servers of pds.{FAILING} do not answer, or with an error"],
    f"pds.{SILENT}": [f"the name servers of pds.{SILENT} do not answer, or with an error"],
    "pds.bücher.org": ['"pds.bücher.org" has letters beyond a to z'],
}


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextmanager
def public_machine() -> Iterator[None]:
    """A network of its own, with the addresses above."""
    if shutil.which("ip") is None:
        pytest.skip("needs iproute2")
    ip("netns", "add", NETNS)
    try:
        ip("-n", NETNS, "link", "set", "lo", "up")
        ip("-n", NETNS, "link", "add", "outside", "type", "veth", "peer", "name", "far")
        ip("-n", NETNS, "address", "add", f"{V4}/24", "dev", "outside")
        ip("-n", NETNS, "address", "add", f"{V6}/64", "dev", "outside", "nodad")
        for end in ("outside", "far"):
            ip("-n", NETNS, "link", "set", end, "up")
        yield
    finally:
        ip("netns", "delete", NETNS)


def problems(box: Box, hostname: str) -> list[str]:
    """What the installer says of the DNS when it is to make a server of that name."""
    options = f"--yes --dry-run --no-mail --email op@hearth-dns.org --hostname {hostname}"
    done = box.attempt(f"cd /root/hearth && ./install.sh server {options} 2>&1")
    return re.findall(r"^  PROBLEM: (.+)$", done.stdout, re.MULTILINE)


def test_installer_tells_what_is_wrong_with_the_dns() -> None:
    with bare_box() as box:
        install_name_servers(box)
        box.stop()
        with public_machine():
            box.boot(NETNS)
            try:
                set_zones(box, ZONES)
                for hostname, expected in SAID.items():
                    began_s = time.monotonic()
                    said = problems(box, hostname)
                    assert [
                        line[: len(start)] for line, start in zip(said, expected, strict=True)
                    ] == expected
                    assert time.monotonic() - began_s < 20
                _hosts_file_and_search_list_do_not_count(box)
                _no_name_server_answers(box)
            finally:
                box.stop()


def _hosts_file_and_search_list_do_not_count(box: Box) -> None:
    hosts = box.folder / "etc/hosts"
    before = hosts.read_text()
    hosts.write_text(f"{before}127.0.1.1 right.hearth-dns.org\n{V4} missing.hearth-dns.org\n")
    (box.folder / "etc/resolv.conf").write_text(
        f"nameserver {RESOLVER}\nsearch {FORGED} xn--bcher-kva.org\n"
    )
    assert problems(box, "right.hearth-dns.org") == []
    assert len(problems(box, "missing.hearth-dns.org")) == 2
    hosts.write_text(before)


def _no_name_server_answers(box: Box) -> None:
    ask_at(box, NOWHERE, "127.0.0.10")
    began_s = time.monotonic()

    [line] = problems(box, "right.hearth-dns.org")

    assert line.startswith(f"no name server answers this machine ({NOWHERE} 127.0.0.10)")
    assert time.monotonic() - began_s < 20
    ask_at(box, RESOLVER)
