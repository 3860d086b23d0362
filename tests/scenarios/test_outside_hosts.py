"""Every place where somebody outside gives this server a host name to ask: none leads inside.

A new place belongs into ``PLACES``: OAuth clients will be one.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pds.atproto import plc
from pds.atproto.crypto.keypair import PrivateKey
from pds.atproto.service_auth import create_service_token
from pds.network import guarded_sockets
from pds.network.dns_txt import DnsError, DnsTxt
from pds.services import build_services
from tests.factories import Person, StillClock, make_account, make_config
from tests.fakes.plc_directory import FakePlcDirectory
from tests.fakes.web_server import web_server
from tests.stage import Stage, open_stage
from tests.web.harness import Answer

if TYPE_CHECKING:
    from pds.services import Services

OUTSIDE = "outside.example.org"
DID_WEB = f"did:web:{OUTSIDE}"
SEARCH = "app.bsky.feed.searchPosts"
ADDRESSES = (
    "127.0.0.1",
    "10.1.2.3",
    "100.64.0.1",
    "169.254.169.254",
    "192.168.1.1",
    "::1",
    "fe80::1",
    "fd00::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
)


@dataclass
class Site:
    """A server at a public name. ``leads_to``: what every name outside resolves to."""

    services: Services
    stage: Stage
    directory: FakePlcDirectory
    alice: Person
    directory_port: int
    leads_to: str = ADDRESSES[0]
    looked_up: list[str] = field(default_factory=list)
    contacted: set[tuple[str, int]] = field(default_factory=set)

    def get(self, path: str, **headers: str) -> Answer:
        return self.stage.web.get(f"/xrpc/{path}", **headers)

    def passed_on(self, to: str) -> Answer:
        token = f"Bearer {self.alice.access_jwt}"
        return self.get(SEARCH, Authorization=token, atproto_proxy=to)

    def by_stranger(self, nsid: str, body: dict[str, Any]) -> Answer:
        """Called with a service token whose issuer is the did:web outside."""
        token = create_service_token(
            iss=DID_WEB,
            aud=self.services.config.service_did,
            lxm=nsid,
            key=PrivateKey.generate(),
            now=self.services.clock() // 1_000_000,
            jti="1",
        )
        return self.stage.web.post_json(f"/xrpc/{nsid}", body, Authorization=f"Bearer {token}")

    def did_with_service_at(self, endpoint: str) -> str:
        """A did:plc in the directory that has a service ``#feeds`` there."""
        key = PrivateKey.generate()
        did, first = plc.build_genesis(
            rotation_keys=[key.did_key],
            signing_key=key.did_key,
            handle="dora.example.org",
            pds_endpoint="https://pds.example.org",
            signer=key,
        )
        services = {"feeds": {"type": "Feeds", "endpoint": endpoint}}
        second = plc.build_update(first, signer=key, services=services)
        self.directory.logs[did] = [
            plc.LogEntry(did, operation, str(plc.operation_cid(operation)), False, 0)
            for operation in (first, second)
        ]
        return did


