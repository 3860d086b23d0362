"""Tell relays that there is news here, so that they come, or come back, and read the firehose.

Each relay is told at most every twenty minutes: at the first event after a start, and whenever
there was an event since it was last told. One that does not answer is asked again with growing
pauses. Nothing of this happens in a request; ``run_until_stopped`` is for a thread of its own.
Spec: https://atproto.com/specs/sync#relay-discovery-of-hosts
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from pds.config import Config
from pds.errors import UpstreamFailureError
from pds.network.http_client import HttpClient
from pds.network.relay import Relay
from pds.services.clock import Clock
from pds.services.sequencer import Sequencer
from pds.storage import database

logger = logging.getLogger("pds.relays")

_SECOND_US = 1_000_000
EVERY_US = 20 * 60 * _SECOND_US
DELAYS_S = (60, 300, 900, 3_600)  # after the first failure, the second, …; the last one repeats
LOOK_EVERY_S = 2.0


class RelayLike(Protocol):
    """A relay as it is needed here."""

    base_url: str

    def request_crawl(self, hostname: str) -> None:
        """Raises UpstreamFailureError."""


@dataclass(slots=True)
class _Turn:
    """Where one relay stands: it knows of the events up to ``told_seq``."""

    relay: RelayLike
    told_seq: int
    next_us: int = 0
    failures: int = 0


@dataclass(frozen=True, slots=True)
class CrawlReport:
    """What became of asking one relay. ``problem`` is None when it said yes."""

    relay: str
    problem: str | None


class CrawlRequests:
    """Knows the relays and when each may be told next."""

    def __init__(
        self,
        config: Config,
        relay_at: Callable[[str], RelayLike],
        sequencer: Sequencer,
        clock: Clock,
    ) -> None:
        """relay_at: the relay with that base URL."""
        self._hostname = config.hostname
        self._relay_at = relay_at
        self._sequencer = sequencer
        self._clock = clock
        self._turns = [_Turn(relay_at(url), sequencer.last_seq) for url in config.crawlers]
        self._stop = threading.Event()

    def stop(self) -> None:
        """Tell nobody anything more."""
        self._stop.set()

    def run_until_stopped(self) -> None:
        """Tell each relay as soon as it is due. For a thread of its own."""
        if not self._turns:
            return
        try:
            seen = self._sequencer.last_seq
            while not self._stop.wait(LOOK_EVERY_S):
                if self._sequencer.last_seq == seen:  # quiet here: has another process been busy?
                    self._sequencer.notice_others()
                seen = self._sequencer.last_seq
                self.run_due()
        finally:
            database.close_thread_connection()

    def run_due(self) -> None:
        """Tell the relays that are to be told now."""
        for turn in self._turns:
            newest = self._sequencer.last_seq
            if newest > turn.told_seq and self._clock() >= turn.next_us and not self._stop.is_set():
                self._tell(turn, newest)

    def request(self, hosts: Sequence[str] = ()) -> list[CrawlReport]:
        """Ask these relays now (names, or addresses), or those in the settings; what each said."""
        asked = [self._relay_at(_base_url(host)) for host in hosts]
        asked = asked or [turn.relay for turn in self._turns]
        return [CrawlReport(relay.base_url, self._ask(relay)) for relay in asked]

    def _tell(self, turn: _Turn, newest: int) -> None:
        problem = self._ask(turn.relay)
        if problem is None:
            if turn.failures:
                logger.info("the relay %s answers again", turn.relay.base_url)
            turn.told_seq, turn.failures = newest, 0
            turn.next_us = self._clock() + EVERY_US
            return
        delay_s = DELAYS_S[min(turn.failures, len(DELAYS_S) - 1)]
        if not turn.failures:
            logger.warning(
                "the relay %s was not told of news: %s; it is tried again",
                turn.relay.base_url,
                problem,
            )
        turn.failures += 1
        turn.next_us = self._clock() + delay_s * _SECOND_US

    def _ask(self, relay: RelayLike) -> str | None:
        """Why ``relay`` did not agree to come; None when it did."""
        try:
            relay.request_crawl(self._hostname)
        except UpstreamFailureError as error:
            return str(error)
        except Exception:
            logger.exception("asking the relay %s failed", relay.base_url)
            return "a bug, see the log"
        return None


def _base_url(host: str) -> str:
    return host if "://" in host else f"https://{host}"


def relay_cursors(config: Config) -> list[int]:
    """Up to which of our events each of the configured relays has read, as far as they answer."""
    client = HttpClient(allow_private=True)
    found = []
    try:
        for url in config.crawlers:
            try:
                status = Relay(url, client).host_status(config.hostname)
            except UpstreamFailureError as error:
                logger.warning("%s does not say how far it has read: %s", url, error)
                continue
            if status is not None and status.seq is not None:
                found.append(status.seq)
    finally:
        client.close()
    return found
