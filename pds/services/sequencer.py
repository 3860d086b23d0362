"""The firehose's one order of events: append inside a transaction, deliver after it.

Terms
- seq: an event's number. Given out inside the write transaction, so a rolled-back change uses none.
- ring: the newest frames in memory; the live edge of every subscriber is served from it, with the
  same bytes for all. Everything older is read from the event table.

Tricky bits
- A subscription is nothing but a position. Ring and table are two views of the same order, so
  moving from one to the other can neither lose nor repeat an event.
- Once an account is deleted nothing older of it may be sent again, so the ring starts anew with
  the event that says so; the table forgets the account's events soon after.
- The ring holds consecutive numbers only. When another process (the command line) has appended
  events, the numbers jump: the ring starts anew and subscribers read the gap from the table.
Spec: https://atproto.com/specs/event-stream
"""

from __future__ import annotations

import threading

from pds.atproto.firehose_frames import (
    AccountEvent,
    CommitEvent,
    Event,
    IdentityEvent,
    SyncEvent,
    encode_info,
)
from pds.atproto.syntax.datetime import format_datetime
from pds.errors import FutureCursorError
from pds.services.clock import Clock
from pds.services.slices import Slices
from pds.storage import database, events, server_state

RING_BYTES = 8_000_000
# A subscriber that stops reading pins one batch until it is given up on, and there may be a
# thousand of them.
BATCH_BYTES = 131_072
_PRUNED = "events_pruned_through"


DELETED = "deleted"
"""The status in the last event of an account."""

_KINDS: dict[type[Event], str] = {
    CommitEvent: "commit",
    SyncEvent: "sync",
    IdentityEvent: "identity",
    AccountEvent: "account",
}


