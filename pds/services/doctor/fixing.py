"""What ``--fix`` heals: only what cannot make anything worse, with the server running."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from pds.network.http_client import FetchError
from pds.services import announcing_anew
from pds.services.doctor import relays
from pds.services.doctor.files import too_open
from pds.services.doctor.model import Finding, Patient
from pds.services.doctor.uploads import left_over
from pds.storage import events

Progress = Callable[[str, int, int], None]
"""Called with what is done, how much of it, and of how much."""

Healer = Callable[[Patient, Progress], str | None]
"""Puts right all of one kind; says what it has done, or None when it could do nothing."""


def heal(patient: Patient, findings: Sequence[Finding], progress: Progress) -> list[str]:
    """Put right what can be; one line for each kind of thing that was done."""
    names = {finding.name for finding in findings}
    healers = [healer for name, healer in HEALERS.items() if name in names]
    done = [healer(patient, progress) for healer in dict.fromkeys(healers)]
    return [what for what in done if what is not None]


def _close_files(patient: Patient, _progress: Progress) -> str | None:
    closed = []
    for file in list(too_open(patient)):
        try:
            file.path.chmod(file.mode)
        except OSError:  # another user's: the finding stays, and says what to do
            continue
        closed.append(str(file.path))
    return f"others cannot use {', '.join(closed)} any more" if closed else None


def _let_uploads_go(patient: Patient, _progress: Progress) -> str | None:
    files = list(left_over(patient))
    for file in files:
        file.unlink(missing_ok=True)
    unused = patient.opened.blobs.expire_uploads()
    return f"{len(files)} uploads that were cut off and {unused} that nobody used are gone"


def _go_on_above(patient: Patient, progress: Progress) -> str | None:
    """Let numbers go on above what relays have read, and say what every repo is now."""
    highest = max(_cursors(patient), default=0)
    last = events.last_seq()
    above = last if highest <= last else highest + announcing_anew.MARGIN
    count = announcing_anew.go_on_above(
        patient.opened, above, lambda done, total: progress("signing repos anew", done, total)
    )
    _request_crawl(patient, progress)
    return f"events go on above {above}, {count} repos were announced"


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


def _request_crawl(patient: Patient, _progress: Progress) -> str | None:
    reports = patient.opened.crawl_requests.request()
    asked = [report.relay for report in reports if report.problem is None]
    return f"{', '.join(asked)} was asked to come" if asked else None


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
