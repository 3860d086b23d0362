"""Do WebSockets get through, which relays read the firehose by?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pds.network.websocket_probe import WebSocketFailedError
from pds.services.doctor.certificate import HTTPS
from pds.services.doctor.dns import LANE
from pds.services.doctor.model import Check, Finding, Patient, all_well
from pds.storage import events

_ANSWERS_WITHIN_S: Final = 8.0
_PATH: Final = "/xrpc/com.atproto.sync.subscribeRepos?cursor=0"
_LET_THROUGH: Final = (
    "let the front server pass Upgrade and Connection on, over HTTP/1.1 and unbuffered:"
    " docs/troubleshooting.md#websocket-blocked"
)


def _look(patient: Patient) -> Sequence[Finding]:
    host = patient.config.hostname
    try:
        opened = patient.outside.websockets.open(host, HTTPS, _PATH, _ANSWERS_WITHIN_S)
    except WebSocketFailedError as error:
        return [_blocked(str(error))]
    if opened.status != 101:
        return [_blocked(f"the WebSocket was answered with status {opened.status}")]
    if not opened.is_genuine:
        return [_blocked("the WebSocket was answered by something that does not know WebSockets")]
    if not opened.has_spoken and events.first_seq() is not None:
        return [_blocked("the WebSocket opened, but nothing comes through")]
    return all_well("websocket", "relays can read the firehose")


def _blocked(problem: str) -> Finding:
    found = f"relays cannot read the firehose: {problem}"
    return Finding("websocket-blocked", "bad", found, _LET_THROUGH)


CHECK = Check(
    "websocket",
    _look,
    limit_s=30.0,
    findings=("websocket-blocked",),
    needs="database",
    after=("server", "dns", "certificate", "public-name"),
    lane=LANE,
    public=True,
)
