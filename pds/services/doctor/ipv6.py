"""Do the IPv6 addresses lead anywhere? Many clients try them first, and some only them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pds.network.dns_txt import DnsError
from pds.services.doctor.certificate import HTTPS
from pds.services.doctor.dns import LANE
from pds.services.doctor.model import Check, Finding, Patient, all_well, not_looked_at

_ANSWERS_WITHIN_S: Final = 5.0


def _look(patient: Patient) -> Sequence[Finding]:
    host = patient.config.hostname
    try:
        addresses = patient.outside.addresses.of(host, _ANSWERS_WITHIN_S)
    except DnsError as error:
        return not_looked_at("ipv6", str(error))
    found = [address for address in addresses if ":" in address]
    if not found:
        return not_looked_at("ipv6", f"{host} has no AAAA record, and needs none")
    reached = {
        address: patient.outside.certificates.reaches(address, HTTPS, _ANSWERS_WITHIN_S)
        for address in found
    }
    if None in reached.values():
        return not_looked_at("ipv6", "this machine has no IPv6")
    dead = [address for address, is_reached in reached.items() if not is_reached]
    if dead:
        text = f"nothing answers at the IPv6 address {dead[0]} of {host}"
        remedy = "let the front server listen on IPv6 and open the firewall, or remove the AAAA"
        return [Finding("ipv6-dead", "bad", text, f"{remedy} record")]
    return all_well("ipv6", f"{', '.join(found)} is reached")


CHECK = Check(
    "ipv6",
    _look,
    limit_s=30.0,
    findings=("ipv6-dead",),
    after=("server", "dns", "certificate"),
    lane=LANE,
    public=True,
)
