"""Where a session was begun: what its owner may recognise it by."""

from __future__ import annotations

from dataclasses import dataclass

MAX_USER_AGENT_LENGTH = 256
MAX_IP_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Device:
    """``user_agent`` is the program's own word, so it proves nothing."""

    user_agent: str | None = None
    ip: str | None = None


UNKNOWN_DEVICE = Device()


def seen_device(user_agent: str | None, ip: str | None) -> Device:
    """A device as it shows itself, cut to what is kept: printable and not too long."""
    return Device(_cut(user_agent, MAX_USER_AGENT_LENGTH), _cut(ip, MAX_IP_LENGTH))


def _cut(text: str | None, length: int) -> str | None:
    if not text:
        return None
    return "".join(char for char in text[:length] if char.isprintable()).strip() or None
