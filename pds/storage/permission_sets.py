"""Published permission sets, as they were last found."""

from __future__ import annotations

from dataclasses import dataclass

from peewee import IntegerField, TextField

from pds.storage.database import Table


class PermissionSetDocument(Table):
    nsid = TextField(primary_key=True)
    document = TextField()
    fetched_at_us = IntegerField()
    used_at_us = IntegerField(index=True)

    class Meta:
        table_name = "permission_set"


@dataclass(frozen=True, slots=True)
class PermissionSetRow:
    """``document`` is the JSON of the Lexicon."""

    nsid: str
    document: str
    fetched_at_us: int
    used_at_us: int
