"""What the installer says of the DNS before it changes anything."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import dns.rcode
import pytest

from tests.fakes.dns_server import DnsServer, dns_server
from tests.install.test_functions import bash

HOST = "pds.example.com"
V4, V6 = "93.184.215.14", "2606:2800:21f::1"
PUBLIC = f"{V4} {V6} 172.17.0.1"  # a machine with addresses of its own, and Docker's


@pytest.fixture
def names() -> Iterator[DnsServer]:
    with dns_server() as server:
        server.addresses = {HOST: [V4, V6], f"*.{HOST}": [V4, V6]}
        yield server


def check(names: DnsServer, own: str = PUBLIC, more: str = "") -> list[str]:
    """What is said, each line with what kind it is."""
    script = f"""
      name_servers() {{ echo 127.0.0.1; }}
      hostname() {{ echo "{own}"; }}
      name_server_port={names.port} hostname={HOST} email=op@example.com tls=on-demand
      known_hostname='' smtp_url='' certificate='' acme_server=''
      {more}
      check_hostname
      [[ $is_name == no ]] || check_dns
      for line in "${{problems[@]}}"; do echo "problem: $line"; done
      for line in "${{remarks[@]}}"; do echo "note: $line"; done
    """
    asking, *said = bash(script).splitlines() or [""]
    assert asking in (f"  Asking the DNS for {HOST}", "") or asking.startswith("problem")
    return said if asking.startswith("  ") else [asking, *said]


def test_names_that_lead_here_are_well(names: DnsServer) -> None:
    assert check(names) == []
    assert check(names, own=f"{V4} {V6} 2606:2800:21f::aa 10.0.0.2") == []


@pytest.mark.parametrize("kind", ["A", "AAAA"])
def test_one_family_is_enough(names: DnsServer, kind: str) -> None:
    address = V4 if kind == "A" else V6
    names.addresses = {HOST: [address], f"*.{HOST}": [address]}

    assert check(names, own=address) == []


@pytest.mark.parametrize(
    "address",
    ["2001:db8:0:0:1:0:0:1", "2001:db8::", "::1", "fe80::a:0:0:b", "2001:db8:1:2:3:4:5:6", "1::8"],
)
def test_an_ipv6_address_reads_as_the_system_writes_it(names: DnsServer, address: str) -> None:
    import ipaddress

    names.addresses = {HOST: [address]}
    script = f"name_servers() {{ echo 127.0.0.1; }}; name_server_port={names.port}; "

    assert bash(f"{script} ask_dns AAAA {HOST}").splitlines() == [
        "fine",
        ipaddress.ip_address(address).compressed,
    ]


def test_records_that_are_missing_are_named(names: DnsServer) -> None:
    del names.addresses[f"*.{HOST}"]
    [wildcard] = check(names)
    assert wildcard.startswith(f"problem: there is no address for names below {HOST}")
    assert f"Add a record for *.{HOST}: CNAME to {HOST}" in wildcard

    names.addresses = {}
    [host, _wildcard] = check(names)
    assert host.startswith(f"problem: there is no address for {HOST} in the DNS. Add a record")


def test_records_that_lead_elsewhere_are_named_with_their_type(names: DnsServer) -> None:
    names.addresses = {HOST: [V4, "2606:2800:21f::9"], f"*.{HOST}": [V4, "2606:2800:21f::9"]}
    [line] = check(names)
    assert line.startswith(f"problem: the AAAA record of {HOST} points to 2606:2800:21f::9, but")
    assert f"addresses are {V6}. Correct" in line
    [line] = check(names, own=V4)
    assert "but this machine has no such address. Remove the record" in line

    names.addresses = {HOST: [V4, V6], f"*.{HOST}": ["93.184.215.99"]}
    [line] = check(names)
    assert line.startswith(f"problem: the A record of *.{HOST} points to 93.184.215.99, but")


def test_behind_a_router_the_ipv4_address_is_the_routers(names: DnsServer) -> None:
    for own in ("192.168.1.5", f"192.168.1.5 {V6}"):
        said = [line for line in check(names, own=own) if "AAAA" not in line]
        assert len(said) == 1
        assert said[0].startswith(f"note: {HOST} points to {V4}; this machine has private IPv4")


def test_private_addresses(names: DnsServer) -> None:
    names.addresses = {HOST: ["192.168.1.5"], f"*.{HOST}": ["192.168.1.5"]}

    [mine] = check(names, own="192.168.1.5")
    assert mine.startswith("note: ")
    assert "all right if only your own network's name server says so" in mine
    [others] = check(names, own="192.168.1.6")
    assert others.startswith(f"problem: {HOST} points to 192.168.1.5, which nobody outside")


def test_a_server_that_runs_is_updated_all_the_same(names: DnsServer) -> None:
    names.addresses = {}

    assert all(line.startswith("note: ") for line in check(names, more=f"known_hostname={HOST}"))


def test_broken_signatures_are_told_from_dead_servers(names: DnsServer) -> None:
    names.forged = {HOST}
    [line] = check(names)
    assert line.startswith(f"problem: DNSSEC of {HOST} is broken")

    names.forged, names.failing = set(), {HOST}
    [line] = check(names)
    assert line.startswith(f"problem: the name servers of {HOST} do not answer, or with an error")

    names.failing = {f"{HOST} AAAA"}
    [line] = check(names)
    assert f"the name servers of {HOST} fail when they are asked for its AAAA record" in line

    names.failing, names.rcode = set(), dns.rcode.REFUSED
    [line] = check(names)
    assert line.startswith("problem: no name server answers this machine (127.0.0.1)")


def test_silence_does_not_take_long(names: DnsServer) -> None:
    names.silent = True
    began_s = time.monotonic()

    [line] = check(names, more="dns_answer_s=0.3")

    assert line.startswith("problem: no name server answers this machine (127.0.0.1)")
    assert time.monotonic() - began_s < 5
    assert len(names.asked) == 6


def test_invented_answers_are_seen_through(names: DnsServer) -> None:
    names.addresses, names.invented = {}, ["203.0.113.99"]

    for own in (PUBLIC, "192.168.1.5"):
        [host, wildcard] = check(names, own=own)
        assert host.startswith(f"problem: there is no address for {HOST}")
        assert "here answer 203.0.113.99 for names that do not exist" in host
        assert wildcard.startswith("problem: there is no address for names below")


@pytest.mark.parametrize(
    ("name", "records", "is_forbidden"),
    [
        ("example.com", ['0 issue "digicert.com"'], True),
        (HOST, ['0 issue ";"'], True),
        (HOST, ['0 issue "digicert.com"', '0 issue "LetsEncrypt.org; accounturi=x"'], False),
        (HOST, ['0 issuewild "digicert.com"', '0 iodef "mailto:a@example.com"'], False),
        ("com", ['128 ISSUE "letsencrypt.org"'], False),
        ("elsewhere.com", ['0 issue "digicert.com"'], False),
    ],
)
def test_caa_that_keeps_certificates_away(
    names: DnsServer, name: str, records: list[str], *, is_forbidden: bool
) -> None:
    names.caa = {name: records}

    said = check(names)

    assert len(said) == is_forbidden
    if is_forbidden:
        assert f'add: {name} CAA 0 issue "letsencrypt.org"' in said[0]


@pytest.mark.parametrize("more", ["tls=internal", "certificate=/c"])
def test_caa_does_not_matter_where_lets_encrypt_is_not_asked(names: DnsServer, more: str) -> None:
    names.caa = {HOST: ['0 issue ";"']}

    assert check(names, more=more) == []


def test_caa_that_cannot_be_asked_for(names: DnsServer) -> None:
    names.failing = {f"{HOST} CAA"}

    [line] = check(names)

    assert "fail when they are asked for its CAA record" in line


def test_the_nearest_caa_counts(names: DnsServer) -> None:
    names.caa = {HOST: ['0 issue "letsencrypt.org"'], "example.com": ['0 issue "digicert.com"']}

    assert check(names) == []


def test_a_name_in_letters_of_its_own_is_sent_back(names: DnsServer) -> None:
    [line] = check(names, more="hostname=pds.bücher.example.com")

    assert "begins with xn--" in line
    assert names.asked == []
    names.addresses = {"pds.xn--bcher-kva.com": [V4], "*.pds.xn--bcher-kva.com": [V4]}
    assert bash(
        f"name_servers() {{ echo 127.0.0.1; }}; name_server_port={names.port}; "
        "ask_dns A pds.xn--bcher-kva.com"
    ).splitlines() == ["fine", V4]


@pytest.mark.parametrize(
    ("resolv", "behind", "expected"),
    [
        ("nameserver 127.0.0.53\n", "nameserver 9.9.9.9\n", "9.9.9.9"),
        ("nameserver 127.0.0.53\n", "", "127.0.0.53"),
        ("# no\nsearch lan\nnameserver 1.1.1.1\nnameserver ::1\n", "nameserver 9", "1.1.1.1 ::1"),
    ],
)
def test_the_machines_name_servers(tmp_path: Path, resolv: str, behind: str, expected: str) -> None:
    files = tmp_path / "resolv", tmp_path / "behind"
    for file, text in zip(files, (resolv, behind), strict=True):
        file.write_text(text)

    said = bash(f"name_servers {files[0]} {files[1]}")

    assert said.split() == expected.split()
