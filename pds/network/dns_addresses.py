"""Address records as name servers tell them: what the machine's own hosts file says is left out."""

from __future__ import annotations

from collections.abc import Sequence

from pds.network.dns_txt import DnsError, DnsTxt


class DnsAddresses:
    """A and AAAA records. nameservers: as of ``DnsTxt``."""

    def __init__(self, nameservers: Sequence[str] | None = None) -> None:
        self._servers = DnsTxt(nameservers)

    def of(self, name: str, timeout_s: float) -> list[str]:
        """The addresses of ``name``, IPv4 first; none when there are none.

        Raises:
            DnsError: no answer.
        """
        return [
            address
            for kind in ("A", "AAAA")
            for address in self._servers.addresses(name, kind, timeout_s)
        ]


__all__ = ["DnsAddresses", "DnsError"]