class Sequencer:
    """Orders events and wakes subscribers."""

    def __init__(self, clock: Clock, *, retention_us: int, ring_bytes: int = RING_BYTES) -> None:
        self._clock = clock
        self._retention_us = retention_us
        self._ring_bytes = ring_bytes
        self._news = threading.Condition()
        self._ring: list[bytes] = []
        self._ring_size = 0
        self._last_seq = events.last_seq()
        self._stopped = False

    @property
    def last_seq(self) -> int:
        """The number of the newest event that is durable; 0 before the first."""
        return self._last_seq

    def append(self, did: str, event: Event) -> int:
        """Record an event as part of the caller's transaction; return its seq.

        Subscribers are woken only once that transaction has committed, so no one can be told of a
        change that is then rolled back.
        """
        now_us = self._clock()
        seq = events.last_seq() + 1
        frame = event.encode(seq, format_datetime(now_us))
        events.append_event(seq, did, _KINDS[type(event)], now_us, frame)
        starts_anew = isinstance(event, AccountEvent) and event.status == DELETED
        database.after_commit(lambda: self._announce(seq, frame, starts_anew=starts_anew))
        return seq

    def subscribe(self, cursor: int | None) -> Subscription:
        """Start after ``cursor``, or with the next event when there is none.

        Raises:
            FutureCursorError: the cursor is beyond the newest event.
        """
        with self._news:
            last = self._last_seq
        if cursor is None:
            return Subscription(self, last, [])
        if cursor > last:
            raise FutureCursorError
        start = max(cursor, 0)  # a negative one asks for everything, like 0
        pruned = int(server_state.find_value(_PRUNED) or 0)
        opening = []
        if start < pruned:
            opening.append(
                encode_info(
                    "OutdatedCursor", "Requested cursor exceeded limit. Possibly missing events"
                )
            )
        return Subscription(self, start, opening)

    def stop(self) -> None:
        """Wake every subscriber for the last time."""
        with self._news:
            self._stopped = True
            self._news.notify_all()

    def prune(self) -> int:
        """Delete events older than the retention, in slices; return how many."""
        keep_from = events.first_seq_since(self._clock() - self._retention_us)
        if keep_from is None:
            keep_from = self._last_seq + 1

        def delete_some(limit: int) -> int:
            count = events.prune_before(keep_from, limit)
            if count:
                server_state.save_value(_PRUNED, str(keep_from - 1))
            return count

        deleted = Slices(lambda: self._stopped).run(delete_some)
        self._drop_before(keep_from)
        return deleted

    def notice_others(self) -> None:
        """Look for events that another process has appended."""
        stored = events.last_seq()
        with self._news:
            if stored > self._last_seq:
                self._ring.clear()
                self._ring_size = 0
                self._last_seq = stored
                self._news.notify_all()

    def _announce(self, seq: int, frame: bytes, *, starts_anew: bool) -> None:
        with self._news:
            if seq <= self._last_seq:
                return  # notice_others was quicker; the table has it
            if starts_anew or seq != self._last_seq + 1:
                self._ring.clear()
                self._ring_size = 0
            self._ring.append(frame)
            self._ring_size += len(frame)
            self._last_seq = seq
            if self._ring_size > 2 * self._ring_bytes:
                self._trim()
            self._news.notify_all()

    def _drop_before(self, seq: int) -> None:
        """Forget frames that the table no longer has, so that both tell the same."""
        with self._news:
            drop = max(0, seq - (self._last_seq - len(self._ring) + 1))
            self._ring_size -= sum(len(frame) for frame in self._ring[:drop])
            del self._ring[:drop]

    def _trim(self) -> None:
        """Drop the oldest half at once, so that the cost per event stays constant."""
        drop = 0
        while self._ring_size > self._ring_bytes and drop < len(self._ring) - 1:
            self._ring_size -= len(self._ring[drop])
            drop += 1
        del self._ring[:drop]

    def read_after(self, position: int, timeout_s: float) -> tuple[list[bytes], int]:
        """The frames after ``position``, about 128 kB at most, and the position they lead to.

        Waits up to ``timeout_s`` for news; an empty list means there was none.
        """
        with self._news:
            if self._last_seq <= position and not self._stopped:
                self._news.wait(timeout_s)
            last = self._last_seq
            first_in_ring = last - len(self._ring) + 1
            if self._stopped or last <= position:
                return [], position
            if position + 1 >= first_in_ring:
                frames = _up_to(self._ring, position + 1 - first_in_ring, BATCH_BYTES)
                return frames, position + len(frames)
        found = events.frames_between(position, last, BATCH_BYTES)
        # Numbers may be missing at the end of the range: their rows were deleted.
        complete = sum(len(frame) for _, frame in found) < BATCH_BYTES
        return [frame for _, frame in found], last if complete else found[-1][0]

    @property
    def stopped(self) -> bool:
        return self._stopped


class Subscription:
    """One subscriber's place in the order. Used by one thread."""

    def __init__(self, sequencer: Sequencer, position: int, opening_frames: list[bytes]) -> None:
        self._sequencer = sequencer
        self._position = position
        self.opening_frames = opening_frames
        self.is_live = False

    @property
    def behind(self) -> int:
        """How many events are newer than the last one handed out."""
        return max(0, self._sequencer.last_seq - self._position)

    @property
    def stopped(self) -> bool:
        """Whether the server is stopping: no frames will come any more."""
        return self._sequencer.stopped

    def wait_frames(self, timeout_s: float) -> list[bytes]:
        """The next frames in order, about 128 kB at most; empty when nothing came in time."""
        frames, self._position = self._sequencer.read_after(self._position, timeout_s)
        if not frames:
            self._sequencer.notice_others()
        if self._position >= self._sequencer.last_seq:
            self.is_live = True
        return frames

    def close(self) -> None:
        """Give back what the calling thread holds. Call it from the thread that read."""
        database.close_thread_connection()


def _up_to(frames: list[bytes], start: int, max_bytes: int) -> list[bytes]:
    """At least one frame from ``start`` on, more while they fit into ``max_bytes``."""
    size = 0
    end = start
    while end < len(frames) and (end == start or size + len(frames[end]) <= max_bytes):
        size += len(frames[end])
        end += 1
    return frames[start:end]
