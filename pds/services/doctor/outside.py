"""How the doctor asks others: as any client of this server would, with nothing remembered."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from pds.network.dns_addresses import DnsAddresses
from pds.network.dns_txt import DnsTxt
from pds.network.guarded_sockets import Resolve, system_resolve, tls_context
from pds.network.http_client import HttpClient
from pds.network.tls_probe import TlsProbe
from pds.network.websocket_probe import WebSocketProbe

PUBLIC_NAMESERVERS: Final = ("1.1.1.1", "9.9.9.9", "2606:4700:4700::1111")
"""Asked only where this network's own say what others cannot see."""


def source_address(address: str) -> str:
    """This machine's own address when it speaks with ``address``; "" when there is no way."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 443))  # sends nothing
            return str(probe.getsockname()[0])
    except OSError:
        return ""


@dataclass(slots=True)
class Outside:
    """tls and all that follow are others in tests."""

    tls: ssl.SSLContext = field(default_factory=tls_context)
    resolve: Resolve = system_resolve
    nameservers: Sequence[str] | None = None
    source_of: Callable[[str], str] = source_address
    public_nameservers: Sequence[str] = PUBLIC_NAMESERVERS
    http: HttpClient = field(init=False)
    certificates: TlsProbe = field(init=False)
    websockets: WebSocketProbe = field(init=False)
    texts: DnsTxt = field(init=False)
    addresses: DnsAddresses = field(init=False)
    addresses_elsewhere: DnsAddresses = field(init=False)

    def __post_init__(self) -> None:
        self.http = HttpClient(allow_private=True, tls=self.tls, resolve=self.resolve)
        self.certificates = TlsProbe(self.tls, self.resolve)
        self.websockets = WebSocketProbe(self.tls, self.resolve)
        self.texts = DnsTxt(self.nameservers)
        self.addresses = DnsAddresses(self.nameservers)
        self.addresses_elsewhere = DnsAddresses(self.public_nameservers)

    def http_at(self, address: str) -> HttpClient:
        """One that finds every name where ``address`` or name is; the caller closes it."""
        return HttpClient(
            allow_private=True,
            tls=self.tls,
            resolve=lambda _host, port: self.resolve(address, port),
        )

    def close(self) -> None:
        self.http.close()
