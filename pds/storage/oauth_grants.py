"""Grants: what members have allowed to clients, with the tokens in use. Tokens are kept as hashes.

A grant goes with its account; the refresh tokens it has used up go with the grant.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

from peewee import IntegerField, TextField

from pds.storage.database import Table, execute, row, rows


class OauthGrant(Table):
    id = TextField(primary_key=True)
    account_id = IntegerField()
    client_id = TextField()
    client_name = TextField(null=True)
    client_auth = TextField()
    dpop_jkt = TextField()
    requested_scope = TextField()
    scope = TextField()
    token_id = TextField(unique=True)
    issued_at_us = IntegerField()
    access_expires_at_us = IntegerField()
    refresh_hash = TextField(null=True, unique=True)
    refresh_number = IntegerField()
    code_hash = TextField(unique=True)
    browser_id = TextField(null=True)
    created_at_us = IntegerField()
    refreshed_at_us = IntegerField()
    used_at_us = IntegerField()
    expires_at_us = IntegerField(index=True)
    refresh_expires_at_us = IntegerField(null=True)

    class Meta:
        table_name = "oauth_grant"
        indexes = ((("account_id", "client_id"), False),)


class OauthUsedRefreshToken(Table):
    hash = TextField(primary_key=True)
    grant_id = TextField()
    number = IntegerField()
    used_at_us = IntegerField()

    class Meta:
        table_name = "oauth_used_refresh_token"


@dataclass(frozen=True, slots=True)
class GrantRow:
    """One grant. Times are Unix microseconds.

    requested_scope: what the member agreed to, as the client wrote it (``include:`` and all).
    scope: what that amounted to when the tokens in use were issued.
    token_id: ``jti`` of the access token in use; there is one at a time.
    refresh_number: how often the refresh token was replaced.
    used_at_us: about when the client last did something with it.
    expires_at_us: the end of the grant, however often it is refreshed.
    """

    id: str
    account_id: int
    client_id: str
    client_name: str | None
    client_auth: str
    dpop_jkt: str
    requested_scope: str
    scope: str
    token_id: str
    issued_at_us: int
    access_expires_at_us: int
    refresh_hash: str | None
    refresh_number: int
    code_hash: str
    browser_id: str | None
    created_at_us: int
    refreshed_at_us: int
    used_at_us: int
    expires_at_us: int
    refresh_expires_at_us: int | None


@dataclass(frozen=True, slots=True)
class LiveGrant:
    """What every request of a client needs of its grant and of the account."""

    id: str
    account_id: int
    client_id: str
    dpop_jkt: str
    scope: str
    access_expires_at_us: int
    used_at_us: int
    did: str
    takedown_ref: str | None
    deactivated_at: str | None


@dataclass(frozen=True, slots=True)
class UsedRefreshToken:
    """A refresh token that was traded for the next; ``number`` is its place, from 0."""

    grant_id: str
    number: int
    used_at_us: int


_COLUMNS = tuple(GrantRow.__dataclass_fields__)
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM oauth_grant"  # noqa: S608 # constants
_UPDATE = (
    f"UPDATE oauth_grant SET {', '.join(f'{name} = ?' for name in _COLUMNS)}"  # noqa: S608 # constants
    " WHERE id = ?"
)
_INSERT = (
    f"INSERT INTO oauth_grant ({', '.join(_COLUMNS)})"  # noqa: S608 # constants
    f" VALUES ({', '.join('?' * len(_COLUMNS))})"
)
_BEYOND = (
    "DELETE FROM oauth_grant WHERE rowid IN (SELECT rowid FROM oauth_grant WHERE {whose}"
    " ORDER BY used_at_us DESC, rowid DESC LIMIT -1 OFFSET ?)"
)
LIVE = (
    "SELECT g.id, g.account_id, g.client_id, g.dpop_jkt, g.scope, g.access_expires_at_us,"
    ' g.used_at_us, a.did, a."takedownRef", a."deactivatedAt"'
    " FROM oauth_grant g JOIN account a ON a.id = g.account_id WHERE g.token_id = ?"
)


def find_live(token_id: str) -> LiveGrant | None:
    """The grant whose access token this is, and its account: one query, for every request."""
    found = row(LIVE, (token_id,))
    return None if found is None else LiveGrant(*found)


def find(grant_id: str) -> GrantRow | None:
    return _find("id", grant_id)


def find_by_token(token_id: str) -> GrantRow | None:
    return _find("token_id", token_id)


def find_by_code(code_hash: str) -> GrantRow | None:
    """The grant that came of a code."""
    return _find("code_hash", code_hash)


def find_by_refresh(refresh_hash: str) -> GrantRow | None:
    """The grant whose refresh token *in use* this is; for others see ``find_used``."""
    return _find("refresh_hash", refresh_hash)


def find_used(refresh_hash: str) -> UsedRefreshToken | None:
    found = row(
        "SELECT grant_id, number, used_at_us FROM oauth_used_refresh_token WHERE hash = ?",
        (refresh_hash,),
    )
    return None if found is None else UsedRefreshToken(*found)


def list_for_account(account_id: int, limit: int) -> list[GrantRow]:
    """An account's grants, the last used first, those that have lapsed as well."""
    found = rows(
        f"{_SELECT} WHERE account_id = ? ORDER BY used_at_us DESC, id LIMIT ?",
        (account_id, limit),
    )
    return [GrantRow(*values) for values in found]


