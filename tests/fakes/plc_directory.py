"""A PLC directory in memory that behaves as the public one over HTTP."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from pds.atproto import plc
from pds.atproto.did_document import render_plc_document
from tests.fakes.web_server import Asked, Route

START_US = 1_790_000_000_000_000


@dataclass
class FakePlcDirectory:
    """``logs``: what it holds. ``broken``: a status with which it answers everything."""

    logs: dict[str, list[plc.LogEntry]] = field(default_factory=dict)
    broken: int | None = None

    def answer(self, asked: Asked) -> Route:
        if self.broken is not None:
            return _json({"message": "broken"}, self.broken)
        _, did, *rest = asked.path.split("/", 2)
        did = unquote(did)
        if asked.method == "POST":
            return self._submit(did, json.loads(asked.body))
        log = [entry for entry in self.logs.get(did, []) if not entry.nullified]
        if not log:
            return _json({"message": f"DID not registered: {did}"}, 404)
        return self._read(did, log, rest[0] if rest else "")

    def _submit(self, did: str, operation: dict[str, Any]) -> Route:
        log = self.logs.setdefault(did, [])
        created_at_us = START_US + len(log) * 1_000
        try:
            plc.accept_operation(did, log, operation, created_at_us)
        except plc.PlcError as error:
            return _json({"message": str(error)}, 400)
        cid = str(plc.operation_cid(operation))
        log.append(plc.LogEntry(did, operation, cid, False, created_at_us))
        return (200, {}, b"")

    def _read(self, did: str, log: list[plc.LogEntry], what: str) -> Route:
        last = log[-1].operation
        if what == "log/last":
            return _json(last)
        if what == "log":
            return _json([entry.operation for entry in log])
        if what == "log/audit":
            return _json([entry.to_json() for entry in self.logs[did]])
        if last["type"] == "plc_tombstone":
            return _json({"message": f"DID not available: {did}"}, 404)
        data = plc.data_of(did, last)
        return _json(data if what == "data" else render_plc_document(did, data))


def _json(content: Any, status: int = 200) -> Route:
    return (status, {"content-type": "application/json"}, json.dumps(content).encode())
