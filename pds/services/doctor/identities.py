"""Does every account's DID document say what this server says?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pds.atproto.did_document import DidDocument, DidDocumentError, parse_did_document
from pds.errors import UnresolvableDidError
from pds.network.did_resolver import DidNotFoundError, DidResolver
from pds.network.plc_directory import PlcDirectoryClient
from pds.services.doctor.members import active_members, out_of
from pds.services.doctor.model import Check, Finding, Patient, all_well, not_looked_at
from pds.services.doctor.side_by_side import side_by_side
from pds.storage import signing_keys
from pds.storage.accounts import AccountRow

MOST: Final = 500
_ANSWERS_WITHIN_S: Final = 8.0
_WITHIN_S: Final = 80.0
_SILENT: Final = "identity-unknown"


def _look(patient: Patient) -> Sequence[Finding]:
    url = patient.config.did_plc_url
    if url is None:
        return not_looked_at("identities", "the directory is built in")
    http = patient.outside.http
    directory = PlcDirectoryClient(url, http, read_timeout_s=_ANSWERS_WITHIN_S)
    resolver = DidResolver(directory, http, timeout_s=_ANSWERS_WITHIN_S)
    members, total = active_members(MOST)
    found = side_by_side(lambda member: _judge(patient, resolver, member), members, _WITHIN_S)
    findings = [one for _, findings in found for one in findings]
    unknown = [one for one in findings if one.name == _SILENT]
    if unknown:
        findings = [one for one in findings if one.name != _SILENT]
        found_ = f"{unknown[0].found}; so for {len(unknown)} accounts"
        findings.append(Finding(_SILENT, "warn", found_, unknown[0].remedy))
    return findings or all_well(
        "identities", f"{out_of(len(found), total)} DID documents are as they should be"
    )


def _judge(patient: Patient, resolver: DidResolver, member: AccountRow) -> list[Finding]:
    try:
        document = parse_did_document(resolver.resolve(member.did), member.did)
    except DidNotFoundError as error:
        found = f"{_name(member)}: its DID does not exist ({error.message})"
        remedy = "docs/troubleshooting.md#identity-gone"
        return [Finding("identity-gone", "bad", found, remedy)]
    except (UnresolvableDidError, DidDocumentError) as error:
        remedy = "check this machine's network and PDS_DID_PLC_URL, then try again"
        return [Finding(_SILENT, "warn", str(error), remedy)]
    return _compare(patient, member, document)


def _compare(patient: Patient, member: AccountRow, document: DidDocument) -> list[Finding]:
    name = _name(member)
    if (document.pds_endpoint or "").rstrip("/") != patient.config.public_url:
        found = f"{name}: its DID document names {document.pds_endpoint}, not this server"
        remedy = (
            f"has it moved away? pdsadmin account deactivate {name}; else"
            " docs/troubleshooting.md#identity-elsewhere"
        )
        return [Finding("identity-elsewhere", "bad", found, remedy)]
    findings = []
    stored = signing_keys.find_key(member.id)
    if stored is None or stored.did_key != document.signing_key:
        found = f"{name}: its DID document has another signing key, so nobody takes its posts"
        remedy = "docs/troubleshooting.md#identity-key"
        findings.append(Finding("identity-key", "bad", found, remedy))
    if member.handle and member.handle != (document.handle or "").lower():
        found = f"{name}: its DID document has the handle {document.handle}"
        remedy = f"pdsadmin account set-handle {member.did} {member.handle}"
        findings.append(Finding("identity-handle", "bad", found, remedy))
    return findings


def _name(member: AccountRow) -> str:
    return member.handle or member.did


CHECK = Check(
    "identities",
    _look,
    limit_s=120.0,
    findings=(
        "identity-unknown",
        "identity-gone",
        "identity-elsewhere",
        "identity-key",
        "identity-handle",
    ),
    needs="database",
    lane="directory",
)
