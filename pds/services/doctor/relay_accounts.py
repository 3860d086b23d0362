"""Do relays pass on what every member posts, or are some of them left out?

A relay that has seen a later commit of a repo than its newest here takes nothing of it any more:
the database was put back in time. It shows here also when the numbers of events have met again.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from pds.network.http_client import FetchError
from pds.network.relay import NoSuchMethodError, Relay, RepoStatus
from pds.services.doctor.members import active_members, out_of
from pds.services.doctor.model import Check, Finding, Outcome, Patient, all_well, not_looked_at
from pds.services.doctor.relays import status_of
from pds.services.doctor.side_by_side import side_by_side
from pds.storage import repo_roots
from pds.storage.accounts import AccountRow

MOST: Final = 200
_NAMED: Final = 3
_WITHIN_S: Final = 45.0
_AGAIN: Final = "nothing to do here; try again later: docs/troubleshooting.md#account-unknown"
_AHEAD: Final = "it has seen later posts than there are here"
_KINDS: Final[dict[str, tuple[str, Outcome, str]]] = {
    "throttled": (
        "account-throttled",
        "warn",
        "ask the relay's operators for more room: docs/troubleshooting.md#account-throttled",
    ),
    _AHEAD: (
        "account-ahead",
        "bad",
        "pdsadmin doctor --fix (says what each repo is now)",
    ),
    "desynchronized": (
        "account-desynchronized",
        "warn",
        "it passes by itself; if not within a day: docs/troubleshooting.md#account-desynchronized",
    ),
}
_OTHERS: Final[tuple[str, Outcome, str]] = (
    "account-refused",
    "bad",
    "write to those who run the relay: docs/troubleshooting.md#account-refused",
)


def _look(patient: Patient) -> Sequence[Finding]:
    members, total = active_members(MOST)
    if not patient.config.crawlers or not members:
        return not_looked_at("relay-accounts", "there is nobody to ask, or about")
    findings: list[Finding] = []
    told = 0
    until_s = time.monotonic() + _WITHIN_S
    for url in patient.config.crawlers:
        found, problem = _ask(patient, url, members, until_s - time.monotonic())
        told = max(told, len(found))
        left_out = defaultdict[str, list[str]](list)
        for member, state in found:
            reason = None if state is None else _why_not(member, state)
            if reason is not None:
                left_out[reason].append(member.handle or member.did)
        findings += [_tell(url, reason, names) for reason, names in left_out.items()]
        if problem is not None:
            what = f"the relay {url} told of {out_of(len(found), total)} members only: {problem}"
            findings.append(Finding("account-unknown", "warn", what, _AGAIN))
    if findings:
        return findings
    if not told:
        return not_looked_at("relay-accounts", "no relay tells")
    return all_well("relay-accounts", f"none of {out_of(told, total)} members is left out")


_Told = list[tuple[AccountRow, RepoStatus | None]]


def _ask(
    patient: Patient, url: str, members: Sequence[AccountRow], within_s: float
) -> tuple[_Told, str | None]:
    """What the relay told of each, and why not of all: it is not asked on once it has failed."""
    relay = Relay(url, patient.outside.http)
    problems: list[FetchError] = []

    def ask(member: AccountRow) -> list[RepoStatus | None]:
        if problems:
            return []
        try:
            return [relay.repo_status(member.did)]
        except FetchError as error:
            problems.append(error)
            return []

    asked = side_by_side(ask, members, within_s)
    found = [(member, state) for member, states in asked for state in states]
    if not problems:
        return found, "it answers slowly" if len(asked) < len(members) else None
    if isinstance(problems[0], NoSuchMethodError) or (not found and not _answers(patient, url)):
        return found, None  # what "relays" tells of
    return found, str(problems[0])


def _answers(patient: Patient, url: str) -> bool:
    try:
        status_of(patient, url)
    except FetchError:
        return False
    return True


def _why_not(member: AccountRow, state: RepoStatus) -> str | None:
    head = repo_roots.find_head(member.id)  # read after the relay was asked: it may have moved on
    if state.rev is not None and head is not None and state.rev > head.rev:
        return _AHEAD
    return state.left_out


def _tell(url: str, state: str, names: Sequence[str]) -> Finding:
    name, outcome, remedy = _KINDS.get(state, _OTHERS)
    shown = ", ".join(names[:_NAMED])
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    found = f"the relay {url} does not pass on {shown}{more} ({state})"
    return Finding(name, outcome, found, remedy)


CHECK = Check(
    "relay-accounts",
    _look,
    limit_s=60.0,
    findings=(
        "account-ahead",
        "account-throttled",
        "account-desynchronized",
        "account-refused",
        "account-unknown",
    ),
    needs="database",
    after=("relays",),
    lane="relays",
)
