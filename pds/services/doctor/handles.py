"""Does every member's handle lead to the account?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Final

from pds.errors import PdsError
from pds.network.dns_txt import DnsError
from pds.network.handle_resolver import HandleResolutionError, HandleResolver
from pds.network.http_client import FetchError
from pds.services.account_listing import each_account
from pds.services.doctor.dns import LANE
from pds.services.doctor.model import Check, Finding, Patient, all_well
from pds.services.doctor.side_by_side import side_by_side
from pds.storage.accounts import AccountRow

MOST: Final = 200
_ANSWERS_WITHIN_S: Final = 5.0
_ORDERED_WITHIN_S: Final = 20.0


def _look(patient: Patient) -> Sequence[Finding]:
    members = list(islice((a for a in each_account() if a.is_active and a.handle), MOST))
    resolver = HandleResolver(
        patient.outside.http,
        dns=patient.outside.texts,
        timeout_s=_ANSWERS_WITHIN_S,
        allow_test=patient.config.dev_mode,
    )
    found = side_by_side(lambda member: _judge(patient, resolver, member), members)
    findings = [one for one in found if one is not None]
    first = "the first " if len(members) == MOST else ""
    return findings or all_well("handles", f"{first}{len(members)} handles lead to their accounts")


def _judge(patient: Patient, resolver: HandleResolver, member: AccountRow) -> Finding | None:
    handle = member.handle or ""
    try:
        did = resolver.resolve(handle)
    except HandleResolutionError as error:
        return _lost(patient, handle, member.did, error)
    if did == member.did:
        return None
    found = f"the handle {handle} leads to another account, {did}"
    remedy = f"change its DNS record or web site, or: pdsadmin account set-handle {handle} NEW"
    return Finding("handle-other", "bad", found, remedy)


def _lost(patient: Patient, handle: str, did: str, error: PdsError) -> Finding | None:
    if patient.opened.handles.is_service_handle(handle):
        problem = _by_https(patient, handle, did)
        if problem is None:
            return None
        found = f"the handle {handle} leads nowhere: {problem}"
        remedy = (
            f"let DNS and the front server lead https://{handle} here:"
            " docs/troubleshooting.md#handle-lost"
        )
        return Finding("handle-lost", "bad", found, remedy)
    found = f"the handle {handle} leads nowhere ({error.message})"
    remedy = f'its owner has to add a DNS record: _atproto.{handle} TXT "did={did}"'
    return Finding("handle-lost", "warn", found, remedy)


def _by_https(patient: Patient, handle: str, did: str) -> str | None:
    """Why its own web address does not tell; None if it does when it is given time.

    A certificate that is ordered when somebody first asks takes a while.
    """
    try:
        if not patient.outside.addresses.of(handle, _ANSWERS_WITHIN_S):
            return "DNS does not know it"
    except DnsError as error:
        return str(error)
    url = f"https://{handle}/.well-known/atproto-did"
    try:
        answer = patient.outside.http.get(url, accept="text/plain", timeout_s=_ORDERED_WITHIN_S)
    except FetchError as error:
        return str(error)
    if answer.is_success and answer.body.strip() == did.encode():
        return None
    return f"{url} answers with status {answer.status} and no DID"


CHECK = Check(
    "handles",
    _look,
    limit_s=90.0,
    findings=("handle-lost", "handle-other"),
    needs="database",
    after=("server", "dns", "certificate", "public-name"),
    lane=LANE,
    public=True,
)
