"""Browsers in which somebody is signed in, and who. Cookies are kept as hashes.

A browser's row goes when it is forgotten; a sign-in goes with its browser and with its account.
"""

from __future__ import annotations

from dataclasses import dataclass

from peewee import BooleanField, CompositeKey, IntegerField, TextField

from pds.storage.database import Table


class Browser(Table):
    id = TextField(primary_key=True)
    secret_hash = TextField()
    previous_secret_hash = TextField(null=True)
    rotated_at_us = IntegerField()
    user_agent = TextField(null=True)
    ip = TextField(null=True)
    created_at_us = IntegerField()
    seen_at_us = IntegerField(index=True)


class BrowserAccount(Table):
    browser_id = TextField()
    account_id = IntegerField()
    authenticated_at_us = IntegerField()
    remembered = BooleanField()
    request_id = TextField(null=True)

    class Meta:
        table_name = "browser_account"
        primary_key = CompositeKey("browser_id", "account_id")


@dataclass(frozen=True, slots=True)
class BrowserRow:
    """``secret_hash`` is of the ``ses-id`` cookie; the one before it counts for a moment more."""

    id: str
    secret_hash: str
    previous_secret_hash: str | None
    rotated_at_us: int
    user_agent: str | None
    ip: str | None
    created_at_us: int
    seen_at_us: int


@dataclass(frozen=True, slots=True)
class BrowserAccountRow:
    """``authenticated_at_us``: when the password was typed last.

    A sign-in that is not ``remembered`` serves the authorization ``request_id`` alone, if any.
    """

    browser_id: str
    account_id: int
    authenticated_at_us: int
    remembered: bool  # 0 or 1, as SQLite has it
    request_id: str | None
