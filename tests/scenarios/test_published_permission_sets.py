"""Permission sets published on another Hearth, as a member's server finds them.

Asks that server over HTTP, its directory for the DID, and a name server for the authority.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pds.atproto.oauth.scopes.granted import ScopeSet
from pds.atproto.oauth.scopes.permission_set import expand
from pds.config import Config
from pds.jobs.refresh_permission_sets import refresh_permission_sets
from pds.network.dns_txt import DnsTxt
from pds.network.lexicon_authority import LexiconAuthorities
from pds.network.remote_records import RemoteRecords
from pds.oauth_errors import InvalidScopeError
from pds.services import Services
from pds.services.look_ups import LookUps
from pds.services.oauth.lexicons import Lexicons, Sources
from pds.services.oauth.permission_sets import PermissionSets
from tests.factories import StillClock, make_config
from tests.fakes.dns_server import dns_server
from tests.fakes.lexicon_publisher import COLLECTION, permission_set
from tests.fakes.web_server import client
from tests.server_process import Account, ServerProcess

pytestmark = pytest.mark.slow

NSID = "net.ours.calendar.auth"
CALENDAR = {"type": "permission", "resource": "repo", "collection": ["net.ours.calendar.event"]}
MEETINGS = {
    "type": "permission",
    "resource": "rpc",
    "lxm": ["net.ours.calendar.meet"],
    "inheritAud": True,
}
SCOPES = ScopeSet.parse(f"atproto include:{NSID}?aud=did:web:api.ours.net%23calendar")


@pytest.fixture(scope="module")
def author(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with ServerProcess(tmp_path_factory.mktemp("author") / "data") as server:
        yield server.create_account("author")


@pytest.fixture
def config(tmp_path: Path, author: Account) -> Config:
    return make_config(tmp_path, did_plc_url=author.server.url)


def publish(author: Account, *permissions: dict[str, Any]) -> None:
    record = {"$type": COLLECTION, **permission_set(NSID, *permissions)}
    body = {"repo": author.did, "collection": COLLECTION, "rkey": NSID, "record": record}
    author.server.post("com.atproto.repo.putRecord", body, token=author.token)


def withdraw(author: Account) -> None:
    body = {"repo": author.did, "collection": COLLECTION, "rkey": NSID}
    author.server.post("com.atproto.repo.deleteRecord", body, token=author.token)


def scopes_found(sets: PermissionSets) -> str:
    return str(expand(SCOPES, sets.of(SCOPES)))


def test_set_is_found_by_dns_followed_and_served_on(
    services: Services, author: Account, clock: StillClock
) -> None:
    publish(author, CALENDAR)
    with dns_server() as dns, client() as http:
        authorities = LexiconAuthorities(DnsTxt([dns.address]), timeout_s=1.0)
        sources = Sources(authorities, RemoteRecords(http), services.identity, services.records)
        sets = PermissionSets(Lexicons(services.config, sources), LookUps(2), clock)
        with pytest.raises(InvalidScopeError, match=r"no TXT record did=… at _lexicon\.calendar"):
            sets.of(SCOPES)
        clock.advance(60)
        dns.texts["_lexicon.calendar.ours.net"] = [[f"did={author.did}"]]
        assert scopes_found(sets) == "atproto repo:net.ours.calendar.event"

        publish(author, CALENDAR, MEETINGS)
        clock.advance(3_600)
        assert scopes_found(sets) == (
            "atproto repo:net.ours.calendar.event"
            " rpc:net.ours.calendar.meet?aud=did:web:api.ours.net%23calendar"
        )

        withdraw(author)
        clock.advance(3_600)
        assert "net.ours.calendar.meet" in scopes_found(sets)
        clock.advance(90 * 86_400)
        with pytest.raises(InvalidScopeError, match="there is no such record"):
            sets.of(SCOPES)


def test_whole_server_takes_all_sets_from_one_authority(
    tmp_path: Path, open_database: Path, author: Account, clock: StillClock
) -> None:
    from pds.services import build_services

    del open_database
    publish(author, CALENDAR)
    config = make_config(tmp_path, did_plc_url=author.server.url, lexicon_authority_did=author.did)
    services = build_services(config, clock)
    try:
        sets = services.oauth.permission_sets
        assert scopes_found(sets) == "atproto repo:net.ours.calendar.event"
        publish(author, MEETINGS)
        clock.advance(3_600)
        refresh_permission_sets(services)
        assert "meet" in str(expand(SCOPES, sets.cached(SCOPES)))
        with pytest.raises(InvalidScopeError, match="no such record"):
            sets.of(ScopeSet.parse("include:net.ours.unknown.auth"))
    finally:
        services.close()
