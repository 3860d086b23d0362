"""Does every address that the name has lead to this server, IPv4 and IPv6?

Clients take one of them; which is theirs to choose. So one that is old or dead is a server that
works for some and not for others. A machine without a public address of that family cannot tell:
behind a router the IPv4 address is the router's, and whether it leads back in from within says
little about what others see.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from pds.network.dns_addresses import DnsError
from pds.network.http_client import FetchError
from pds.network.public_addresses import is_public
from pds.services.doctor.certificate import HTTPS
from pds.services.doctor.dns import LANE
from pds.services.doctor.model import Check, Finding, Patient, all_well, not_looked_at
from pds.services.health import TRUST_US, last_checked_at_us

_ANSWERS_WITHIN_S: Final = 5.0
_MOST: Final = 6

_State = Literal["here", "dead", "other", "no way"]


@dataclass(frozen=True, slots=True)
class _Seen:
    address: str
    state: _State

    @property
    def family(self) -> str:
        return "IPv6" if ":" in self.address else "IPv4"


def _look(patient: Patient) -> Sequence[Finding]:
    host = patient.config.hostname
    try:
        addresses = patient.outside.addresses.of(host, _ANSWERS_WITHIN_S)[:_MOST]
    except DnsError as error:
        return not_looked_at("addresses", str(error))
    seen = [_Seen(address, _state(patient, address)) for address in addresses]
    findings = [_tell(host, one) for one in seen if one.state in ("dead", "other")]
    here = [one.address for one in seen if one.state == "here"]
    if findings or not here:
        return findings or not_looked_at("addresses", "none can be looked at from here")
    not_seen = [one.address for one in seen if one.state != "here"]
    more = f"; not from here: {', '.join(not_seen)}" if not_seen else ""
    return all_well("addresses", f"{', '.join(here)} lead here{more}")


def _tell(host: str, seen: _Seen) -> Finding:
    kind = "AAAA" if seen.family == "IPv6" else "A"
    if seen.state == "other":
        found = f"another server answers at the {seen.family} address {seen.address} of {host}"
        remedy = f"where your domain is managed, set the {kind} record to this server, or remove it"
        return Finding("address-other", "bad", found, remedy)
    found = f"nothing answers at the {seen.family} address {seen.address} of {host}"
    remedy = (
        f"let the front server listen on {seen.family} and open the firewall, or remove the {kind}"
        " record"
    )
    return Finding(f"{seen.family.lower()}-dead", "bad", found, remedy)


def _state(patient: Patient, address: str) -> _State:
    outside = patient.outside
    is_reached = outside.certificates.reaches(address, HTTPS, _ANSWERS_WITHIN_S)
    if is_reached is None:
        return "no way"
    state: _State = "dead"
    if is_reached:
        state = "here" if _is_this_server(patient, address) else "other"
    is_ours_to_judge = is_public(outside.source_of(address))
    return state if state == "here" or is_ours_to_judge else "no way"


def _is_this_server(patient: Patient, address: str) -> bool:
    """Whether the health check that is asked there leaves its trace here."""
    if patient.services is None:
        return True
    before = last_checked_at_us()
    time.sleep(TRUST_US / 1_000_000 + 0.1)
    url = f"{patient.config.public_url}/xrpc/_health"
    http = patient.outside.http_at(address)
    try:
        http.get(url, timeout_s=_ANSWERS_WITHIN_S)
    except FetchError:
        return False
    finally:
        http.close()
    return last_checked_at_us() != before


CHECK = Check(
    "addresses",
    _look,
    limit_s=90.0,
    findings=("ipv4-dead", "ipv6-dead", "address-other"),
    after=("server", "dns", "certificate", "public-name"),
    lane=LANE,
    public=True,
)
