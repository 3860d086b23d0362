"""What was fetched is kept, shared and bounded; and so are failures."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from pds.errors import InvalidRequestError, UpstreamFailureError
from pds.oauth_errors import OAuthError
from pds.services.look_ups import LookUps, LookUpsBusyError
from pds.services.oauth.fetched_cache import (
    MAX_FAILURES,
    MEMORY_PER_BYTE,
    FetchedCache,
    Keeping,
    Loaded,
)
from tests.factories import StillClock

LIMIT_S = 10
MINUTE_US = 60_000_000
MAX_AGE_US = 10 * MINUTE_US
FAILURE_US = MINUTE_US // 2


@dataclass
class Source:
    """Numbers its answers."""

    asked: list[str] = field(default_factory=list)
    error: Exception | None = None
    size_bytes: int = 10
    before: Callable[[], object] = lambda: None

    def load(self, url: str) -> Loaded[str]:
        self.asked.append(url)
        number = len(self.asked)
        self.before()
        if self.error is not None:
            raise self.error
        return Loaded(f"{url} {number}", self.size_bytes)


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def cache(source: Source, clock: StillClock) -> FetchedCache[str]:
    return FetchedCache(
        source.load, clock, LookUps(8), Keeping(max_memory_bytes=100_000, max_entries=5)
    )


def pass_us(clock: StillClock, microseconds: int) -> None:
    clock.now_us += microseconds


def test_value_is_kept_for_ten_minutes(
    cache: FetchedCache[str], source: Source, clock: StillClock
) -> None:
    first = cache.get("a")
    pass_us(clock, MAX_AGE_US - 1)
    assert cache.get("a") == first == "a 1"
    pass_us(clock, 1)
    assert cache.get("a") == "a 2"
    assert source.asked == ["a", "a"]


def test_who_wants_a_fresh_value_waits_out_its_minute(
    cache: FetchedCache[str], clock: StillClock
) -> None:
    cache.get("a")
    pass_us(clock, MINUTE_US - 1)
    assert cache.get("a", max_age_us=MINUTE_US) == "a 1"
    pass_us(clock, 1)
    assert cache.get("a", max_age_us=MINUTE_US) == "a 2"
    assert cache.get("a", max_age_us=MINUTE_US) == "a 2"
    pass_us(clock, MAX_AGE_US - 1)
    assert cache.get("a") == "a 2"  # counted from when it was fetched anew


def test_failure_is_believed_for_half_a_minute(
    cache: FetchedCache[str], source: Source, clock: StillClock
) -> None:
    source.error = UpstreamFailureError("not there")

    for _ in range(3):
        with pytest.raises(UpstreamFailureError, match="not there"):
            cache.get("a")
    pass_us(clock, FAILURE_US - 1)
    with pytest.raises(UpstreamFailureError, match="not there"):
        cache.get("a")
    assert len(source.asked) == 1
    pass_us(clock, 1)
    source.error = None
    assert cache.get("a") == "a 2"
    assert cache.get("b") == "b 3"


def test_failure_is_told_again_as_it_was(cache: FetchedCache[str], source: Source) -> None:
    source.error = OAuthError.of("odd_name", "words", status=418)

    for _ in range(2):
        with pytest.raises(OAuthError) as caught:
            cache.get("a")
        told = caught.value
        assert (told.error, told.status, told.message) == ("odd_name", 418, "words")


def test_mistakes_of_our_own_are_not_believed(cache: FetchedCache[str], source: Source) -> None:
    source.error = ZeroDivisionError()

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            cache.get("a")
    assert len(source.asked) == 2


def test_to_be_busy_is_no_failure_of_theirs(cache: FetchedCache[str], source: Source) -> None:
    source.error = LookUpsBusyError()  # of a look-up within the fetch

    for _ in range(2):
        with pytest.raises(LookUpsBusyError):
            cache.get("a")
    assert len(source.asked) == 2


def test_value_serves_on_when_a_fresh_one_cannot_be_had(
    cache: FetchedCache[str], source: Source, clock: StillClock
) -> None:
    cache.get("a")
    pass_us(clock, MINUTE_US)
    source.error = UpstreamFailureError("down")

    for _ in range(3):
        assert cache.get("a", max_age_us=MINUTE_US) == "a 1"
    assert len(source.asked) == 2  # and it is not asked at once again
    pass_us(clock, MAX_AGE_US - MINUTE_US)
    with pytest.raises(UpstreamFailureError):  # but never beyond its ten minutes
        cache.get("a")


# --- together -----------------------------------------------------------------------------------


def test_eight_who_want_the_same_cause_one_fetch(clock: StillClock) -> None:
    go, everybody = threading.Event(), threading.Barrier(9)
    source = Source(before=lambda: go.wait(LIMIT_S))
    cache = FetchedCache(source.load, clock, LookUps(8))

    def want() -> str:
        everybody.wait(LIMIT_S)
        return cache.get("a")

    with ThreadPoolExecutor(8) as pool:
        wanted = [pool.submit(want) for _ in range(8)]
        everybody.wait(LIMIT_S)
        while sum(future.running() for future in wanted) < 8:
            pass
        go.set()
        assert {future.result(LIMIT_S) for future in wanted} == {"a 1"}
    assert source.asked == ["a"]


def test_those_who_wait_are_told_of_the_failure_too(clock: StillClock) -> None:
    waiting, go = threading.Semaphore(0), threading.Event()
    source = Source(error=UpstreamFailureError("gone"))

    def before() -> None:
        waiting.release()
        go.wait(LIMIT_S)

    source.before = before
    cache = FetchedCache(source.load, clock, LookUps(8))
    with ThreadPoolExecutor(4) as pool:
        wanted = [pool.submit(cache.get, "a") for _ in range(4)]
        assert waiting.acquire(timeout=LIMIT_S)
        go.set()
        errors = [future.exception(LIMIT_S) for future in wanted]
    assert [str(error) for error in errors] == ["gone"] * 4
    assert len({id(error) for error in errors}) == 4  # each its own: tracebacks do not pile up
    assert source.asked == ["a"]


def test_slow_servers_hold_no_more_than_their_share(clock: StillClock) -> None:
    arrived, go = threading.Semaphore(0), threading.Event()

    def before() -> None:
        arrived.release()
        go.wait(LIMIT_S)

    source = Source()
    cache = FetchedCache(source.load, clock, LookUps(2))
    cache.get("known")
    source.before = before
    with ThreadPoolExecutor(2) as pool:
        slow = [pool.submit(cache.get, url) for url in ("a", "b")]
        for _ in slow:
            assert arrived.acquire(timeout=LIMIT_S)
        for url in ("a", "b", "c"):  # who would only wait is held as well
            with pytest.raises(LookUpsBusyError):
                cache.get(url)
        assert cache.get("known") == "known 1"
        go.set()
        assert {future.result(LIMIT_S)[0] for future in slow} == {"a", "b"}
    assert cache.get("c").startswith("c")  # to have been refused is not remembered


# --- bounds -------------------------------------------------------------------------------------


def test_what_nobody_wanted_for_longest_goes_first(
    cache: FetchedCache[str], source: Source
) -> None:
    for url in "abcde":
        cache.get(url)
    cache.get("a")
    cache.get("f")

    assert len(cache) == 5
    cache.get("a")
    assert len(source.asked) == 6
    cache.get("b")
    assert source.asked[-1] == "b"


def test_memory_is_bounded(cache: FetchedCache[str], source: Source) -> None:
    source.size_bytes = 40_000 // MEMORY_PER_BYTE
    for url in "abcde":
        cache.get(url)
        assert cache.memory_bytes <= 100_000
    assert len(cache) == 2


def test_too_large_for_memory_is_used_and_not_kept(
    cache: FetchedCache[str], source: Source
) -> None:
    cache.get("small")
    source.size_bytes = 200_000 // MEMORY_PER_BYTE

    assert cache.get("large") == "large 2"
    assert cache.get("large") == "large 3"
    source.size_bytes = 1
    assert cache.get("small") == "small 1"


def test_memory_is_given_back(cache: FetchedCache[str], source: Source, clock: StillClock) -> None:
    cache.get("a")
    once = cache.memory_bytes
    pass_us(clock, MAX_AGE_US)
    cache.get("a")
    assert cache.memory_bytes == once
    pass_us(clock, MAX_AGE_US)
    source.error = InvalidRequestError()
    with pytest.raises(InvalidRequestError):
        cache.get("a")
    assert cache.memory_bytes == 0


def test_failures_are_bounded(cache: FetchedCache[str], source: Source) -> None:
    source.error = UpstreamFailureError()
    for number in range(MAX_FAILURES + 1):
        with pytest.raises(UpstreamFailureError):
            cache.get(str(number))
    asked = len(source.asked)
    with pytest.raises(UpstreamFailureError):
        cache.get(str(MAX_FAILURES))
    assert len(source.asked) == asked
    with pytest.raises(UpstreamFailureError):
        cache.get("0")  # the oldest has made room
    assert len(source.asked) == asked + 1
