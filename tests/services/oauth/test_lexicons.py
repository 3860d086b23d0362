"""The way from the name of a Lexicon to the record, and everything that may be wrong on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pds.atproto import dag_cbor
from pds.atproto.car import write_car
from pds.atproto.cid import cid_for_cbor
from pds.atproto.crypto.keypair import PrivateKey
from pds.atproto.syntax.nsid import Nsid
from pds.config import Config
from pds.network.dns_txt import DnsTxt
from pds.network.guarded_sockets import Address
from pds.network.http_client import HttpClient
from pds.network.lexicon_authority import LexiconAuthorities
from pds.network.remote_records import RemoteRecords
from pds.services import Services
from pds.services.oauth.lexicons import Lexicons, Sources, UnknownLexiconError
from tests.factories import Person, make_config, take_down
from tests.fakes.dns_server import DnsServer, dns_server
from tests.fakes.lexicon_publisher import COLLECTION, Publisher, permission_set, publisher
from tests.fakes.web_server import Asked, Route, client, web_server
from tests.repo_methods import repo_call

NSID = Nsid("net.ours.calendar.auth")
NAME = "_lexicon.calendar.ours.net"
DOCUMENT = permission_set(NSID)
PATH = f"{COLLECTION}/{NSID}"


@pytest.fixture
def dns() -> Iterator[DnsServer]:
    with dns_server() as running:
        yield running


@pytest.fixture
def author(services: Services, dns: DnsServer) -> Iterator[Publisher]:
    with publisher(services) as found:
        dns.texts[NAME] = [[f"did={found.did}"]]
        found.publish(DOCUMENT)
        yield found


@pytest.fixture
def http() -> Iterator[HttpClient]:
    with client() as made:
        yield made


@pytest.fixture
def lexicons(services: Services, dns: DnsServer, http: HttpClient) -> Lexicons:
    return lexicons_of(services, dns, http, services.config)


def lexicons_of(services: Services, dns: DnsServer, http: HttpClient, config: Config) -> Lexicons:
    authorities = LexiconAuthorities(DnsTxt([dns.address]), timeout_s=1.0)
    remote = RemoteRecords(http, timeout_s=1.0)
    return Lexicons(config, Sources(authorities, remote, services.identity, services.records))


def refusal(lexicons: Lexicons, nsid: str = NSID) -> str:
    with pytest.raises(UnknownLexiconError) as caught:
        lexicons.resolve(Nsid(nsid))
    return caught.value.message


def test_record_is_found_by_its_name(lexicons: Lexicons, author: Publisher, dns: DnsServer) -> None:
    assert lexicons.resolve(NSID) == {"$type": COLLECTION, **DOCUMENT}
    assert dns.asked == [NAME]
    assert author.times_asked == 1


def test_one_authority_can_be_set_for_all(
    services: Services, author: Publisher, dns: DnsServer, http: HttpClient
) -> None:
    config = make_config(services.config.data_directory, lexicon_authority_did=author.did)
    author.publish(permission_set("com.elsewhere.auth"))

    lexicons = lexicons_of(services, dns, http, config)
    assert lexicons.resolve(Nsid("com.elsewhere.auth"))["id"] == "com.elsewhere.auth"
    assert dns.asked == []


# --- what may be wrong --------------------------------------------------------------------------


def test_nobody_speaks_for_it(lexicons: Lexicons) -> None:
    assert refusal(lexicons) == f"there is no TXT record did=… at {NAME}"


def test_did_that_does_not_resolve(lexicons: Lexicons, dns: DnsServer) -> None:
    dns.texts[NAME] = [["did=did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"]]

    assert "Could not resolve DID" in refusal(lexicons)


def test_record_that_is_absent(lexicons: Lexicons, author: Publisher) -> None:
    del author.repo.records[PATH]

    assert refusal(lexicons) == "the proof of the record is not good: there is no such record"


def test_server_that_refuses(lexicons: Lexicons, author: Publisher) -> None:
    author.server.otherwise = lambda _asked: (400, {}, b'{"error": "RepoTakendown"}')

    assert refusal(lexicons) == "127.0.0.1 answered with status 400"


def test_server_that_is_gone(services: Services, lexicons: Lexicons, dns: DnsServer) -> None:
    with publisher(services) as found:
        dns.texts[NAME] = [[f"did={found.did}"]]

    assert "could not be reached" in refusal(lexicons)


def test_proof_by_another_key(lexicons: Lexicons, author: Publisher) -> None:
    author.repo.key = PrivateKey.generate()

    assert "the signature does not verify" in refusal(lexicons)


def test_other_record_in_its_place(lexicons: Lexicons, author: Publisher) -> None:
    other = dag_cbor.encode({**DOCUMENT, "$type": COLLECTION, "id": "net.ours.calendar.more"})

    def swapped(_asked: Asked) -> Route:
        blocks = [*author.blocks(PATH)[:-1], (cid_for_cbor(other), other)]
        return 200, {}, write_car([blocks[0][0]], blocks)

    author.server.otherwise = swapped
    assert "a block on the way to the record is missing" in refusal(lexicons)


def test_missing_block(lexicons: Lexicons, author: Publisher) -> None:
    def without_node(_asked: Asked) -> Route:
        commit, _root, *others = author.blocks(PATH)
        return 200, {}, write_car([commit[0]], [commit, *others])

    author.server.otherwise = without_node
    assert "a block on the way to the record is missing" in refusal(lexicons)


def test_repo_of_somebody_else(services: Services, lexicons: Lexicons, author: Publisher) -> None:
    with publisher(services) as other:
        other.publish(DOCUMENT)

        def others_proof(_asked: Asked) -> Route:
            blocks = other.blocks(PATH)
            return 200, {}, write_car([blocks[0][0]], blocks)

        author.server.otherwise = others_proof
        assert "the commit is of another repo" in refusal(lexicons)


def test_document_without_a_key_or_a_server(
    services: Services, lexicons: Lexicons, author: Publisher
) -> None:
    author.change_did(services, pds="ftp://ours.net", key=author.repo.key)

    assert "names no server, or no key" in refusal(lexicons)


# --- changes of the DID document ----------------------------------------------------------------


def test_new_key_is_noticed(services: Services, lexicons: Lexicons, author: Publisher) -> None:
    lexicons.resolve(NSID)  # the document is remembered
    author.repo.key = PrivateKey.generate()
    author.change_did(services, pds=author.server.url, key=author.repo.key)

    assert lexicons.resolve(NSID)["id"] == NSID


def test_move_to_another_server_is_noticed(
    services: Services, lexicons: Lexicons, author: Publisher
) -> None:
    lexicons.resolve(NSID)
    with web_server() as new_home:
        new_home.otherwise = author.answer
        author.server.otherwise = lambda _asked: (404, {}, b"moved")
        author.change_did(services, pds=new_home.url, key=author.repo.key)

        assert lexicons.resolve(NSID)["id"] == NSID


# --- where requests may not go ------------------------------------------------------------------


@pytest.mark.parametrize(
    "pds",
    [
        None,  # http://127.0.0.1, where it really is
        "https://127.0.0.1",
        "https://10.0.0.1",
        "https://[::1]",
        "https://[::ffff:127.0.0.1]",
        "https://169.254.169.254",
        "https://pds.ours.net",  # the name leads inside
    ],
)
def test_server_inside_is_not_asked(services: Services, dns: DnsServer, pds: str | None) -> None:
    with publisher(services, pds) as found:
        dns.texts[NAME] = [[f"did={found.did}"]]
        found.publish(DOCUMENT)
        with client(allow_private=False, resolve=found.server.resolve) as strangers:
            message = refusal(lexicons_of(services, dns, strangers, services.config))
        assert found.server.connections == 0

    assert "has no public address" in message or "can only be asked over https" in message


# --- at home here -------------------------------------------------------------------------------


def publish_here(services: Services, person: Person, nsid: str) -> None:
    record = {"$type": COLLECTION, **permission_set(nsid)}
    repo_call(services, person, "putRecord", collection=COLLECTION, rkey=nsid, record=record)


def test_account_of_this_server_is_read_without_the_network(
    services: Services, dns: DnsServer, alice: Person
) -> None:
    dns.texts[NAME] = [[f"did={alice.did}"]]
    publish_here(services, alice, NSID)

    with client(resolve=nowhere) as http:
        lexicons = lexicons_of(services, dns, http, services.config)
        assert lexicons.resolve(NSID)["defs"] == DOCUMENT["defs"]
        take_down(alice)
        assert refusal(lexicons) == f"{alice.did}, which is at home here, has not published it"


def test_handles_below_test_speak_for_their_lexicons(
    services: Services, dns: DnsServer, lexicons: Lexicons, alice: Person, bob: Person
) -> None:
    for nsid in ("test.alice.auth", "test.alice.calendar.auth"):
        publish_here(services, alice, nsid)
        assert lexicons.resolve(Nsid(nsid))["id"] == nsid
    publish_here(services, bob, "test.alice.other.auth")

    assert "has not published it" in refusal(lexicons, "test.alice.other.auth")
    assert "no account of this server" in refusal(lexicons, "test.nobody.auth")
    assert dns.asked == []


def test_handles_below_test_are_nothing_on_a_public_server(
    services: Services, dns: DnsServer, http: HttpClient, alice: Person
) -> None:
    publish_here(services, alice, "test.alice.auth")
    config = make_config(services.config.data_directory, hostname="pds.ours.net")

    message = refusal(lexicons_of(services, dns, http, config), "test.alice.auth")
    assert message == "alice.test is not a name in the public DNS"


def nowhere(host: str, _port: int) -> list[Address]:
    raise AssertionError(f"{host} was looked up")
