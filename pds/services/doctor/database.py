"""Is the database whole?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pds.local_secrets import DATABASE_NAME
from pds.services.doctor.model import Check, Finding, Patient, all_well, not_looked_at
from pds.storage import integrity
from pds.storage.database import DatabaseError, is_damage

_LIMIT_S: Final = 30.0
RESTORE: Final = (
    "stop the server, move the data directory away, and restore the last good backup:"
    " pdsadmin backup restore (docs/troubleshooting.md#database-damaged)"
)


def _look(patient: Patient) -> Sequence[Finding]:
    file = patient.config.data_directory / DATABASE_NAME
    if patient.services is None and not file.exists():
        return not_looked_at("database", "there is none yet")
    try:
        found = integrity.problems(file, _LIMIT_S)
    except integrity.NotFinishedError:
        reason = f"not all of it could be read within {_LIMIT_S:.0f} s; nothing wrong so far"
        return not_looked_at("database", reason)
    except DatabaseError as error:
        if is_damage(error):
            return [_damaged(str(error))]
        return not_looked_at("database", f"it cannot be opened for looking at it: {error}")
    if found:
        return [_damaged(found[0] + (f" (and {len(found) - 1} more)" if found[1:] else ""))]
    size = sum(
        path.stat().st_size for path in (file, file.with_name(f"{file.name}-wal")) if path.exists()
    )
    return all_well("database", f"whole, {size // 1024 // 1024} MiB")


def _damaged(what: str) -> Finding:
    return Finding("database-damaged", "bad", f"the database is damaged: {what}", RESTORE)


CHECK = Check("database", _look, limit_s=_LIMIT_S + 15.0, findings=("database-damaged",))
