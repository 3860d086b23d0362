"""Do the relays know this server, and how far have they read?

A relay whose cursor is above our last event waits for numbers that we have not reached yet: all
that is posted until then is invisible. That is so after the database was put back in time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pds.network.http_client import FetchError
from pds.network.relay import HostStatus, NoSuchMethodError, Relay
from pds.services import announcing_anew
from pds.services.doctor.model import Check, Finding, Outcome, Patient, all_well, not_looked_at
from pds.storage import accounts, events

_SETTLED_US: Final = 15 * 60 * 1_000_000  # relays write down only now and then where they are
_ASK: Final = "pdsadmin request-crawl, or pdsadmin doctor --fix"
_STATES: Final[dict[str, tuple[str, str, str]]] = {
    "banned": (
        "relay-banned",
        "reads nothing from this server (banned)",
        "write to those who run the relay: docs/troubleshooting.md#relay-banned",
    ),
    "throttled": (
        "relay-throttled",
        "passes on only part of what is posted here (throttled)",
        "too many accounts for its limit: docs/troubleshooting.md#relay-throttled",
    ),
    "offline": ("relay-offline", "could not reach this server lately (offline)", _ASK),
}


def _look(patient: Patient) -> Sequence[Finding]:
    crawlers = patient.config.crawlers
    if not crawlers:
        if patient.is_local:
            return not_looked_at("relays", "none is named, which a server for trying does not need")
        if "PDS_CRAWLERS" in patient.wanted_none:
            return not_looked_at("relays", "none is wanted: PDS_CRAWLERS is empty")
        found = "no relay is told of this server, so nobody elsewhere sees its posts"
        remedy = "set PDS_CRAWLERS=https://bsky.network, then: sudo systemctl restart pds"
        return [Finding("relay-none", "warn", found, remedy)]
    if not accounts.count():
        return not_looked_at("relays", "there is nothing to read yet")
    findings = [one for url in crawlers for one in _judge(patient, url)]
    if announcing_anew.is_unfinished():
        found = "relays were not told of all repos after numbers went on: it was broken off"
        findings.append(Finding("relay-ahead", "bad", found, "pdsadmin doctor --fix"))
    return findings or all_well("relays", f"{', '.join(crawlers)} read what is posted here")


def _judge(patient: Patient, url: str) -> list[Finding]:
    try:
        status = status_of(patient, url)
    except NoSuchMethodError:
        return not_looked_at("relays", f"the relay {url} does not tell what it knows")
    except FetchError as error:
        remedy = "nothing to do here; try again later, and check the address in PDS_CRAWLERS"
        found = f"the relay {url} gives no answer that can be read: {error}"
        return [Finding("relay-silent", "warn", found, remedy)]
    if status is None:
        found = f"the relay {url} does not know this server, so nobody elsewhere sees its posts"
        return [Finding("relay-unknown", "warn", found, _ASK)]
    findings = []
    if status.status in _STATES:
        name, what, remedy = _STATES[status.status]
        outcome: Outcome = "warn" if name == "relay-throttled" else "bad"
        findings.append(Finding(name, outcome, f"the relay {url} {what}", remedy))
    return [*findings, *_position(patient, url, status)]


def _position(patient: Patient, url: str, status: HostStatus) -> list[Finding]:
    if status.seq is None:
        return []
    last = events.last_seq()
    if status.seq > last:
        found = (
            f"the relay {url} has read up to event {status.seq}, the last one here is {last}: what"
            " is posted stays invisible until the numbers meet"
        )
        remedy = "pdsadmin doctor --fix (lets numbers go on above, and says what each repo is now)"
        return [Finding("relay-ahead", "bad", found, remedy)]
    due = events.last_seq_before(patient.clock() - _SETTLED_US)
    if due is not None and status.seq < due and status.status not in _STATES:
        found = f"the relay {url} has read up to event {status.seq}, {due} is due long since"
        return [Finding("relay-behind", "warn", found, _ASK)]
    return []


def status_of(patient: Patient, url: str) -> HostStatus | None:
    """What the relay at ``url`` knows of this server. Raises FetchError."""
    return Relay(url, patient.outside.http).host_status(patient.config.hostname)


CHECK = Check(
    "relays",
    _look,
    limit_s=60.0,
    findings=(
        "relay-none",
        "relay-silent",
        "relay-unknown",
        "relay-banned",
        "relay-throttled",
        "relay-offline",
        "relay-ahead",
        "relay-behind",
    ),
    needs="database",
    lane="relays",
)
