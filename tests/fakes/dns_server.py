"""A name server of one's own on 127.0.0.1 that knows TXT and CAA records and addresses."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset


@dataclass
class DnsServer:
    """``texts``: name → values, each a list of pieces. ``silent``: take questions, say nothing.

    ``addresses``: name → IP addresses; ``*.example.com`` is for all names below. ``caa``: name →
    records as in a zone file. ``invented``: the addresses of names that do not exist.
    ``failing``: names, or names with a type as in ``example.com AAAA``, that get SERVFAIL;
    ``forged``: names that do unless signatures are not to be checked.
    """

    port: int = 0
    texts: dict[str, list[list[str]]] = field(default_factory=dict)
    addresses: dict[str, list[str]] = field(default_factory=dict)
    caa: dict[str, list[str]] = field(default_factory=dict)
    invented: list[str] = field(default_factory=list)
    failing: set[str] = field(default_factory=set)
    forged: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    rcode: dns.rcode.Rcode = dns.rcode.NOERROR
    silent: bool = False

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def answer(self, question: bytes) -> bytes | None:
        query = dns.message.from_wire(question)
        name = query.question[0].name.to_text(omit_final_dot=True)
        self.asked.append(name)
        if self.silent:
            return None
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        reply.set_rcode(self._rcode(query, name))
        if reply.rcode() == dns.rcode.NOERROR:
            records = self._records(name, query.question[0].rdtype)
            if records is None:
                reply.set_rcode(dns.rcode.NXDOMAIN)
            elif records:
                kind = query.question[0].rdtype
                reply.answer.append(dns.rrset.from_text(name + ".", 60, "IN", kind, *records))
        return reply.to_wire()

    def _rcode(self, query: dns.message.Message, name: str) -> dns.rcode.Rcode:
        kind = dns.rdatatype.to_text(query.question[0].rdtype)
        is_forged = name in self.forged and not query.flags & dns.flags.CD
        if is_forged or self.failing & {name, f"{name} {kind}"}:
            return dns.rcode.SERVFAIL
        return self.rcode

    def _records(self, name: str, kind: dns.rdatatype.RdataType) -> list[str] | None:
        """As in a zone file; None when there is no such name."""
        if kind == dns.rdatatype.TXT:
            values = self.texts.get(name)
            if values is None:
                return None
            return [" ".join(f'"{piece}"' for piece in value) for value in values]
        if kind == dns.rdatatype.CAA:
            return self.caa.get(name, [])
        if kind not in (dns.rdatatype.A, dns.rdatatype.AAAA):
            return []
        known = self.addresses.get(name) or self.addresses.get(f"*.{name.partition('.')[2]}")
        known = known or self.invented
        if not known:
            return None
        return [one for one in known if (":" in one) == (kind == dns.rdatatype.AAAA)]


@contextmanager
def dns_server() -> Iterator[DnsServer]:
    state = DnsServer()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(0.02)
        state.port = sock.getsockname()[1]
        stopping = threading.Event()

        def serve() -> None:
            while not stopping.is_set():
                try:
                    question, sender = sock.recvfrom(4096)
                except TimeoutError:
                    continue
                reply = state.answer(question)
                if reply is not None:
                    sock.sendto(reply, sender)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield state
        finally:
            stopping.set()
            thread.join()
