"""Does every member's handle lead to the account?

Both ways are looked at, DNS and the handle's own web address: where they contradict each other, it
depends on the program which account it finds.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from pds.atproto.syntax.did import is_did
from pds.network.dns_txt import DnsError
from pds.network.handle_resolver import MAX_DNS_HANDLE
from pds.network.http_client import FetchError, HttpClient
from pds.services.doctor.dns import LANE
from pds.services.doctor.members import active_members, out_of
from pds.services.doctor.model import Check, Finding, Patient, all_well
from pds.services.doctor.side_by_side import side_by_side
from pds.storage.accounts import AccountRow

MOST: Final = 200
_ANSWERS_WITHIN_S: Final = 5.0
_ORDERED_WITHIN_S: Final = 20.0  # a certificate that is ordered when somebody first asks
_WITHIN_S: Final = 60.0
_MOST_NAMED: Final = 3
_MOST_SHOWN_CHARS: Final = 80


@dataclass(frozen=True, slots=True)
class _Answer:
    """What one way says of a handle: DIDs, or why there is none."""

    dids: tuple[str, ...] = ()
    problem: str = ""
    remedy: str = ""


def _look(patient: Patient) -> Sequence[Finding]:
    members, total = active_members(MOST)
    named = [member for member in members if member.handle]
    with closing(_ours(patient)) as ours:
        found = side_by_side(lambda member: _judge(patient, member, ours), named, _WITHIN_S)
    findings = _gathered([one for _, findings in found for one in findings])
    total -= len(members) - len(named)
    return findings or all_well(
        "handles", f"{out_of(len(found), total)} handles lead to their accounts"
    )


def _gathered(findings: list[Finding]) -> list[Finding]:
    """One for all of this server's own handles when many are lost: they are so together."""
    ours = [one for one in findings if (one.name, one.outcome) == ("handle-lost", "bad")]
    if len(ours) <= _MOST_NAMED:
        return findings
    others = [one for one in findings if one not in ours]
    found = f"{len(ours)} handles of this server lead nowhere; for one, {ours[0].found}"
    return [*others, Finding("handle-lost", "bad", found, ours[0].remedy)]


@dataclass(frozen=True, slots=True)
class _Ours:
    """How handles of this server are reached where DNS leads them to where its own name leads.

    Behind a router that does not lead back in, the hosts file has the name, and cannot have those
    below it.
    """

    http: HttpClient
    addresses: frozenset[str]

    def close(self) -> None:
        self.http.close()


def _ours(patient: Patient) -> _Ours:
    host = patient.config.hostname
    try:
        addresses = patient.outside.addresses.of(host, _ANSWERS_WITHIN_S)
    except DnsError:
        addresses = []
    return _Ours(patient.outside.http_at(host), frozenset(addresses))


def _judge(patient: Patient, member: AccountRow, ours: _Ours) -> list[Finding]:
    handle, did = member.handle or "", member.did
    is_ours = patient.opened.handles.is_service_handle(handle)
    by_dns = _by_dns(patient, handle, did)
    if len(by_dns.dids) > 1:
        found = f"{len(by_dns.dids)} DNS records at _atproto.{handle} contradict each other"
        remedy = f'where its domain is managed, leave only: _atproto.{handle} TXT "did={did}"'
        return [Finding("handle-lost", "warn", found, remedy)]
    by_web = _by_web(patient, handle, ours if is_ours and not by_dns.dids else None)
    others = [one for one in (*by_dns.dids, *by_web.dids) if one != did]
    if others:
        return [_other(handle, did, others[0], by_dns, by_web)]
    if by_dns.dids or by_web.dids:
        return []
    return [_lost(handle, did, by_dns, by_web, is_ours=is_ours)]


def _by_dns(patient: Patient, handle: str, did: str) -> _Answer:
    record = f"_atproto.{handle}"
    if len(handle) > MAX_DNS_HANDLE:
        return _Answer(problem="it is too long for a DNS record")
    add = f'its owner has to add a DNS record: {record} TXT "did={did}"'
    try:
        texts = patient.outside.texts.texts(record, _ANSWERS_WITHIN_S)
    except DnsError as error:
        remedy = f"whoever manages the DNS of {handle} can tell why it fails"
        return _Answer(problem=str(error), remedy=remedy)
    claims = {text.removeprefix("did=").strip() for text in texts if text.startswith("did=")}
    dids = tuple(sorted(claims))
    if len(dids) > 1 or (dids and is_did(dids[0])):
        return _Answer(dids)
    if texts:
        shown = texts[0][:_MOST_SHOWN_CHARS]
        change = f'its owner has to change the DNS record: {record} TXT "did={did}"'
        return _Answer(problem=f"its DNS record is {shown!a}, which is no DID", remedy=change)
    return _Answer(problem="there is no DNS record", remedy=add)


def _by_web(patient: Patient, handle: str, ours: _Ours | None) -> _Answer:
    url = f"https://{handle}/.well-known/atproto-did"
    http, limit_s, redirects = patient.outside.http, _ANSWERS_WITHIN_S, 5
    try:
        if ours is not None:
            addresses = patient.outside.addresses.of(handle, _ANSWERS_WITHIN_S)
            if not addresses:
                return _Answer(problem="DNS does not know it")
            limit_s, redirects = _ORDERED_WITHIN_S, 0
            http = ours.http if ours.addresses.intersection(addresses) else http
        answer = http.get(url, accept="text/plain", timeout_s=limit_s, max_redirects=redirects)
    except (FetchError, DnsError) as error:
        return _Answer(problem=str(error))
    first_line = answer.body[:2_048].decode("utf-8", "replace").strip().partition("\n")[0].strip()
    if answer.is_success and is_did(first_line):
        return _Answer((first_line,))
    return _Answer(problem=f"{url} answers with status {answer.status} and no DID")


def _other(handle: str, did: str, other: str, by_dns: _Answer, by_web: _Answer) -> Finding:
    where = "DNS record" if other in by_dns.dids else "web address"
    place = (
        f'set: _atproto.{handle} TXT "did={did}"'
        if other in by_dns.dids
        else f"have https://{handle}/.well-known/atproto-did answer {did}"
    )
    if did in (*by_dns.dids, *by_web.dids):
        found = (
            f"DNS record and web address of the handle {handle} contradict each other: its {where}"
            f" names {other}"
        )
        return Finding("handle-other", "warn", found, f"where its domain is managed, {place}")
    found = f"the handle {handle} leads to another account: its {where} names {other}"
    remedy = f"where its domain is managed, {place}; or give the account another handle"
    return Finding("handle-other", "bad", found, remedy)


def _lost(handle: str, did: str, by_dns: _Answer, by_web: _Answer, *, is_ours: bool) -> Finding:
    if is_ours:
        found = f"the handle {handle} leads nowhere: {by_web.problem}"
        remedy = (
            f"let DNS and the front server lead https://{handle} here:"
            " docs/troubleshooting.md#handle-lost"
        )
        return Finding("handle-lost", "bad", found, remedy)
    found = f"the handle {handle} leads nowhere: {by_dns.problem}"
    remedy = by_dns.remedy or f"have https://{handle}/.well-known/atproto-did answer {did}"
    return Finding("handle-lost", "warn", found, remedy)


CHECK = Check(
    "handles",
    _look,
    limit_s=100.0,
    findings=("handle-lost", "handle-other"),
    needs="database",
    after=("server", "dns", "certificate", "public-name"),
    lane=LANE,
    public=True,
)
