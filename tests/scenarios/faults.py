"""Faults for a healthy server: title → its name, how it comes about, what the remedy says."""

from __future__ import annotations

from collections.abc import Callable

from pds.storage import database
from pds.storage.database import transaction
from tests.clinic import Clinic

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US

Fault = Callable[[Clinic], object]
FAULTS: dict[str, tuple[str, Fault, str]] = {}


def fault(name: str, remedy: str) -> Callable[[Fault], Fault]:
    def add(inflict: Fault) -> Fault:
        title = inflict.__name__.strip("_")
        assert title not in FAULTS
        FAULTS[title] = (name, inflict, remedy)
        return inflict

    return add


def execute(sql: str, *params: object) -> None:
    with transaction():
        assert database.execute(sql, params) > 0


def change_document(clinic: Clinic, **changes: object) -> None:
    identity, did = clinic.services.identity, clinic.member.did
    operation = identity.sign_update(identity.last_operation(did), **changes)
    identity.submit_operation(did, operation)