def has_any(account_id: int, client_id: str) -> bool:
    """Whether an account has a grant with this client."""
    sql = "SELECT 1 FROM oauth_grant WHERE account_id = ? AND client_id = ? LIMIT 1"
    return row(sql, (account_id, client_id)) is not None


def _find(column: str, value: str) -> GrantRow | None:
    found = row(f"{_SELECT} WHERE {column} = ?", (value,))
    return None if found is None else GrantRow(*found)


# Every function below changes rows; the caller holds the transaction.


def insert(grant: GrantRow) -> None:
    execute(_INSERT, astuple(grant))


def update(grant: GrantRow) -> None:
    """Store what has become of a grant."""
    execute(_UPDATE, (*astuple(grant), grant.id))


def add_used(refresh_hash: str, used: UsedRefreshToken, *, keep: int) -> None:
    """Note that a refresh token was used; of each grant the ``keep`` last ones are remembered."""
    execute(
        "INSERT INTO oauth_used_refresh_token (hash, grant_id, number, used_at_us)"
        " VALUES (?, ?, ?, ?)",
        (refresh_hash, used.grant_id, used.number, used.used_at_us),
    )
    execute(
        "DELETE FROM oauth_used_refresh_token WHERE grant_id = ? AND number <= ?",
        (used.grant_id, used.number - keep),
    )


def set_used(grant_id: str, at_us: int) -> None:
    execute(
        "UPDATE oauth_grant SET used_at_us = ? WHERE id = ? AND used_at_us < ?",
        (at_us, grant_id, at_us),
    )


def delete(grant_id: str) -> bool:
    """End a grant; False when it has ended before."""
    return execute("DELETE FROM oauth_grant WHERE id = ?", (grant_id,)) == 1


def delete_for_account(account_id: int, *, keep: str = "") -> None:
    """End all grants of an account but the one with the id ``keep``."""
    execute("DELETE FROM oauth_grant WHERE account_id = ? AND id != ?", (account_id, keep))


def delete_unused(account_id: int, client_id: str, *, per_client: int, per_account: int) -> None:
    """End the grants not used for longest, where an account has more than so many."""
    execute(
        _BEYOND.format(whose="account_id = ? AND client_id = ?"),
        (account_id, client_id, per_client),
    )
    execute(_BEYOND.format(whose="account_id = ?"), (account_id, per_account))


def delete_lapsed(now_us: int, limit: int) -> int:
    """End up to ``limit`` grants whose time is over; return how many."""
    return execute(
        "DELETE FROM oauth_grant WHERE rowid IN (SELECT rowid FROM oauth_grant"
        " WHERE expires_at_us <= ? OR refresh_expires_at_us <= ? LIMIT ?)",
        (now_us, now_us, limit),
    )
