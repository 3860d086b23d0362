"""What ``--fix`` heals: only what cannot make anything worse, with the server running."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from pds.errors import PdsError
from pds.network.http_client import FetchError
from pds.services import announcing_anew
from pds.services.doctor import relays
from pds.services.doctor.files import too_open
from pds.services.doctor.model import Finding, Patient
from pds.services.doctor.uploads import left_over
from pds.storage import events
from pds.storage.database import DatabaseError

logger = logging.getLogger("pds.doctor")

Progress = Callable[[str, int, int], None]
"""Called with what is done, how much of it, and of how much."""

Healer = Callable[[Patient, Progress], str]
"""Puts right all of one kind; says what it has done. Raises PdsError when it could do nothing."""


@dataclass(frozen=True, slots=True)
class Healing:
    """What was done, and what could not be; a line for each kind of thing."""

    done: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def heal(patient: Patient, findings: Sequence[Finding], progress: Progress) -> Healing:
    """Put right what can be. What fails keeps nothing else from being done."""
    healing = Healing()
    names = {finding.name for finding in findings}
    healers = {healer: name for name, healer in reversed(HEALERS.items()) if name in names}
    for healer, name in reversed(healers.items()):
        try:
            healing.done.append(healer(patient, progress))
        except (PdsError, OSError) as error:
            healing.failed.append(f"{name}: {str(error) or type(error).__name__}")
        except DatabaseError as error:
            healing.failed.append(f"{name}: the database does not take it: {error}")
        except Exception as error:  # whatever it is, the others are still of use
            logger.exception("healing %s failed", name)
            healing.failed.append(f"{name}: {type(error).__name__}: {error}")
    return healing


def _close_files(patient: Patient, _progress: Progress) -> str:
    closed, others = [], []
    for file in list(too_open(patient)):
        try:
            file.path.chmod(file.mode)
        except OSError:
            others.append(str(file.path))
        else:
            closed.append(str(file.path))
    if not closed:
        message = f"{', '.join(others)} cannot be changed by the server's user; use sudo chmod"
        raise PdsError(message)
    return f"others cannot use {', '.join(closed)} any more"


def _let_uploads_go(patient: Patient, _progress: Progress) -> str:
    files = list(left_over(patient))
    for file in files:
        file.unlink(missing_ok=True)
    unused = patient.opened.blobs.expire_uploads()
    return f"{len(files)} uploads that were cut off and {unused} that nobody used are gone"


def _go_on_above(patient: Patient, progress: Progress) -> str:
    """Let numbers go on above what relays have read, and say what every repo is now."""

    def tell(done: int, total: int) -> None:
        progress("signing repos anew", done, total)

    highest = max(_cursors(patient), default=0)
    last = events.last_seq()
    if highest <= last and announcing_anew.is_unfinished():
        count = announcing_anew.finish(patient.opened, tell)
        done = f"{count} repos were announced that had been left out"
    else:
        above = last if highest <= last else highest + announcing_anew.MARGIN
        count = announcing_anew.go_on_above(patient.opened, above, tell)
        done = f"events go on above {above}, {count} repos were announced"
    asked, refused = _asked_to_come(patient)
    more = [*(f"{relay} was asked to come" for relay in asked), *refused]
    return "; ".join((done, *more))


def _cursors(patient: Patient) -> list[int]:
    found = []
    for url in patient.config.crawlers:
        try:
            status = relays.status_of(patient, url)
        except FetchError:
            continue
        if status is not None and status.seq is not None:
            found.append(status.seq)
    return found


def _request_crawl(patient: Patient, _progress: Progress) -> str:
    asked, refused = _asked_to_come(patient)
    if not asked:
        raise PdsError("; ".join(refused))
    more = "".join(f"; {problem}" for problem in refused)
    return f"{', '.join(asked)} was asked to come, which takes minutes{more}"


def _asked_to_come(patient: Patient) -> tuple[list[str], list[str]]:
    """The relays that agreed, and why others did not."""
    reports = patient.opened.crawl_requests.request()
    refused = [
        f"{one.relay} did not agree to come: {one.problem}" for one in reports if one.problem
    ]
    return [one.relay for one in reports if one.problem is None], refused


HEALERS: Final[dict[str, Healer]] = {
    "files-open": _close_files,
    "uploads-left": _let_uploads_go,
    "relay-ahead": _go_on_above,
    "account-ahead": _go_on_above,
    "relay-unknown": _request_crawl,
    "relay-offline": _request_crawl,
    "relay-behind": _request_crawl,
}
"""By the name of what was found, in the order in which it is healed."""
