"""Browsers in which somebody is signed in, and who. Cookies are kept as hashes.

A browser's row goes when it is forgotten; a sign-in goes with its browser and with its account.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

from peewee import BooleanField, CompositeKey, IntegerField, TextField

from pds.storage.database import Table, execute, row, rows


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


@dataclass(frozen=True, slots=True)
class KnownBrowser:
    """A browser as the owner of an account that is signed in there sees it."""

    id: str
    user_agent: str | None
    ip: str | None
    seen_at_us: int
    authenticated_at_us: int
    remembered: bool  # 0 or 1, as SQLite has it


_COLUMNS = (
    "id, secret_hash, previous_secret_hash, rotated_at_us, user_agent, ip, created_at_us,"
    " seen_at_us"
)
_BY_ID = f"SELECT {_COLUMNS} FROM browser WHERE id = ?"  # noqa: S608 # constants
_INSERT = f"INSERT INTO browser ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 # constants
_EMPTY = "NOT EXISTS (SELECT 1 FROM browser_account s WHERE s.browser_id = browser.id)"


def find(browser_id: str) -> BrowserRow | None:
    found = row(_BY_ID, (browser_id,))
    return None if found is None else BrowserRow(*found)


def list_signed_in(browser_id: str) -> list[BrowserAccountRow]:
    """Who is signed in in a browser, the last to type a password first."""
    found = rows(
        "SELECT browser_id, account_id, authenticated_at_us, remembered, request_id"
        " FROM browser_account WHERE browser_id = ?"
        " ORDER BY authenticated_at_us DESC, account_id",
        (browser_id,),
    )
    return [BrowserAccountRow(*columns) for columns in found]


def list_for_account(account_id: int, limit: int) -> list[KnownBrowser]:
    """The browsers in which an account is signed in, the last seen first."""
    found = rows(
        "SELECT b.id, b.user_agent, b.ip, b.seen_at_us, s.authenticated_at_us, s.remembered"
        " FROM browser_account s JOIN browser b ON b.id = s.browser_id"
        " WHERE s.account_id = ? ORDER BY b.seen_at_us DESC, b.id LIMIT ?",
        (account_id, limit),
    )
    return [KnownBrowser(*columns) for columns in found]


# Every function below changes rows; the caller holds the transaction.


def insert(browser: BrowserRow) -> None:
    execute(_INSERT, astuple(browser))


def update(browser: BrowserRow) -> None:
    """Store another secret of a browser, and how it shows itself now."""
    execute(
        "UPDATE browser SET secret_hash = ?, previous_secret_hash = ?, rotated_at_us = ?,"
        " user_agent = ?, ip = ?, seen_at_us = ? WHERE id = ?",
        (
            browser.secret_hash,
            browser.previous_secret_hash,
            browser.rotated_at_us,
            browser.user_agent,
            browser.ip,
            browser.seen_at_us,
            browser.id,
        ),
    )


def set_seen(browser_id: str, at_us: int) -> None:
    execute("UPDATE browser SET seen_at_us = ? WHERE id = ?", (at_us, browser_id))


def delete(browser_id: str) -> None:
    """Forget a browser, and who is signed in there."""
    execute("DELETE FROM browser WHERE id = ?", (browser_id,))


def save_sign_in(sign_in: BrowserAccountRow) -> None:
    """Sign somebody in, in the place of an earlier sign-in of the same account there."""
    execute(
        "INSERT OR REPLACE INTO browser_account"
        " (browser_id, account_id, authenticated_at_us, remembered, request_id)"
        " VALUES (?, ?, ?, ?, ?)",
        astuple(sign_in),
    )


def delete_sign_in(browser_id: str, account_id: int) -> bool:
    """Sign an account out of a browser; False when it was not signed in there."""
    sql = "DELETE FROM browser_account WHERE browser_id = ? AND account_id = ?"
    return execute(sql, (browser_id, account_id)) > 0


def delete_for_account(account_id: int, *, keep: str = "") -> None:
    """Sign an account out of all browsers but the one with the id ``keep``."""
    execute(
        "DELETE FROM browser_account WHERE account_id = ? AND browser_id != ?", (account_id, keep)
    )


def keep_newest_accounts(browser_id: str, count: int) -> None:
    """Sign out those of a browser's accounts whose password was typed the longest ago."""
    execute(
        "DELETE FROM browser_account WHERE browser_id = ? AND account_id NOT IN"
        " (SELECT account_id FROM browser_account WHERE browser_id = ?"
        " ORDER BY authenticated_at_us DESC, account_id LIMIT ?)",
        (browser_id, browser_id, count),
    )


def keep_newest_browsers(account_id: int, count: int) -> None:
    """Sign an account out of those of its browsers that were seen the longest ago."""
    execute(
        "DELETE FROM browser_account WHERE account_id = ? AND browser_id NOT IN"
        " (SELECT s.browser_id FROM browser_account s JOIN browser b ON b.id = s.browser_id"
        " WHERE s.account_id = ? ORDER BY b.seen_at_us DESC, b.id LIMIT ?)",
        (account_id, account_id, count),
    )


def delete_if_empty(browser_id: str) -> None:
    """Forget a browser if nobody is signed in there."""
    execute(f"DELETE FROM browser WHERE id = ? AND {_EMPTY}", (browser_id,))  # noqa: S608 # constant


def delete_empty() -> int:
    """Forget the browsers in which nobody is signed in; return how many."""
    return execute(f"DELETE FROM browser WHERE {_EMPTY}")  # noqa: S608 # constant


def delete_expired(unseen_since_us: int, unremembered_since_us: int) -> int:
    """Forget the browsers not seen since then, and sign-ins that were for once and are that old.

    Returns how many browsers are gone, those among them in which nobody is signed in now.
    """
    execute(
        "DELETE FROM browser_account WHERE NOT remembered AND authenticated_at_us <= ?",
        (unremembered_since_us,),
    )
    return execute(
        f"DELETE FROM browser WHERE seen_at_us <= ? OR {_EMPTY}",  # noqa: S608 # constant
        (unseen_since_us,),
    )
