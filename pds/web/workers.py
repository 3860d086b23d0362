"""The threads that run requests, the one that was busy last first.

Calls that are passed on to other services have threads of their own: those wait, mostly, and
however slow the other is, the threads that do the work of this server are free.

waitress wakes the thread that has waited longest, so that even a single client's requests go round
through all of them. Each thread has a database connection with a cache of pages of its own: the
thread that ran the request before has the warm one (a whole-repo export takes half the time on it).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from waitress.task import ThreadedTaskDispatcher


class LastIdleFirst:
    """What waitress uses of a Condition, but waking whoever began to wait last.

    Every method wants ``lock`` held by the caller, as a Condition does.
    """

    def __init__(self, lock: threading.Lock) -> None:
        self._lock = lock
        self._waiting: list[threading.Lock] = []

    def wait(self) -> None:
        """Let go of the lock until notified, then take it again."""
        mine = threading.Lock()
        mine.acquire()
        self._waiting.append(mine)
        self._lock.release()
        try:
            mine.acquire()
        finally:
            self._lock.acquire()

    def notify(self) -> None:
        if self._waiting:
            self._waiting.pop().release()

    def notify_all(self) -> None:
        while self._waiting:
            self.notify()


class Workers(ThreadedTaskDispatcher):  # type: ignore[misc] # waitress is untyped
    """waitress's pool of threads with another order."""

    def __init__(self) -> None:
        super().__init__()
        self.queue_cv = LastIdleFirst(self.lock)


class WaitingWorkers(Workers):
    """A pool for work that mostly waits: threads are started when all others are busy."""

    def __init__(self, max_threads: int) -> None:
        super().__init__()
        self._max_threads = max_threads

    def start_new_thread(self, target: Callable[[int], None], thread_no: int) -> None:
        threading.Thread(
            target=target, name=f"waiting-{thread_no}", args=(thread_no,), daemon=True
        ).start()

    def add_task(self, task: Any) -> None:
        super().add_task(task)
        with self.lock:
            running = len(self.threads)
            is_short = len(self.queue) > running - self.stop_count - self.active_count
        if is_short and running < self._max_threads:
            self.set_thread_count(running + 1)
