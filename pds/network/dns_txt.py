"""TXT records, and a few others: the system's name servers, or named ones."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from dns.nameserver import Nameserver
    from dns.resolver import Resolver

DNS_PORT = 53


class DnsError(Exception):
    """Nobody answered, or with an error: it is not known whether there are records."""


class DnsFailedError(DnsError):
    """Name servers answered, and with an error."""


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
    checks_signatures: whether name servers are to keep back what is not signed as it should be.
    """

    def __init__(
        self, nameservers: Sequence[str] | None = None, *, checks_signatures: bool = True
    ) -> None:
        self._nameservers = nameservers
        self._checks_signatures = checks_signatures

    def texts(self, name: str, timeout_s: float) -> list[str]:
        answer = self._ask(name, "TXT", timeout_s)
        return [b"".join(item.strings).decode("utf-8", "replace") for item in answer]

    def addresses(self, name: str, kind: Literal["A", "AAAA"], timeout_s: float) -> list[str]:
        """The addresses at ``name``; none when there are none. Raises DnsError."""
        return [str(item.address) for item in self._ask(name, kind, timeout_s)]

    def name_servers(self, name: str, timeout_s: float) -> list[str]:
        """The name servers of the zone ``name``, "" being the root. Raises DnsError."""
        return [str(item.target) for item in self._ask(name, "NS", timeout_s)]

    def caa(self, name: str, timeout_s: float) -> list[tuple[str, str]]:
        """Tags and values of the CAA records at ``name`` itself. Raises DnsError."""
        return [
            (item.tag.decode("ascii", "replace"), item.value.decode("utf-8", "replace"))
            for item in self._ask(name, "CAA", timeout_s)
        ]

    def _ask(self, name: str, kind: str, timeout_s: float) -> list[Any]:
        # Here, not above: dnspython costs a tenth of the start-up time and is rarely needed first.
        import dns.exception
        import dns.rcode
        import dns.resolver

        try:
            answer = self._resolver().resolve(f"{name}.", kind, lifetime=timeout_s, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except dns.resolver.NoNameservers as error:
            answers = [answer for *_, answer in error.kwargs["errors"] if answer is not None]
            message = f"no {kind} answer for {name}"
            if not answers:  # none of them could be reached
                raise DnsError(message) from error
            message += f", but {dns.rcode.to_text(answers[-1].rcode())}"
            raise DnsFailedError(message) from error
        except (dns.exception.DNSException, OSError) as error:
            message = f"no {kind} answer for {name}"
            raise DnsError(message) from error
        return list(answer)

    def _resolver(self) -> Resolver:
        """Made anew for each question: the system's name servers change while a server runs."""
        import dns.flags
        import dns.resolver

        resolver = dns.resolver.Resolver(configure=self._nameservers is None)
        if self._nameservers is not None:
            resolver.nameservers = self._named
        if not self._checks_signatures:
            resolver.flags = dns.flags.RD | dns.flags.CD
        return resolver

    @cached_property
    def _named(self) -> list[Nameserver | str]:
        import dns.nameserver

        return [
            dns.nameserver.Do53Nameserver(address, port)
            for server in self._nameservers or ()
            for address, port in _addresses(*_split(server))
        ]


def _split(server: str) -> tuple[str, int]:
    host, colon, port = server.rpartition(":")
    if colon and port.isdigit() and (":" not in host or host.endswith("]")):
        return host.strip("[]"), int(port)
    return server.strip("[]"), DNS_PORT


def _addresses(host: str, port: int) -> list[tuple[str, int]]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    return [(str(sockaddr[0]), port) for _, _, _, _, sockaddr in found]
