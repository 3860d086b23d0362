"""Telling relays: when, how often, and what happens when one does not answer."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import pytest

from pds.atproto.firehose_frames import IdentityEvent
from pds.errors import UpstreamFailureError
from pds.services.crawl_requests import DELAYS_S, CrawlReport, CrawlRequests
from pds.services.sequencer import Sequencer
from pds.storage.database import transaction
from tests.factories import StillClock, make_config

pytestmark = pytest.mark.usefixtures("open_database")

ALICE = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
MINUTE_S = 60


class FakeRelay:
    """Notes what it is told; fails with whatever ``errors`` holds next."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.told: list[str] = []
        self.errors: list[Exception] = []
        self.was_told = threading.Event()

    def request_crawl(self, hostname: str) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.told.append(hostname)
        self.was_told.set()


class Relays(dict[str, FakeRelay]):
    def at(self, url: str) -> FakeRelay:
        return self.setdefault(url, FakeRelay(url))


@pytest.fixture
def sequencer(clock: StillClock) -> Sequencer:
    return Sequencer(clock, retention_us=10**12)


@pytest.fixture
def relays() -> Relays:
    return Relays()


@pytest.fixture
def requests(
    tmp_path: Path, relays: Relays, sequencer: Sequencer, clock: StillClock
) -> CrawlRequests:
    config = make_config(
        tmp_path,
        hostname="pds.example.com",
        crawlers="https://one.example.com,https://two.example.com",
    )
    return CrawlRequests(config, relays.at, sequencer, clock)


@pytest.fixture
def one(requests: CrawlRequests, relays: Relays) -> FakeRelay:
    del requests
    return relays["https://one.example.com"]


@pytest.fixture
def two(requests: CrawlRequests, relays: Relays) -> FakeRelay:
    del requests
    return relays["https://two.example.com"]


def happen(sequencer: Sequencer) -> None:
    with transaction():
        sequencer.append(ALICE, IdentityEvent(ALICE, "alice.test"))


def test_nobody_is_told_of_nothing(requests: CrawlRequests, one: FakeRelay) -> None:
    requests.run_due()

    assert one.told == []


def test_first_event_after_a_start_is_told_to_all(
    requests: CrawlRequests, sequencer: Sequencer, one: FakeRelay, two: FakeRelay
) -> None:
    happen(sequencer)
    requests.run_due()
    requests.run_due()

    assert (one.told, two.told) == (["pds.example.com"], ["pds.example.com"])


def test_what_happens_meanwhile_is_told_when_twenty_minutes_are_over(
    requests: CrawlRequests, sequencer: Sequencer, one: FakeRelay, clock: StillClock
) -> None:
    happen(sequencer)
    requests.run_due()
    for _ in range(19):
        clock.advance(MINUTE_S)
        happen(sequencer)
        requests.run_due()
    assert len(one.told) == 1

    clock.advance(MINUTE_S)
    requests.run_due()
    assert len(one.told) == 2
    clock.advance(60 * MINUTE_S)
    requests.run_due()
    assert len(one.told) == 2  # nothing has happened since


def test_relay_that_fails_is_asked_again_with_growing_pauses(
    requests: CrawlRequests,
    sequencer: Sequencer,
    one: FakeRelay,
    two: FakeRelay,
    clock: StillClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    one.errors = [UpstreamFailureError("one.example.com answered with status 500")] * 6
    happen(sequencer)
    pauses = []
    requests.run_due()
    while one.errors:
        waited, left = 0, len(one.errors)
        while len(one.errors) == left:
            clock.advance(MINUTE_S)
            waited += MINUTE_S
            requests.run_due()
        pauses.append(waited)
    assert pauses == [*DELAYS_S, DELAYS_S[-1]]
    assert len(two.told) == 1

    clock.advance(DELAYS_S[-1])
    requests.run_due()
    assert len(one.told) == 1
    said = [record.message for record in caplog.records]
    assert said == [
        "the relay https://one.example.com was not told of news: one.example.com answered with"
        " status 500; it is tried again",
        "the relay https://one.example.com answers again",
    ]


def test_a_bug_with_one_relay_does_not_keep_others_from_being_told(
    requests: CrawlRequests, sequencer: Sequencer, one: FakeRelay, two: FakeRelay
) -> None:
    one.errors = [ZeroDivisionError()]
    happen(sequencer)
    requests.run_due()

    assert len(two.told) == 1


def test_events_before_the_start_are_no_news(
    sequencer: Sequencer, clock: StillClock, tmp_path: Path, relays: Relays
) -> None:
    happen(sequencer)
    config = make_config(tmp_path, crawlers="https://one.example.com")
    CrawlRequests(config, relays.at, sequencer, clock).run_due()

    assert relays["https://one.example.com"].told == []


def test_operator_asks_any_relay_and_hears_what_it_said(
    requests: CrawlRequests, relays: Relays
) -> None:
    relays.at("https://three.example.com").errors = [UpstreamFailureError("no")]

    assert requests.request(["three.example.com", "http://127.0.0.1:9"]) == [
        CrawlReport("https://three.example.com", "no"),
        CrawlReport("http://127.0.0.1:9", None),
    ]
    assert requests.request() == [
        CrawlReport("https://one.example.com", None),
        CrawlReport("https://two.example.com", None),
    ]


def test_thread_tells_of_events_of_other_processes_and_stops(
    requests: CrawlRequests,
    one: FakeRelay,
    two: FakeRelay,
    clock: StillClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pds.services.crawl_requests.LOOK_EVERY_S", 0.01)
    thread = threading.Thread(target=requests.run_until_stopped)
    thread.start()
    happen(Sequencer(clock, retention_us=10**12))

    assert one.was_told.wait(5)
    assert two.was_told.wait(5)
    requests.stop()
    thread.join(5)
    assert not thread.is_alive()


def test_without_relays_there_is_nothing_to_wait_for(
    tmp_path: Path, relays: Relays, sequencer: Sequencer, clock: StillClock
) -> None:
    requests = CrawlRequests(make_config(tmp_path), relays.at, sequencer, clock)

    requests.run_until_stopped()  # returns
    assert requests.request() == []