@pytest.fixture
def site(
    tmp_path: Path, clock: StillClock, open_database: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    del open_database
    directory = FakePlcDirectory()
    with web_server() as server:
        server.otherwise = directory.answer
        config = make_config(
            tmp_path,
            hostname="pds.example.com",
            did_plc_url=server.url,
            invite_required="false",
            rate_limits_enabled="false",
        )
        services = build_services(config, clock)
        alice = make_account(services, "alice", handle="alice.pds.example.com")
        with open_stage(services) as stage:
            made = Site(services, stage, directory, alice, server.port)
            _watch(made, monkeypatch)
            yield made
        services.close()


def _watch(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the place of the name services, and note who is contacted."""
    system, connect = socket.getaddrinfo, guarded_sockets._open

    def look_up(host: str, port: int, *rest: Any, **named: Any) -> Any:
        if not host.endswith(".example.org"):
            return system(host, port, *rest, **named)
        site.looked_up.append(host)
        family = socket.AF_INET6 if ":" in site.leads_to else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (site.leads_to, port))]

    def note(family: Any, address: Any, share_s: float) -> Any:
        site.contacted.add(address[:2])
        return connect(family, address, share_s)

    def no_record(_dns: DnsTxt, name: str, _timeout_s: float) -> list[str]:
        raise DnsError(name)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(guarded_sockets, "_open", note)
    monkeypatch.setattr(DnsTxt, "texts", no_record)


NEVER_LOOKED_UP = "the handle of a new account"

# Who gives the name, and how: each must be refused in the words of its method.
PLACES: dict[str, tuple[Callable[[Site], Answer], tuple[int, str]]] = {
    "the DID in atproto-proxy": (
        lambda site: site.passed_on(f"{DID_WEB}#feeds"),
        (400, "InvalidRequest"),
    ),
    "a service in the document of atproto-proxy": (
        lambda site: site.passed_on(f"{site.did_with_service_at(f'https://{OUTSIDE}')}#feeds"),
        (502, "UpstreamFailure"),
    ),
    "resolveDid": (
        lambda site: site.get(f"com.atproto.identity.resolveDid?did={DID_WEB}"),
        (502, "UpstreamFailure"),
    ),
    "resolveIdentity of a DID": (
        lambda site: site.get(f"com.atproto.identity.resolveIdentity?identifier={DID_WEB}"),
        (502, "UpstreamFailure"),
    ),
    "resolveIdentity of a handle": (
        lambda site: site.get(f"com.atproto.identity.resolveIdentity?identifier={OUTSIDE}"),
        (400, "HandleNotFound"),
    ),
    "refreshIdentity": (
        lambda site: site.stage.post(
            "com.atproto.identity.refreshIdentity", {"identifier": DID_WEB}, by=site.alice
        ),
        (502, "UpstreamFailure"),
    ),
    "resolveHandle": (
        lambda site: site.get(f"com.atproto.identity.resolveHandle?handle={OUTSIDE}"),
        (400, "InvalidRequest"),
    ),
    "updateHandle": (
        lambda site: site.stage.post(
            "com.atproto.identity.updateHandle", {"handle": OUTSIDE}, by=site.alice
        ),
        (400, "InvalidRequest"),
    ),
    NEVER_LOOKED_UP: (
        lambda site: site.stage.post(
            "com.atproto.server.createAccount",
            {"handle": OUTSIDE, "email": "a@example.com", "password": "a password"},
        ),
        (400, "UnsupportedDomain"),
    ),
    "the issuer of a token, to move in": (
        lambda site: site.by_stranger(
            "com.atproto.server.createAccount",
            {"handle": "dora.pds.example.com", "did": DID_WEB, "email": "d@example.com"},
        ),
        (400, "UnresolvableDid"),
    ),
    "the issuer of a token, to reserve a key": (
        lambda site: site.by_stranger("com.atproto.server.reserveSigningKey", {"did": DID_WEB}),
        (400, "UnresolvableDid"),
    ),
}


@pytest.mark.parametrize("place", PLACES)
def test_no_name_from_outside_leads_inside(site: Site, place: str) -> None:
    ask, expected = PLACES[place]
    for address in ADDRESSES:
        site.leads_to = address
        answer = ask(site)

        assert answer.error[:2] == expected, address
    assert len(site.looked_up) == (0 if place == NEVER_LOOKED_UP else len(ADDRESSES))
    assert site.contacted <= {("127.0.0.1", site.directory_port)}


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://outside.example.org",
        "https://127.0.0.1",
        "https://2130706433",
        "https://[::1]",
        "https://[::ffff:10.0.0.1]",
        "https://169.254.169.254:443",
        "https://localhost",
    ],
)
def test_no_service_at_an_inner_address_is_asked(site: Site, endpoint: str) -> None:
    did = site.did_with_service_at(endpoint)
    site.leads_to = "127.0.0.1"

    assert site.passed_on(f"{did}#feeds").error[:2] == (502, "UpstreamFailure")
    assert site.contacted <= {("127.0.0.1", site.directory_port)}
