"""Whose DID the DNS names for a group of Lexicons."""

from __future__ import annotations

from collections.abc import Iterator

import dns.rcode
import pytest

from pds.network.dns_txt import DnsTxt
from pds.network.lexicon_authority import LexiconAuthorities, LexiconAuthorityError
from tests.fakes.dns_server import DnsServer, dns_server

DOMAIN = "calendar.ours.net"
NAME = "_lexicon.calendar.ours.net"
DID = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"


@pytest.fixture
def server() -> Iterator[DnsServer]:
    with dns_server() as running:
        yield running


@pytest.fixture
def authorities(server: DnsServer) -> LexiconAuthorities:
    return LexiconAuthorities(DnsTxt([server.address]), timeout_s=0.5)


def refusal(authorities: LexiconAuthorities, domain: str = DOMAIN) -> str:
    with pytest.raises(LexiconAuthorityError) as caught:
        authorities.did_of(domain)
    return caught.value.message


def test_record_names_the_did(server: DnsServer, authorities: LexiconAuthorities) -> None:
    server.texts[NAME] = [["v=spf1"], ["did=did:web:", "pds.ours.net "]]

    assert authorities.did_of(DOMAIN) == "did:web:pds.ours.net"
    assert server.asked == [NAME]


def test_records_of_the_domain_above_do_not_count(
    server: DnsServer, authorities: LexiconAuthorities
) -> None:
    server.texts["_lexicon.ours.net"] = [[f"did={DID}"]]

    assert refusal(authorities) == f"there is no TXT record did=… at {NAME}"


def test_more_than_one_record_is_none(server: DnsServer, authorities: LexiconAuthorities) -> None:
    server.texts[NAME] = [[f"did={DID}"], ["did=did:plc:bbbbbbbbbbbbbbbbbbbbbbbb"]]

    assert "more than one" in refusal(authorities)


@pytest.mark.parametrize("value", ["did=", "did=plc", "did=did:plc", "did=https://ours.net"])
def test_something_else_than_a_did_is_refused(
    server: DnsServer, authorities: LexiconAuthorities, value: str
) -> None:
    server.texts[NAME] = [[value]]

    assert "does not name a DID" in refusal(authorities)


def test_other_texts_are_nothing(server: DnsServer, authorities: LexiconAuthorities) -> None:
    server.texts[NAME] = [["DID=x"], [" did=x"], [DID]]

    assert "there is no TXT record" in refusal(authorities)


def test_no_answer_is_told_apart(server: DnsServer, authorities: LexiconAuthorities) -> None:
    server.rcode = dns.rcode.SERVFAIL
    assert refusal(authorities) == f"no name server answered for {NAME}"
    server.rcode, server.silent = dns.rcode.NOERROR, True
    assert refusal(authorities) == f"no name server answered for {NAME}"


def test_backup_servers_are_asked_next(server: DnsServer) -> None:
    server.texts[NAME] = [[f"did={DID}"]]
    with dns_server() as usual:
        authorities = LexiconAuthorities(
            DnsTxt([usual.address]), backup_dns=DnsTxt([server.address]), timeout_s=0.5
        )
        assert authorities.did_of(DOMAIN) == DID
        usual.rcode = dns.rcode.SERVFAIL
        assert authorities.did_of(DOMAIN) == DID
        server.texts.clear()
        assert "no name server answered" in refusal(authorities)
        assert set(usual.asked) == {NAME}


@pytest.mark.parametrize("domain", ["ours.local", "a.localhost", "ours.test", "ours.invalid"])
def test_names_that_are_never_in_public_dns_are_not_asked_for(
    server: DnsServer, authorities: LexiconAuthorities, domain: str
) -> None:
    assert "not a name in the public DNS" in refusal(authorities, domain)
    assert server.asked == []


def test_name_that_is_too_long_is_a_refusal(authorities: LexiconAuthorities) -> None:
    assert refusal(authorities, ".".join(["a" * 60] * 5))
