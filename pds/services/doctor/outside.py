"""How the doctor asks others: as any client of this server would, with nothing remembered."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field

from pds.network.dns_addresses import DnsAddresses
from pds.network.dns_txt import DnsTxt
from pds.network.guarded_sockets import Resolve, system_resolve, tls_context
from pds.network.http_client import HttpClient
from pds.network.tls_probe import TlsProbe
from pds.network.websocket_probe import WebSocketProbe


@dataclass(slots=True)
class Outside:
    """tls, resolve, nameservers: for tests, other authorities and other name services."""

    tls: ssl.SSLContext = field(default_factory=tls_context)
    resolve: Resolve = system_resolve
    nameservers: Sequence[str] | None = None
    http: HttpClient = field(init=False)
    certificates: TlsProbe = field(init=False)
    websockets: WebSocketProbe = field(init=False)
    texts: DnsTxt = field(init=False)
    addresses: DnsAddresses = field(init=False)

    def __post_init__(self) -> None:
        self.http = HttpClient(allow_private=True, tls=self.tls, resolve=self.resolve)
        self.certificates = TlsProbe(self.tls, self.resolve)
        self.websockets = WebSocketProbe(self.tls, self.resolve)
        self.texts = DnsTxt(self.nameservers)
        self.addresses = DnsAddresses(self.nameservers)

    def close(self) -> None:
        self.http.close()
