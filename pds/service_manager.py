"""Tell systemd, where it started us, that we are ready, alive, or about to end.

Spec: sd_notify(3): one datagram of NAME=value lines to the socket that $NOTIFY_SOCKET names.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Mapping

logger = logging.getLogger("pds.service_manager")

SIGNS_PER_LIMIT = 3  # so often within the time after which the watchdog would end us


class ServiceManager:
    """What started this process, as far as it wants to be told. Without one all calls do nothing.

    A message that cannot be delivered is dropped: serving matters more than telling of it.
    """

    def __init__(
        self, environ: Mapping[str, str], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._address = _socket_address(environ.get("NOTIFY_SOCKET", ""))
        self._monotonic = monotonic
        self._sign_every_s = _watchdog_limit_s(environ) / SIGNS_PER_LIMIT
        self._last_sign_s = float("-inf")

    def ready(self) -> None:
        """Requests are taken from now on."""
        self._tell("READY=1")

    def alive(self) -> None:
        """The caller still turns. Call it as often as you like; most calls cost nothing."""
        if not self._sign_every_s or not self._address:
            return
        now_s = self._monotonic()
        if now_s - self._last_sign_s >= self._sign_every_s:
            self._last_sign_s = now_s
            self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        """No more requests are taken."""
        self._tell("STOPPING=1")

    def _tell(self, message: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
                out.setblocking(False)
                out.sendto(message.encode(), self._address)
        except OSError as error:
            logger.warning("systemd could not be told %s: %s", message, error)


def _socket_address(name: str) -> str:
    """Nothing for an address of a kind that is not served here (vsock)."""
    if name.startswith("@"):
        return "\0" + name[1:]  # an abstract socket
    return name if name.startswith("/") else ""


def _watchdog_limit_s(environ: Mapping[str, str]) -> float:
    """How long we may be silent, in seconds; 0 if nobody counts, or not for this process."""
    limit_us, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not limit_us.isdecimal() or (pid and pid != str(os.getpid())):
        return 0.0
    return int(limit_us) / 1_000_000
