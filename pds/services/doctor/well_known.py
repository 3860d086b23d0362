"""Do the paths get through that others know, or does the front server answer them itself?

And does a path not get through that is for this machine alone?
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from pds.network.http_client import FetchError
from pds.services.doctor.dns import LANE
from pds.services.doctor.model import Check, Finding, Patient, all_well

_ANSWERS_WITHIN_S: Final = 8.0
_LET_THROUGH: Final = (
    "let the front server pass {path} on like everything else:"
    " docs/troubleshooting.md#well-known-swallowed"
)
_CLOSE: Final = (
    "let the front server send X-Forwarded-For, or set PDS_METRICS_TOKEN: docs/monitoring.md"
)

_EXPECTED: Final[dict[str, Callable[[Any, Patient], bool]]] = {
    "/.well-known/did.json": lambda content, patient: (
        content.get("id") == patient.config.service_did
    ),
    "/.well-known/oauth-protected-resource": lambda content, patient: (
        content.get("resource") == patient.config.public_url
    ),
    "/.well-known/oauth-authorization-server": lambda content, patient: (
        content.get("issuer") == patient.config.public_url
    ),
    "/xrpc/com.atproto.server.describeServer": lambda content, patient: (
        content.get("did") == patient.config.service_did
    ),
}
"""Path → whether the object that it answers with is ours."""


def _look(patient: Patient) -> Sequence[Finding]:
    findings = []
    for path, is_ours in _EXPECTED.items():
        if path.endswith("did.json") and patient.config.service_did != _own_did(patient):
            continue  # the document of another name, which lies elsewhere
        problem = _problem(patient, path, is_ours)
        if problem is not None:
            found = f"{patient.config.public_url}{path} {problem}"
            remedy = _LET_THROUGH.format(path=path)
            findings.append(Finding("well-known-swallowed", "bad", found, remedy))
    findings += _metrics(patient)
    return findings or all_well("well-known", f"{len(_EXPECTED)} paths get through")


def _own_did(patient: Patient) -> str:
    return f"did:web:{patient.config.hostname}"


def _problem(patient: Patient, path: str, is_ours: Callable[[Any, Patient], bool]) -> str | None:
    try:
        answer = patient.outside.http.get(
            f"{patient.config.public_url}{path}", timeout_s=_ANSWERS_WITHIN_S
        )
    except FetchError as error:
        return f"fails: {error}"
    if not answer.is_success:
        return f"answers with status {answer.status}"
    try:
        content = json.loads(answer.body)
    except (ValueError, RecursionError):
        return "answers with something else"
    if not isinstance(content, dict) or not is_ours(content, patient):
        return "answers with another server's document"
    return None


def _metrics(patient: Patient) -> Sequence[Finding]:
    url = f"{patient.config.public_url}/metrics"
    try:
        answer = patient.outside.http.get(url, accept="text/plain", timeout_s=_ANSWERS_WITHIN_S)
    except FetchError:
        return []  # too much for us to read, or nothing: the other paths tell
    if not answer.is_success or b"hearth_" not in answer.body:
        return []
    found = f"everybody can read {url}"
    return [Finding("metrics-public", "warn", found, _CLOSE)]


CHECK = Check(
    "well-known",
    _look,
    limit_s=45.0,
    findings=("well-known-swallowed", "metrics-public"),
    after=("server", "dns", "certificate", "public-name"),
    lane=LANE,
    public=True,
)
