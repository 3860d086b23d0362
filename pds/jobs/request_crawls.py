"""Tell relays of news, in a thread of its own: a relay that hangs delays no job."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pds.services import Services


class CrawlRequester:
    """Runs from ``start`` until ``stop``."""

    def __init__(self, services: Services) -> None:
        self._requests = services.crawl_requests
        self._thread = threading.Thread(
            target=self._requests.run_until_stopped, name="relays", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float = 1.0) -> None:
        """Wait at most ``timeout_s`` for the relay being asked; its answer does not matter."""
        self._requests.stop()
        self._thread.join(timeout_s)
