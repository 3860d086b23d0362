"""The doctor on an installed server, behind Caddy, where knot and unbound answer the DNS."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.install.boxes import HOSTNAME, INSTALL, Box, bare_box, in_its_own_time
from tests.install.name_servers import (
    FORGED,
    NOWHERE,
    ask_at,
    install_name_servers,
    set_zones,
)
from tests.install.test_box_dns import NETNS, OTHER4, OTHER6, V4, V6, ip, public_machine
from tests.server_process import ServerProcess

pytestmark = [
    in_its_own_time,
    pytest.mark.slow,
    pytest.mark.needs_root,
    pytest.mark.xdist_group("box"),
]
NAME, _, DOMAIN = HOSTNAME.partition(".")
PRIVATE = "10.77.0.5"  # the machine's, too
OWN = "bob.hearth-own.org"
RIGHT = f"{NAME} A {V4}\n{NAME} AAAA {V6}\n*.{NAME} CNAME {NAME}\n"
ABOUT = ("dns-", "handle-", "address-", "ipv4-", "ipv6-", "certificate-", "public-name-")
LIMIT_S = 90


@dataclass
class Case:
    """``host``, ``own``: records. ``remedies``: name of what is found → what is to be done."""

    remedies: dict[str, str]
    host: str = RIGHT
    own: str | None = None
    forged: str = FORGED


def record(*values: str) -> str:
    return "".join(f"_atproto.bob TXT {value}\n" for value in values)


def cases(did: str, other: str) -> dict[str, Case]:
    """``did``: of the member whose handle is her own."""
    lost = "let DNS and the front server lead"
    change = f'_atproto.{OWN} TXT "did={did}"'
    right, wrong = f'"did={did}"', f'"did={other}"'
    return {
        "right": Case({}),
        "a record in pieces": Case({}, own=record(f'"did=" "{did[:9]}" "{did[9:]}"')),
        "an alias": Case(
            {}, f"home A {V4}\nhome AAAA {V6}\n{NAME} CNAME home\n*.{NAME} CNAME home"
        ),
        "IPv4 alone": Case({}, f"{NAME} A {V4}\n*.{NAME} CNAME {NAME}\n"),
        "no address": Case({"dns-host": f"add: {HOSTNAME} A "}, ""),
        "no wildcard": Case(
            {"dns-wildcard": f"add: *.{HOSTNAME} CNAME {HOSTNAME}", "handle-lost": lost},
            f"{NAME} A {V4}\n",
        ),
        "another wildcard": Case(
            {"dns-wildcard": f"set: *.{HOSTNAME} CNAME {HOSTNAME}", "handle-lost": lost},
            f"{NAME} A {V4}\n*.{NAME} A {OTHER4}\n",
        ),
        "old IPv4": Case({"ipv4-dead": "remove the A record"}, RIGHT.replace(V4, OTHER4)),
        "old IPv6": Case({"ipv6-dead": "remove the AAAA record"}, RIGHT.replace(V6, OTHER6)),
        "at home": Case(
            {"dns-private": "unless only your own network's name server says this"},
            f"{NAME} A {PRIVATE}\n*.{NAME} A {PRIVATE}\n",
        ),
        "circle": Case(
            {"dns-domain": "whoever manages your domain"}, f"{NAME} CNAME x\nx CNAME {NAME}\n"
        ),
        "signed wrongly": Case({"dns-dnssec": "DS record"}, forged=DOMAIN),
        "no record": Case({"handle-lost": f"add a DNS record: {change}"}, own=""),
        "no name": Case(
            {"handle-lost": f"change the DNS record: {change}"}, own=record(f'"{did}"')
        ),
        "two records": Case({"handle-lost": f"leave only: {change}"}, own=record(right, wrong)),
        "other account": Case({"handle-other": f"set: {change}"}, own=record(wrong)),
    }


def test_doctor_tells_what_is_wrong_with_the_dns(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "directory") as directory, bare_box() as box:
        box.settings = {"PDS_DID_PLC_URL": directory.url, "PDS_CRAWLERS": ""}
        install_name_servers(box)
        box.install(f"{INSTALL} --tls internal")
        trust = "/usr/local/share/ca-certificates/box.crt"
        authority = "/var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt"
        box.run(f"cp {authority} {trust} && update-ca-certificates")
        alice, bob = (_make_account(box, name) for name in ("alice", "bob"))
        own = record(f'"did={bob}"')
        set_zones(box, {DOMAIN: RIGHT, "hearth-own.org": own})
        box.run(f"pdsadmin account set-handle bob {OWN}")
        box.stop()
        with public_machine():
            ip("-n", NETNS, "address", "add", f"{PRIVATE}/24", "dev", "outside")
            box.boot(NETNS)
            try:
                for title, case in cases(bob, alice).items():
                    _expect(box, title, case, own)
                ask_at(box, NOWHERE)
                remedies = found(box)
                assert list(remedies) == ["dns-silent"]
                assert "/etc/resolv.conf" in remedies["dns-silent"]
            finally:
                box.stop()


def _make_account(box: Box, name: str) -> str:
    options = f"--handle {name}.{HOSTNAME} --email {name}@hearth-box.org --json"
    return str(json.loads(box.run(f"pdsadmin account create {options}"))["did"])


def _expect(box: Box, title: str, case: Case, own: str) -> None:
    zones = {DOMAIN: case.host, "hearth-own.org": own if case.own is None else case.own}
    set_zones(box, zones, case.forged)

    remedies = found(box)

    assert list(remedies) == list(case.remedies), f"{title}: {remedies}"
    for name, remedy in case.remedies.items():
        assert remedy in remedies[name], title


def found(box: Box) -> dict[str, str]:
    """Name → remedy of what the doctor finds about names and addresses."""
    began_s = time.monotonic()
    done = box.attempt("pdsadmin doctor --json", limit_s=LIMIT_S)
    assert time.monotonic() - began_s < LIMIT_S
    return {
        one["name"]: one["remedy"]
        for one in json.loads(done.stdout)["findings"]
        if one["outcome"] in ("warn", "bad")
        and one["name"].startswith(ABOUT)
        # Caddy's own authority makes them for half a day
        and one["name"] != "certificate-expiring"
    }
