"""A name server of one's own on 127.0.0.1 that knows TXT records and addresses."""

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

    ``addresses``: name → IP addresses; ``*.example.com`` is for all names below.
    """

    port: int = 0
    texts: dict[str, list[list[str]]] = field(default_factory=dict)
    addresses: dict[str, list[str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    rcode: dns.rcode.Rcode = dns.rcode.NOERROR
    silent: bool = False

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def answer(self, question: bytes) -> bytes | None:
        query = dns.message.from_wire(question)
        name = query.question[0].name
        self.asked.append(name.to_text(omit_final_dot=True))
        if self.silent:
            return None
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        is_address = query.question[0].rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA)
        if is_address and self.rcode == dns.rcode.NOERROR:
            return self._answer_addresses(query, reply)
        values = self.texts.get(self.asked[-1])
        if self.rcode != dns.rcode.NOERROR:
            reply.set_rcode(self.rcode)
        elif values is None:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        elif values:
            quoted = [" ".join(f'"{piece}"' for piece in value) for value in values]
            reply.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", *quoted))
        return reply.to_wire()

    def _answer_addresses(self, query: dns.message.Message, reply: dns.message.Message) -> bytes:
        name, wildcard = self.asked[-1], f"*.{self.asked[-1].partition('.')[2]}"
        known = self.addresses.get(name) or self.addresses.get(wildcard)
        if known is None:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        else:
            kind = query.question[0].rdtype
            fitting = [one for one in known if (":" in one) == (kind == dns.rdatatype.AAAA)]
            if fitting:
                found = dns.rrset.from_text(query.question[0].name, 60, "IN", kind, *fitting)
                reply.answer.append(found)
        return reply.to_wire()


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
