"""Is the clock right? Tokens, certificates and the revs of repos depend on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from email.utils import parsedate_to_datetime
from typing import Final

from pds.network.http_client import FetchError
from pds.services.doctor.model import Check, Finding, Patient, all_well, not_looked_at

_US: Final = 1_000_000
_MAY_BE_OFF_S: Final = 30
_ANSWERS_WITHIN_S: Final = 5.0
_SET_IT: Final = "set it by the network: sudo timedatectl set-ntp true"


def _look(patient: Patient) -> Sequence[Finding]:
    for url in _known(patient):
        off_s = _off(patient, url)
        if off_s is None:
            continue
        if abs(off_s) <= _MAY_BE_OFF_S:
            return all_well("clock", f"as that of {url}")
        way = "ahead" if off_s > 0 else "behind"
        found = f"this machine's clock is {abs(off_s)} s {way} (compared with {url})"
        return [Finding("clock-wrong", "bad", found, _SET_IT)]
    return not_looked_at("clock", "nobody to compare it with answers")


def _known(patient: Patient) -> Iterator[str]:
    if patient.config.did_plc_url is not None:
        yield patient.config.did_plc_url
    yield from patient.config.crawlers


def _off(patient: Patient, url: str) -> int | None:
    """Seconds that this machine is ahead of who answers at ``url``; None when that is unknown."""
    try:
        answer = patient.outside.http.get(f"{url.rstrip('/')}/_health", timeout_s=_ANSWERS_WITHIN_S)
        theirs = parsedate_to_datetime(answer.headers["date"]).timestamp()
    except (FetchError, KeyError, ValueError):
        return None
    return int(patient.clock() / _US - theirs)


CHECK = Check("clock", _look, limit_s=40.0, findings=("clock-wrong",), lane="clock")
