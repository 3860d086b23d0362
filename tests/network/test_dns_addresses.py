"""Addresses as name servers tell them, and what is learnt where they do not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dns.rcode
import pytest

from pds.network import dns_addresses
from pds.network.dns_addresses import Addresses, DnsAddresses, DnsError, DnsFailedError
from tests.fakes.dns_server import DnsServer, dns_server

HOST = "pds.example.com"
V4, V6 = "93.184.215.14", "2606:2800:21f::1"
SOON_S = 0.3


@pytest.fixture
def names() -> Iterator[DnsServer]:
    with dns_server() as server:
        server.addresses = {HOST: [V6, V4]}
        yield server


def asking(names: DnsServer) -> DnsAddresses:
    return DnsAddresses([names.address])


def test_ipv4_comes_first(names: DnsServer) -> None:
    assert asking(names).look(HOST, SOON_S) == Addresses((V4, V6))
    assert asking(names).of("nobody.example.com", SOON_S) == []


@pytest.mark.parametrize(("kind", "left"), [("A", V6), ("AAAA", V4)])
def test_one_kind_that_fails_leaves_the_other(names: DnsServer, kind: str, left: str) -> None:
    names.failing = {f"{HOST} {kind}"}

    seen = asking(names).look(HOST, SOON_S)

    assert (seen.found, seen.unknown) == ((left,), (kind,))


def test_an_error_is_told_from_silence(names: DnsServer) -> None:
    names.failing = {HOST}
    with pytest.raises(DnsFailedError, match=r"^no A answer for pds\.example\.com, but SERVFAIL$"):
        asking(names).look(HOST, SOON_S)
    assert asking(names).answers_at_all(SOON_S)
    assert not asking(names).is_forged(HOST, SOON_S)

    names.rcode = dns.rcode.REFUSED
    assert not asking(names).answers_at_all(SOON_S)

    names.silent = True
    with pytest.raises(DnsError) as caught:
        asking(names).look(HOST, SOON_S)
    assert not isinstance(caught.value, DnsFailedError)
    assert not asking(names).answers_at_all(SOON_S)


def test_what_is_signed_wrongly_is_known(names: DnsServer) -> None:
    names.forged = {HOST}

    with pytest.raises(DnsFailedError):
        asking(names).look(HOST, SOON_S)
    assert asking(names).is_forged(HOST, SOON_S)


@pytest.mark.parametrize(
    ("caa", "expected"),
    [
        ({}, None),
        ({"example.com": ['0 issue "digicert.com"']}, ["digicert.com"]),
        ({"com": ['0 issue "DigiCert.com; x=y"', '0 issue "other.com"']}, None),
        ({HOST: ['0 issue ";"']}, [""]),
        ({HOST: ['0 issuewild "a.com"'], "example.com": ['0 issue "b.com"']}, None),
    ],
)
def test_who_may_make_certificates(
    names: DnsServer, caa: dict[str, list[str]], expected: list[str] | None
) -> None:
    names.caa = caa

    assert asking(names).issuers(HOST, SOON_S)[1] == expected


@pytest.mark.parametrize(
    ("resolv", "behind", "expected"),
    [
        ("nameserver 127.0.0.53\noptions edns0\n", "nameserver 9.9.9.9\n", ["9.9.9.9"]),
        ("nameserver 127.0.0.53\n", "", None),
        ("nameserver 1.1.1.1\nnameserver 127.0.0.53\n", "nameserver 9.9.9.9\n", None),
    ],
)
def test_systemd_resolved_is_passed_by(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    resolv: str,
    behind: str,
    expected: list[str] | None,
) -> None:
    for name, text in (("RESOLV_CONF", resolv), ("BEHIND_RESOLVED", behind)):
        (tmp_path / name).write_text(text)
        monkeypatch.setattr(dns_addresses, name, tmp_path / name)

    assert DnsAddresses()._nameservers == expected
