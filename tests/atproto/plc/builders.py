"""Keys, first operations and logs to test did:plc with."""

from __future__ import annotations

from dataclasses import replace

from pds.atproto import plc
from pds.atproto.crypto.keypair import PrivateKey

HIGH, MIDDLE, LOW = (PrivateKey.generate() for _ in range(3))
SIGNING = PrivateKey.generate("p256")
STRANGER = PrivateKey.generate()
KEYS = [HIGH.did_key, MIDDLE.did_key, LOW.did_key]
SECOND_US = 1_000_000
HOURS_72_US = 72 * 3600 * SECOND_US


def genesis() -> tuple[str, plc.Operation]:
    return plc.build_genesis(
        rotation_keys=KEYS,
        signing_key=SIGNING.did_key,
        handle="alice.example",
        pds_endpoint="https://pds.example",
        signer=LOW,
    )


class Log:
    """A log that grows through ``accept_operation``, a second between entries."""

    def __init__(self) -> None:
        self.did, first = genesis()
        self.entries: list[plc.LogEntry] = []
        self.add(first)

    def add(self, operation: plc.Operation, at_us: int | None = None) -> set[str]:
        at_us = (len(self.entries) + 1) * SECOND_US if at_us is None else at_us
        undone = plc.accept_operation(self.did, self.entries, operation, at_us)
        self.entries = [replace(e, nullified=e.nullified or e.cid in undone) for e in self.entries]
        cid = str(plc.operation_cid(operation))
        self.entries.append(plc.LogEntry(self.did, operation, cid, False, at_us))
        return undone

    def update(self, signer: PrivateKey, handle: str, *, after: int = -1) -> plc.Operation:
        """An update of the entry at index ``after``."""
        last = self.entries[after].operation
        return plc.build_update(last, signer=signer, also_known_as=[f"at://{handle}"])
