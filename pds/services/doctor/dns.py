"""Does DNS lead to this server, by its name and by the handles below it?"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Final

from pds.network.dns_txt import DnsError
from pds.network.public_addresses import is_public
from pds.services.doctor.model import Check, Finding, Patient, all_well

LANE: Final = "public name"
_ANSWERS_WITHIN_S: Final = 5.0


def _look(patient: Patient) -> Sequence[Finding]:
    host = patient.config.hostname
    try:
        addresses = patient.outside.addresses.of(host, _ANSWERS_WITHIN_S)
    except DnsError as error:
        remedy = "check this machine's network and /etc/resolv.conf, then try again"
        return [Finding("dns-silent", "bad", f"no name server answers ({error})", remedy)]
    if not addresses:
        found = f"there is no A or AAAA record for {host}"
        remedy = f"where your domain is managed, add: {host} A <the public address of this server>"
        return [Finding("dns-host", "bad", found, remedy)]
    findings = []
    hidden = [address for address in addresses if not is_public(address)]
    if hidden:
        found = f"{host} leads to {', '.join(hidden)}, which nobody outside can reach"
        remedy = (
            "put your public address there (behind a router, its own), unless only your own"
            " network's name server says this: docs/troubleshooting.md#dns-private"
        )
        findings.append(Finding("dns-private", "warn", found, remedy))
    for domain in patient.config.service_handle_domains:
        findings += _wildcard(patient, domain, set(addresses))
    return findings or all_well("dns", f"{host} leads to {', '.join(addresses)}")


def _wildcard(patient: Patient, domain: str, expected: set[str]) -> Sequence[Finding]:
    """Whether a name nobody has set up leads here, too."""
    name = f"doctor-{secrets.token_hex(4)}{domain}"
    try:
        addresses = set(patient.outside.addresses.of(name, _ANSWERS_WITHIN_S))
    except DnsError as error:
        remedy = "try again; if it stays, ask who manages your domain"
        return [Finding("dns-silent", "warn", f"no name server answers ({error})", remedy)]
    if not addresses:
        found = f"there is no wildcard record for *{domain}, so new handles do not work"
        remedy = f"where your domain is managed, add: *{domain} CNAME {patient.config.hostname}"
        return [Finding("dns-wildcard", "warn", found, remedy)]
    if not addresses & expected:
        found = (
            f"*{domain} leads to {', '.join(sorted(addresses))}, the server is at"
            f" {', '.join(sorted(expected))}"
        )
        remedy = f"where your domain is managed, set: *{domain} CNAME {patient.config.hostname}"
        return [Finding("dns-wildcard", "warn", found, remedy)]
    return []


CHECK = Check(
    "dns",
    _look,
    limit_s=45.0,
    findings=("dns-silent", "dns-host", "dns-private", "dns-wildcard"),
    after=("server",),
    lane=LANE,
    public=True,
)
