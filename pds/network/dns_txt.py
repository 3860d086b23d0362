"""TXT records: the system's name servers, or named ones."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from dns.resolver import Resolver

DNS_PORT = 53


class DnsError(Exception):
    """Nobody answered, or with an error: it is not known whether there are records."""


class TxtLookup(Protocol):
    """Something that knows TXT records."""

    def texts(self, name: str, timeout_s: float) -> list[str]:
        """The values at ``name``, the pieces of each joined; none when there are none.

        Raises:
            DnsError: no answer.
        """


class DnsTxt:
    """TXT records by DNS.

    nameservers: "host", "host:port" or "[v6]:port"; None is what the system is configured with.
        Host names among them are looked up once, at first use.
    """

    def __init__(self, nameservers: Sequence[str] | None = None) -> None:
        self._nameservers = nameservers

    def texts(self, name: str, timeout_s: float) -> list[str]:
        answer = self._ask(name, "TXT", timeout_s)
        return [b"".join(item.strings).decode("utf-8", "replace") for item in answer]

    def addresses(self, name: str, kind: Literal["A", "AAAA"], timeout_s: float) -> list[str]:
        """The addresses at ``name``; none when there are none. Raises DnsError."""
        return [str(item.address) for item in self._ask(name, kind, timeout_s)]

    def _ask(self, name: str, kind: str, timeout_s: float) -> list[Any]:
        # Here, not above: dnspython costs a tenth of the start-up time and is rarely needed first.
        import dns.exception
        import dns.resolver

        try:
            answer = self._resolver.resolve(f"{name}.", kind, lifetime=timeout_s, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError) as error:
            message = f"no {kind} answer for {name}"
            raise DnsError(message) from error
        return list(answer)

    @cached_property
    def _resolver(self) -> Resolver:
        import dns.nameserver
        import dns.resolver

        if self._nameservers is None:
            return dns.resolver.Resolver()
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers = [
            dns.nameserver.Do53Nameserver(address, port)
            for server in self._nameservers
            for address, port in _addresses(*_split(server))
        ]
        return resolver


def _split(server: str) -> tuple[str, int]:
    host, colon, port = server.rpartition(":")
    if colon and port.isdigit() and (":" not in host or host.endswith("]")):
        return host.strip("[]"), int(port)
    return server.strip("[]"), DNS_PORT


def _addresses(host: str, port: int) -> list[tuple[str, int]]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    return [(str(sockaddr[0]), port) for _, _, _, _, sockaddr in found]
