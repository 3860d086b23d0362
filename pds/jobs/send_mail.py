"""Send mail as soon as it is queued, in a thread of its own: a slow mail server delays no job."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pds.services import Services


class MailSender:
    """Runs from ``start`` until ``stop``. Once stopped, the services send no more mail."""

    def __init__(self, services: Services) -> None:
        self._outbox = services.outbox
        self._thread = threading.Thread(
            target=self._outbox.send_until_stopped, name="mail", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """Wait at most ``timeout_s`` for the message under way; it is kept and sent again later."""
        self._outbox.stop()
        self._thread.join(timeout_s)
