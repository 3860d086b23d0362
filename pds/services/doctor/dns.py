"""Does DNS lead to this server, by its name and by the handles below it?"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Final

from pds.network.dns_addresses import Addresses, DnsError, DnsFailedError
from pds.network.public_addresses import is_public
from pds.services.doctor.model import Check, Finding, Outcome, Patient, all_well

LANE: Final = "public name"
_ANSWERS_WITHIN_S: Final = 5.0


def _look(patient: Patient) -> Sequence[Finding]:
    host = patient.config.hostname
    try:
        seen = patient.outside.addresses.look(host, _ANSWERS_WITHIN_S)
    except DnsError as error:
        return [_silence(patient, host, error, "bad")]
    addresses = _believed(patient, seen.found)
    if not addresses:
        found = f"there is no A or AAAA record for {host}{_instead(seen)}"
        remedy = f"where your domain is managed, add: {host} A <the public address of this server>"
        return [Finding("dns-host", "bad", found, remedy)]
    findings = [*_half(host, seen), *_hidden(patient, addresses)]
    for domain in patient.config.service_handle_domains:
        findings += _wildcard(patient, domain, set(addresses))
        if findings and findings[-1].name in ("dns-silent", "dns-domain", "dns-dnssec"):
            break  # others would be waited for as long
    return findings or all_well("dns", f"{host} leads to {', '.join(addresses)}")


def _wildcard(patient: Patient, domain: str, expected: set[str]) -> Sequence[Finding]:
    """Whether a name nobody has set up leads here, too."""
    name = f"doctor-{secrets.token_hex(4)}{domain}"
    try:
        seen = patient.outside.addresses.look(name, _ANSWERS_WITHIN_S)
    except DnsError as error:
        return [_silence(patient, f"*{domain}", error, "warn", asked=name)]
    addresses = set(seen.found)
    if addresses & expected:
        return _half(f"*{domain}", seen)
    if not addresses or not _believed(patient, seen.found):
        found = (
            f"there is no wildcard record for *{domain}, so new handles do not work{_instead(seen)}"
        )
        remedy = f"where your domain is managed, add: *{domain} CNAME {patient.config.hostname}"
        return [Finding("dns-wildcard", "warn", found, remedy)]
    found = (
        f"*{domain} leads to {', '.join(sorted(addresses))}, the server is at"
        f" {', '.join(sorted(expected))}"
    )
    remedy = f"where your domain is managed, set: *{domain} CNAME {patient.config.hostname}"
    return [Finding("dns-wildcard", "warn", found, remedy)]


def _believed(patient: Patient, addresses: Sequence[str]) -> Sequence[str]:
    """None if a name that does not exist leads there, too: some providers invent answers."""
    if not addresses:
        return addresses
    try:
        name = f"doctor-{secrets.token_hex(6)}.com"
        invented = patient.outside.addresses.of(name, _ANSWERS_WITHIN_S)
    except DnsError:
        return addresses
    return () if set(addresses) <= set(invented) else addresses


def _instead(seen: Addresses) -> str:
    if not seen.found:
        return ""
    invented = ", ".join(seen.found)
    return f" (your name server answers {invented} for every name that does not exist)"


def _half(name: str, seen: Addresses) -> list[Finding]:
    if not seen.unknown:
        return []
    found = f"the name servers of {name} fail when they are asked for its {seen.unknown[0]} record"
    return [Finding("dns-domain", "warn", found, _TELL)]


def _hidden(patient: Patient, addresses: Sequence[str]) -> list[Finding]:
    """Private addresses are right where only the home's own name server tells them."""
    hidden = [address for address in addresses if not is_public(address)]
    if not hidden:
        return []
    host = patient.config.hostname
    found = f"{host} leads to {', '.join(hidden)}, which nobody outside can reach"
    remedy = (
        "put your public address there (behind a router, its own), unless only your own"
        " network's name server says this: docs/troubleshooting.md#dns-private"
    )
    try:
        elsewhere = patient.outside.addresses_elsewhere.of(host, _ANSWERS_WITHIN_S)
    except DnsError:
        return [Finding("dns-private", "warn", found, remedy)]
    if elsewhere and all(is_public(address) for address in elsewhere):
        return []
    told = ", ".join(elsewhere) or "nothing"
    found += f" (name servers elsewhere say: {told})"
    remedy = "where your domain is managed, put your public address there: behind a router, its own"
    return [Finding("dns-private", "bad", found, remedy)]


_TELL: Final = "whoever manages your domain can tell: docs/troubleshooting.md#dns-domain"


def _silence(
    patient: Patient, name: str, error: DnsError, outcome: Outcome, asked: str | None = None
) -> Finding:
    """Nothing is known of ``name``: is it the domain, or are name servers out of reach?"""
    addresses = patient.outside.addresses
    is_answer = isinstance(error, DnsFailedError)
    if is_answer and addresses.is_forged(asked or name, _ANSWERS_WITHIN_S):
        found = f"DNSSEC of {name} is broken, so most name servers refuse to say where it is"
        remedy = (
            "sign the domain anew where it is managed, or remove the DS record at the registrar:"
            " docs/troubleshooting.md#dns-dnssec"
        )
        return Finding("dns-dnssec", outcome, found, remedy)
    if addresses.answers_at_all(_ANSWERS_WITHIN_S):
        what = "answer with an error" if is_answer else "do not answer"
        found = f"the name servers of {name} {what} ({error})"
        return Finding("dns-domain", outcome, found, _TELL)
    remedy = "check this machine's network and /etc/resolv.conf, then try again"
    return Finding("dns-silent", outcome, f"no name server answers ({error})", remedy)


CHECK = Check(
    "dns",
    _look,
    limit_s=60.0,
    findings=(
        "dns-silent",
        "dns-domain",
        "dns-dnssec",
        "dns-host",
        "dns-private",
        "dns-wildcard",
    ),
    after=("server",),
    lane=LANE,
    public=True,
)
