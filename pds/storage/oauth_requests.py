"""Authorization requests: from being pushed until the code that came of them is used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from peewee import IntegerField, TextField

from pds.storage.database import Table, execute, row, rows


class OauthRequest(Table):
    id = TextField(primary_key=True)
    client_id = TextField()
    client_auth = TextField()
    parameters = TextField()
    dpop_jkt = TextField()
    created_at_us = IntegerField()
    expires_at_us = IntegerField(index=True)
    browser_hash = TextField(null=True)
    account_id = IntegerField(null=True)
    granted_scope = TextField(null=True)
    code_hash = TextField(null=True, unique=True)

    class Meta:
        table_name = "oauth_request"


@dataclass(frozen=True, slots=True)
class OAuthRequestRow:
    """``client_auth`` and ``parameters`` are JSON, see ``services/oauth/model.py``.

    ``browser_hash`` is set when a browser has opened the request; ``account_id``,
    ``granted_scope`` and ``code_hash`` together, when the member has agreed.
    """

    id: str
    client_id: str
    client_auth: str
    parameters: str
    dpop_jkt: str
    created_at_us: int
    expires_at_us: int
    browser_hash: str | None = None
    account_id: int | None = None
    granted_scope: str | None = None
    code_hash: str | None = None


_COLUMNS = (
    "id, client_id, client_auth, parameters, dpop_jkt, created_at_us, expires_at_us,"
    " browser_hash, account_id, granted_scope, code_hash"
)
_BY_ID = f"SELECT {_COLUMNS} FROM oauth_request WHERE id = ?"  # noqa: S608 # constants
_BY_CODE = f"SELECT {_COLUMNS} FROM oauth_request WHERE code_hash = ?"  # noqa: S608 # constants
_INSERT = f"INSERT INTO oauth_request ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
_TAKE = f"DELETE FROM oauth_request WHERE code_hash = ? RETURNING {_COLUMNS}"  # noqa: S608


def find(request_id: str) -> OAuthRequestRow | None:
    """The request, also one that has lapsed and was not swept away yet."""
    return _row(row(_BY_ID, (request_id,)))


def find_by_code(code_hash: str) -> OAuthRequestRow | None:
    """The request of a code that was not used yet, also a lapsed one."""
    return _row(row(_BY_CODE, (code_hash,)))


def count() -> int:
    """How many there are, lapsed ones among them."""
    [(number,)] = rows("SELECT count(*) FROM oauth_request")
    return int(number)


def _row(found: tuple[Any, ...] | None) -> OAuthRequestRow | None:
    return None if found is None else OAuthRequestRow(*found)


# Every function below changes rows; the caller holds the transaction.


def insert(request: OAuthRequestRow) -> None:
    execute(
        _INSERT,
        (
            request.id,
            request.client_id,
            request.client_auth,
            request.parameters,
            request.dpop_jkt,
            request.created_at_us,
            request.expires_at_us,
            request.browser_hash,
            request.account_id,
            request.granted_scope,
            request.code_hash,
        ),
    )


def bind_browser(request_id: str, browser_hash: str, expires_at_us: int) -> bool:
    """Let a browser open the request, and live longer; False when another one has it already."""
    changed = execute(
        "UPDATE oauth_request SET browser_hash = ?, expires_at_us = ?"
        " WHERE id = ? AND (browser_hash IS NULL OR browser_hash = ?)",
        (browser_hash, expires_at_us, request_id, browser_hash),
    )
    return changed == 1


def move_to_browser(old_hash: str, new_hash: str) -> None:
    """A browser is known by something else from now on: its requests go with it."""
    execute(
        "UPDATE oauth_request SET browser_hash = ? WHERE browser_hash = ?", (new_hash, old_hash)
    )


def set_parameters(request_id: str, parameters: str) -> None:
    execute("UPDATE oauth_request SET parameters = ? WHERE id = ?", (parameters, request_id))


def extend(request_id: str, expires_at_us: int) -> None:
    execute("UPDATE oauth_request SET expires_at_us = ? WHERE id = ?", (expires_at_us, request_id))


def set_granted(
    request_id: str, account_id: int, scope: str, code_hash: str, expires_at_us: int
) -> bool:
    """Note what the member agreed to; False when there is a code already, or no request."""
    changed = execute(
        "UPDATE oauth_request SET account_id = ?, granted_scope = ?, code_hash = ?,"
        " expires_at_us = ? WHERE id = ? AND code_hash IS NULL",
        (account_id, scope, code_hash, expires_at_us, request_id),
    )
    return changed == 1


def take_by_code(code_hash: str) -> OAuthRequestRow | None:
    """Remove and return the request of a code, so that the code is good for one try."""
    return _row(row(_TAKE, (code_hash,)))


def delete(request_id: str) -> bool:
    return execute("DELETE FROM oauth_request WHERE id = ?", (request_id,)) == 1


def delete_first_to_lapse(number: int) -> None:
    """Drop so many, those first that have the least time left."""
    execute(
        "DELETE FROM oauth_request WHERE id IN"
        " (SELECT id FROM oauth_request ORDER BY expires_at_us LIMIT ?)",
        (number,),
    )


def delete_expired(before_us: int) -> int:
    """Drop the requests that lapsed before ``before_us``; return how many."""
    return execute("DELETE FROM oauth_request WHERE expires_at_us <= ?", (before_us,))


def delete_for_account(account_id: int) -> None:
    """Drop the requests a member has agreed to: their codes are worth nothing any more."""
    execute("DELETE FROM oauth_request WHERE account_id = ?", (account_id,))
