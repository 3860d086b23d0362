"""Permission sets: kept, looked at again, served on, and forgotten."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from pds.atproto.oauth.scopes.granted import ScopeSet
from pds.atproto.oauth.scopes.permission_set import PermissionSet
from pds.atproto.syntax.nsid import Nsid
from pds.oauth_errors import InvalidScopeError, TemporarilyUnavailableError
from pds.services.look_ups import LookUps, LookUpsBusyError
from pds.services.oauth import permission_sets as module
from pds.services.oauth.lexicons import Lexicons, UnknownLexiconError
from pds.services.oauth.permission_sets import (
    FAILURE_US,
    IN_USE_US,
    MAX_DOCUMENT_CHARS,
    MAX_IN_REQUEST,
    PermissionSets,
)
from pds.storage import database, permission_sets
from pds.storage.database import close_thread_connection, transaction
from tests.factories import StillClock
from tests.fakes.lexicon_publisher import permission_set

pytestmark = pytest.mark.usefixtures("open_database")

HOUR_US = 3_600_000_000
REFRESH_US = HOUR_US
MAX_AGE_US = 90 * 24 * HOUR_US
NSID = "net.ours.calendar.auth"
LIMIT_S = 10


@dataclass
class Published:
    """Lexicons that can be had; an exception in place of a document is raised."""

    documents: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    gate: threading.Event | None = None

    def put(self, *nsids: str, **main: Any) -> None:
        for nsid in nsids:
            self.documents[nsid] = permission_set(nsid, **main)

    def resolve(self, nsid: Nsid) -> Any:
        self.asked.append(nsid)
        if self.gate is not None:
            assert self.gate.wait(LIMIT_S)
        found = self.documents.get(nsid, UnknownLexiconError("nowhere to be found"))
        if isinstance(found, Exception):
            raise found
        return found


@pytest.fixture
def published() -> Published:
    lexicons = Published()
    lexicons.put(NSID)
    return lexicons


@pytest.fixture
def sets(published: Published, clock: StillClock) -> PermissionSets:
    return sets_of(published, clock)


def sets_of(published: Published, clock: StillClock, at_once: int = 8) -> PermissionSets:
    return PermissionSets(cast("Lexicons", published), LookUps(at_once), clock)


def include(*nsids: str) -> ScopeSet:
    return ScopeSet.parse(" ".join(["atproto", *(f"include:{nsid}" for nsid in nsids)]))


def title_of(sets: dict[str, PermissionSet], nsid: str = NSID) -> str | None:
    return sets[nsid].title.best([])


def refusal(sets: PermissionSets, *nsids: str) -> str:
    with pytest.raises(InvalidScopeError) as caught:
        sets.of(include(*nsids))
    assert caught.value.error == "invalid_scope"
    return caught.value.message


def pass_us(clock: StillClock, microseconds: int) -> None:
    clock.now_us += microseconds


# --- finding ------------------------------------------------------------------------------------


def test_sets_are_found_by_their_names(sets: PermissionSets, published: Published) -> None:
    published.put("net.ours.notes.auth", title="Notes")

    found = sets.of(include(NSID, "net.ours.notes.auth"))

    assert set(found) == {NSID, "net.ours.notes.auth"}
    assert title_of(found, "net.ours.notes.auth") == "Notes"
    (scope,) = found[NSID].scopes(None)
    assert str(scope) == "repo:net.ours.calendar.event"
    assert sets.of(ScopeSet.parse("atproto repo:*")) == {}


def test_one_set_for_several_services_is_looked_for_once(
    sets: PermissionSets, published: Published
) -> None:
    scopes = f"include:{NSID}?aud=did:web:a.net%23x include:{NSID}?aud=did:web:b.net%23x"

    assert set(sets.of(ScopeSet.parse(scopes))) == {NSID}
    assert published.asked == [NSID]


def test_titles_are_in_the_readers_language(sets: PermissionSets, published: Published) -> None:
    published.put(NSID, **{"title:lang": {"de": "Kalender"}})

    title = sets.of(include(NSID))[NSID].title
    assert (title.best(["de-AT", "en"]), title.best(["en"])) == ("Kalender", "Calendar")


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (UnknownLexiconError("there is no TXT record"), "there is no TXT record"),
        (permission_set("net.ours.calendar.more"), f"id: must be {NSID}"),
        ({**permission_set(NSID), "lexicon": 2}, "lexicon: must be the number 1"),
        ({"lexicon": 1, "id": NSID, "defs": {"main": {"type": "token"}}}, "permission-set"),
        ([], "document: must be an object"),
        (permission_set(NSID, detail="x" * MAX_DOCUMENT_CHARS), "the document is too large"),
    ],
)
def test_set_that_cannot_be_had_makes_the_scope_invalid(
    sets: PermissionSets, published: Published, document: Any, told: str
) -> None:
    published.documents[NSID] = document

    message = refusal(sets, NSID)

    assert message.startswith(f"include:{NSID}: ")
    assert told in message
    assert sets.cached(include(NSID)) == {}


def test_sets_of_a_request_are_limited(sets: PermissionSets, published: Published) -> None:
    names = [f"net.ours.a{number}.auth" for number in range(MAX_IN_REQUEST + 1)]
    published.put(*names)

    assert "more than 20" in refusal(sets, *names)
    assert published.asked == []
    assert len(sets.of(include(*names[1:]))) == MAX_IN_REQUEST


def test_time_of_a_request_is_limited(
    sets: PermissionSets, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"net.ours.a{number}.auth" for number in range(3)]
    published.put(*names)
    monkeypatch.setattr(module, "REQUEST_S", -1.0)

    with pytest.raises(TemporarilyUnavailableError, match="too long"):
        sets.of(include(*names))


# --- how often ----------------------------------------------------------------------------------


def test_set_is_looked_at_again_after_an_hour(
    sets: PermissionSets, published: Published, clock: StillClock
) -> None:
    sets.of(include(NSID))
    published.put(NSID, title="New")
    pass_us(clock, REFRESH_US - 1)
    assert title_of(sets.of(include(NSID))) == "Calendar"
    pass_us(clock, 1)
    assert title_of(sets.of(include(NSID))) == "New"
    assert len(published.asked) == 2


def test_set_outlives_a_restart(published: Published, clock: StillClock) -> None:
    sets_of(published, clock).of(include(NSID))

    assert title_of(sets_of(published, clock).of(include(NSID))) == "Calendar"
    assert len(published.asked) == 1


def test_set_that_is_not_understood_any_more_is_looked_for(
    sets: PermissionSets, published: Published, clock: StillClock
) -> None:
    """As after an update that reads documents more strictly."""
    with transaction():
        permission_sets.save(NSID, '{"lexicon": 1}', clock())

    assert sets.cached(include(NSID)) == {}
    assert title_of(sets.of(include(NSID))) == "Calendar"
    assert set(sets.cached(include(NSID))) == {NSID}


def test_set_serves_on_for_90_days(
    sets: PermissionSets, published: Published, clock: StillClock
) -> None:
    sets.of(include(NSID))
    published.documents.clear()
    pass_us(clock, MAX_AGE_US - 1)
    for _ in range(3):
        assert title_of(sets.of(include(NSID))) == "Calendar"
        assert set(sets.cached(include(NSID))) == {NSID}
    assert len(published.asked) == 2  # once more, and then not for a minute
    pass_us(clock, 1)
    assert "nowhere to be found" in refusal(sets, NSID)
    assert sets.cached(include(NSID)) == {}


def test_failure_is_believed_for_a_minute(
    sets: PermissionSets, published: Published, clock: StillClock
) -> None:
    published.documents.clear()
    for _ in range(3):
        refusal(sets, NSID)
    assert len(published.asked) == 1
    published.put(NSID)
    pass_us(clock, FAILURE_US)
    assert set(sets.of(include(NSID))) == {NSID}


def test_many_who_want_the_same_have_it_looked_for_once(
    published: Published, clock: StillClock
) -> None:
    published.gate = threading.Event()
    sets = sets_of(published, clock)

    def want() -> set[str]:
        try:
            return set(sets.of(include(NSID)))
        finally:
            close_thread_connection()

    with ThreadPoolExecutor(4) as pool:
        wanted = [pool.submit(want) for _ in range(4)]
        published.gate.set()
        assert [future.result(LIMIT_S) for future in wanted] == [{NSID}] * 4
    assert published.asked == [NSID]


def test_to_be_busy_is_no_failure_of_the_set(published: Published, clock: StillClock) -> None:
    look_ups = LookUps(1)
    sets = PermissionSets(cast("Lexicons", published), look_ups, clock)
    with look_ups.turn(), pytest.raises(TemporarilyUnavailableError):
        sets.of(include(NSID))
    published.documents[NSID] = LookUpsBusyError()
    with pytest.raises(TemporarilyUnavailableError):
        sets.of(include(NSID))
    published.put(NSID)
    assert set(sets.of(include(NSID))) == {NSID}
    pass_us(clock, REFRESH_US)
    with look_ups.turn():
        assert set(sets.of(include(NSID))) == {NSID}  # an old one is better than none


def test_pages_and_refreshes_ask_nobody(
    sets: PermissionSets, published: Published, clock: StillClock
) -> None:
    assert sets.cached(include(NSID)) == {}
    sets.of(include(NSID))
    pass_us(clock, 10 * REFRESH_US)
    assert set(sets.cached(include(NSID, "net.ours.unknown.auth"))) == {NSID}
    assert len(published.asked) == 1


# --- in the background, and bounds --------------------------------------------------------------


def test_sets_in_use_are_looked_at_before_anybody_waits(
    sets: PermissionSets, published: Published, clock: StillClock
) -> None:
    sets.of(include(NSID))
    published.put(NSID, title="New")
    pass_us(clock, REFRESH_US // 2 - 1)
    assert sets.refresh_in_use() == 0
    pass_us(clock, 2)
    assert sets.refresh_in_use() == 1
    assert title_of(sets.cached(include(NSID))) == "New"
    assert sets.refresh_in_use() == 0


def test_failed_refresh_leaves_the_set_and_the_others(
    sets: PermissionSets, published: Published, clock: StillClock
) -> None:
    published.put("net.ours.notes.auth")
    sets.of(include(NSID, "net.ours.notes.auth"))
    del published.documents[NSID]
    published.put("net.ours.notes.auth", title="New")
    pass_us(clock, 2 * REFRESH_US)

    assert sets.refresh_in_use() == 2
    found = sets.cached(include(NSID, "net.ours.notes.auth"))
    assert (title_of(found), title_of(found, "net.ours.notes.auth")) == ("Calendar", "New")


def test_sets_nobody_needs_are_left_alone_and_then_forgotten(
    sets: PermissionSets, published: Published, clock: StillClock
) -> None:
    sets.of(include(NSID))
    sets.refresh_in_use()
    pass_us(clock, IN_USE_US + 1)
    assert sets.refresh_in_use() == 0
    assert len(published.asked) == 1
    sets.cached(include(NSID))  # a token is refreshed
    assert sets.refresh_in_use() == 1
    assert len(published.asked) == 2
    pass_us(clock, MAX_AGE_US + 1)
    sets.refresh_in_use()
    assert database.rows("SELECT nsid FROM permission_set") == []


def test_only_what_was_found_is_kept_and_not_too_much_of_it(
    sets: PermissionSets,
    published: Published,
    clock: StillClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_KEPT", 3)
    for number in range(5):
        pass_us(clock, 1)
        sets.cached(include(NSID))
        name = f"net.strangers.a{number}.auth"
        published.put(name)
        sets.of(include(name, NSID))
        refusal(sets, f"net.strangers.absent{number}.auth")

    kept = {nsid for (nsid,) in database.rows("SELECT nsid FROM permission_set")}
    assert len(kept) == 3
    assert NSID in kept


def test_job_does_not_take_for_ever(
    sets: PermissionSets,
    published: Published,
    clock: StillClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    published.put("net.ours.notes.auth")
    sets.of(include(NSID, "net.ours.notes.auth"))
    pass_us(clock, REFRESH_US)
    monkeypatch.setattr(module, "JOB_S", -1.0)

    assert sets.refresh_in_use() == 0
    assert len(published.asked) == 2
