"""Records as name servers tell them."""

from __future__ import annotations

from collections.abc import Iterator

import dns.nameserver
import dns.rcode
import dns.resolver
import pytest

from pds.network.dns_txt import DnsError, DnsFailedError, DnsTxt
from tests.fakes.dns_server import DnsServer, dns_server

NAME = "example.com"
SOON_S = 0.5


@pytest.fixture
def names() -> Iterator[DnsServer]:
    with dns_server() as server:
        yield server


def test_the_machines_name_servers_may_change_while_the_server_runs(
    names: DnsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = DnsTxt()
    with dns_server() as later:
        names.texts, later.texts = {NAME: [["before"]]}, {NAME: [["after"]]}
        now = names

        def read(resolver: dns.resolver.Resolver, _file: object) -> None:
            resolver.nameservers = [dns.nameserver.Do53Nameserver("127.0.0.1", now.port)]

        monkeypatch.setattr(dns.resolver.Resolver, "read_resolv_conf", read)
        assert asked.texts(NAME, SOON_S) == ["before"]
        now = later
        assert asked.texts(NAME, SOON_S) == ["after"]


def test_an_error_is_told_from_silence(names: DnsServer) -> None:
    names.rcode = dns.rcode.REFUSED
    with pytest.raises(DnsFailedError, match=r"^no TXT answer for example\.com, but REFUSED$"):
        DnsTxt([names.address]).texts(NAME, SOON_S)

    names.silent = True
    with pytest.raises(DnsError) as caught:
        DnsTxt([names.address]).texts(NAME, SOON_S)
    assert not isinstance(caught.value, DnsFailedError)


def test_what_is_signed_wrongly_is_told_to_who_does_not_mind(names: DnsServer) -> None:
    names.texts, names.forged = {NAME: [["value"]]}, {NAME}

    with pytest.raises(DnsFailedError):
        DnsTxt([names.address]).texts(NAME, SOON_S)
    unchecked = DnsTxt([names.address], checks_signatures=False)
    assert unchecked.texts(NAME, SOON_S) == ["value"]


def test_records_of_authorities_keep_tag_and_value(names: DnsServer) -> None:
    names.caa = {NAME: ['0 issue "letsencrypt.org"', '0 iodef "mailto:a@example.com"']}

    found = DnsTxt([names.address]).caa(NAME, SOON_S)

    assert sorted(found) == [("iodef", "mailto:a@example.com"), ("issue", "letsencrypt.org")]
