"""Is it this very server that answers by the public name?

Its own documents could come from an old machine with the same name. But whoever answers the health
check writes the time into its database, at most once a second: so what is asked outside must leave
its trace here.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Final

from pds.network.http_client import FetchError, Response
from pds.services.doctor.dns import LANE
from pds.services.doctor.model import Check, Finding, Patient, all_well
from pds.services.health import TRUST_US, last_checked_at_us

_ANSWERS_WITHIN_S: Final = 8.0
_THIS_SERVER: Final = (
    "let the front server pass everything for this name on to this server's port:"
    " docs/operations.md#behind-a-reverse-proxy"
)
_OTHER: Final = "point DNS, and the port passed on by the router, to this machine; stop the other"


def _look(patient: Patient) -> Sequence[Finding]:
    url = f"{patient.config.public_url}/xrpc/_health"
    try:
        answer = _ask_freshly(patient, url)
    except FetchError as error:
        return [_broken(patient, str(error))]
    if not _is_health(answer):
        if answer.status in (502, 503, 504):
            return [_broken(patient, f"status {answer.status}")]
        found = f"something else than Hearth answers {url} (status {answer.status})"
        return [Finding("public-name-other", "bad", found, _THIS_SERVER)]
    if patient.services is not None and not _left_a_trace(patient, url):
        found = f"another server answers at {patient.config.public_url}, not this one"
        return [Finding("public-name-other", "bad", found, _OTHER)]
    return all_well("public-name", f"{patient.config.public_url} is this server")


def _ask_freshly(patient: Patient, url: str) -> Response:
    return patient.outside.http.get(url, timeout_s=_ANSWERS_WITHIN_S)


def _left_a_trace(patient: Patient, url: str) -> bool:
    """Ask again once what was written before is too old to be trusted."""
    before = last_checked_at_us()
    time.sleep(TRUST_US / 1_000_000 + 0.1)
    try:
        _ask_freshly(patient, url)
    except FetchError:
        return True  # it answered a moment ago; that is for another look
    return last_checked_at_us() != before


def _is_health(answer: Response) -> bool:
    try:
        content = json.loads(answer.body)
    except (ValueError, RecursionError):
        return False
    return answer.is_success and isinstance(content, dict) and "version" in content


def _broken(patient: Patient, problem: str) -> Finding:
    found = f"{patient.config.public_url} does not lead to this server: {problem}"
    return Finding("public-name-broken", "bad", found, _THIS_SERVER)


CHECK = Check(
    "public-name",
    _look,
    limit_s=30.0,
    findings=("public-name-other", "public-name-broken"),
    after=("server", "dns", "certificate"),
    lane=LANE,
    public=True,
)
