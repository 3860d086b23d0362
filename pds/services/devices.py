"""Where a session was begun: what its owner may recognise it by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from pds.services.program_names import program_name
from pds.services.rate_limits import address_block

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


def is_among(device: Device, addresses: Iterable[str | None]) -> bool:
    """Whether the device is at one of these addresses, or next to it as IPv6 counts that."""
    block = address_block(device.ip or "")
    return any(address_block(address or "") == block for address in addresses)


def describe(device: Device, now_us: int) -> str:
    """When and from where, as a sentence for the owner of an account."""
    when = datetime.fromtimestamp(now_us / 1_000_000, UTC).strftime("%Y-%m-%d at %H:%M UTC")
    program = program_name(device.user_agent)
    return f"It was on {when}, from the address {device.ip or 'unknown'}, with {program}."


def _cut(text: str | None, length: int) -> str | None:
    if not text:
        return None
    return "".join(char for char in text[:length] if char.isprintable()).strip() or None
