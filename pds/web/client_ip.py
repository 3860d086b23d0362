"""The caller's address, also behind a reverse proxy.

``X-Forwarded-For`` is a list to which every proxy appends the peer it saw, so only its right end
can be believed, and only as far as trusted proxies wrote it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import lru_cache

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_FORWARDED_CHARS = 1_000
CACHED_PEERS = 4_096


class ClientIp:
    """Finds the caller's address; results are cached because parsing costs more than a lookup."""

    def __init__(self, trusted_proxies: Sequence[Network]) -> None:
        self._trusted = tuple(trusted_proxies)
        self._cached = lru_cache(CACHED_PEERS)(self._find)

    def of(self, peer: str, forwarded_for: str) -> str:
        """The rightmost address that no trusted proxy vouches beyond.

        peer: the other end of the connection. forwarded_for: the header as sent, "" when absent.
        An entry that is not an address ends the walk: nobody can vouch for what precedes it.
        """
        return self._cached(peer, forwarded_for[-MAX_FORWARDED_CHARS:])

    def _find(self, peer: str, forwarded_for: str) -> str:
        address = parse_address(peer)
        if address is None:
            return peer
        entries = forwarded_for.split(",") if forwarded_for else []
        while entries and self._is_trusted(address):
            before = parse_address(entries.pop())
            if before is None:
                break
            address = before
        return str(address)

    def _is_trusted(self, address: Address) -> bool:
        return any(
            address in network for network in self._trusted if network.version == address.version
        )


def parse_address(text: str) -> Address | None:
    """Read an address with or without port, brackets or zone; IPv4 inside IPv6 becomes IPv4."""
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address
