"""Do relays pass on what every member posts, or are some of them left out?

A relay that has seen a later commit of a repo than its newest here takes nothing of it any more:
the database was put back in time. It shows here also when the numbers of events have met again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import islice
from typing import Final

from pds.network.http_client import FetchError
from pds.network.relay import Relay, RepoStatus
from pds.services.account_listing import each_account
from pds.services.doctor.model import Check, Finding, Outcome, Patient, all_well, not_looked_at
from pds.services.doctor.side_by_side import side_by_side
from pds.storage import repo_roots
from pds.storage.accounts import AccountRow

MOST: Final = 200
_NAMED: Final = 3
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
    members = list(islice((account for account in each_account() if account.is_active), MOST))
    if not patient.config.crawlers or not members:
        return not_looked_at("relay-accounts", "there is nobody to ask, or about")
    findings = []
    for url in patient.config.crawlers:
        ask = Relay(url, patient.outside.http).repo_status
        try:
            states = side_by_side(ask, [member.did for member in members])
        except FetchError:
            continue  # what "relays" tells of
        left_out = defaultdict[str, list[str]](list)
        for member, state in zip(members, states, strict=True):
            reason = None if state is None else _why_not(member, state)
            if reason is not None:
                left_out[reason].append(member.handle or member.did)
        findings += [_tell(url, reason, names) for reason, names in left_out.items()]
    return findings or all_well("relay-accounts", f"none of {len(members)} members is left out")


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
    findings=("account-ahead", "account-throttled", "account-desynchronized", "account-refused"),
    needs="database",
    after=("relays",),
    lane="relays",
)
