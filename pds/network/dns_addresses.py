"""What name servers say of a name, for who looks whether it is right.

What the machine's own hosts file says is left out: others do not see it. systemd-resolved answers
from that file as well, so where it stands in between, the servers are asked that it would ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pds.network.dns_txt import DnsError, DnsFailedError, DnsTxt

RESOLV_CONF: Final = Path("/etc/resolv.conf")
BEHIND_RESOLVED: Final = Path("/run/systemd/resolve/resolv.conf")

Kind = Literal["A", "AAAA"]


@dataclass(frozen=True, slots=True)
class Addresses:
    """found: IPv4 first. unknown: the kinds of records that nobody could tell of."""

    found: tuple[str, ...]
    unknown: tuple[Kind, ...] = ()


class DnsAddresses:
    """Address records, and what goes with them. nameservers: as of ``DnsTxt``."""

    def __init__(self, nameservers: Sequence[str] | None = None) -> None:
        self._nameservers = _past_hosts_file() if nameservers is None else nameservers
        self._servers = DnsTxt(self._nameservers)

    def of(self, name: str, timeout_s: float) -> list[str]:
        """The addresses of ``name``, IPv4 first; none when there are none.

        Raises:
            DnsError: no answer.
        """
        return list(self.look(name, timeout_s).found)

    def look(self, name: str, timeout_s: float) -> Addresses:
        """The addresses of ``name``, and what could not be learnt.

        Raises:
            DnsError: nothing could.
        """
        found: list[str] = []
        unknown: list[Kind] = []
        errors: list[DnsError] = []
        for kind in ("A", "AAAA"):
            try:
                found += self._servers.addresses(name, kind, timeout_s)
            except DnsError as error:
                unknown.append(kind)
                errors.append(error)
        if len(errors) == 2:
            raise errors[0]
        return Addresses(tuple(found), tuple(unknown))

    def is_forged(self, name: str, timeout_s: float) -> bool:
        """Whether there is an answer once signatures (DNSSEC) are not checked."""
        unchecked = DnsTxt(self._nameservers, checks_signatures=False)
        try:
            unchecked.addresses(name, "A", timeout_s)
        except DnsError:
            return False
        return True

    def answers_at_all(self, timeout_s: float) -> bool:
        """Whether name servers answer when they are asked for what all know: the root."""
        try:
            self._servers.name_servers("", timeout_s)
        except DnsError:
            return False
        return True

    def issuers(self, name: str, timeout_s: float) -> tuple[str, list[str] | None]:
        """Who may make certificates for ``name``: the name that decides, and authorities.

        None is for everybody. Spec: RFC 8659 §3

        Raises:
            DnsError: no answer.
        """
        while "." in name:
            records = self._servers.caa(name, timeout_s)
            if records:
                allowed = [
                    value.partition(";")[0].strip().lower()
                    for tag, value in records
                    if tag.lower() == "issue"
                ]
                return name, allowed or None
            name = name.partition(".")[2]
        return name, None


def _past_hosts_file() -> list[str] | None:
    """Those that systemd-resolved asks; None when it does not stand in between."""
    if _named_in(RESOLV_CONF) != ["127.0.0.53"]:
        return None
    return _named_in(BEHIND_RESOLVED) or None


def _named_in(file: Path) -> list[str]:
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [
        words[1] for line in lines if (words := line.split())[:1] == ["nameserver"] and words[1:]
    ]


__all__ = ["Addresses", "DnsAddresses", "DnsError", "DnsFailedError"]
