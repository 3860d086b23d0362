"""Rules no linter knows: names, verbs, who may call what, sizes, and the shape of the file."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from peewee import SqliteDatabase

import pds.storage
from pds.atproto.lexicon.catalog import Catalog
from pds.config import TABLE
from pds.storage import database
from pds.storage.migrate import migrate
from pds.xrpc.loading import load_methods
from pds.xrpc.method import Auths, Method

ROOT = Path(__file__).resolve().parents[1]
MAX_LINES = {"pds": 400, "tests": 500}  # tests hold tables of cases

# Who may call what. A change here is a change of who gets in: review it as such.
REVIEWED_AUTH = {
    "app.bsky.actor.getPreferences": Auths.USER_OR_MODERATOR,
    "app.bsky.actor.getProfile": Auths.PROXIED,
    "app.bsky.actor.getProfiles": Auths.PROXIED,
    "app.bsky.actor.putPreferences": Auths.USER_NOT_TAKEN_DOWN,
    "app.bsky.ageassurance.getState": Auths.PROXIED,
    "app.bsky.feed.getActorLikes": Auths.PROXIED,
    "app.bsky.feed.getAuthorFeed": Auths.PROXIED,
    "app.bsky.feed.getFeed": Auths.PROXIED,
    "app.bsky.feed.getPostThread": Auths.PROXIED,
    "app.bsky.feed.getTimeline": Auths.PROXIED,
    "app.bsky.notification.registerPush": Auths.PROXIED,
    "app.bsky.notification.unregisterPush": Auths.PROXIED,
    "app.bsky.unspecced.getAgeAssuranceState": Auths.PROXIED,
    "com.atproto.admin.deleteAccount": Auths.ADMIN,
    "com.atproto.admin.disableAccountInvites": Auths.MODERATOR,
    "com.atproto.admin.disableInviteCodes": Auths.MODERATOR,
    "com.atproto.admin.enableAccountInvites": Auths.MODERATOR,
    "com.atproto.admin.getAccountInfo": Auths.MODERATOR,
    "com.atproto.admin.getAccountInfos": Auths.MODERATOR,
    "com.atproto.admin.getInviteCodes": Auths.MODERATOR,
    "com.atproto.admin.getSubjectStatus": Auths.MODERATOR,
    "com.atproto.admin.searchAccounts": Auths.MODERATOR,
    "com.atproto.admin.sendEmail": Auths.MODERATOR,
    "com.atproto.admin.updateAccountEmail": Auths.ADMIN,
    "com.atproto.admin.updateAccountHandle": Auths.ADMIN,
    "com.atproto.admin.updateAccountPassword": Auths.ADMIN,
    "com.atproto.admin.updateSubjectStatus": Auths.MODERATOR,
    "com.atproto.identity.getRecommendedDidCredentials": Auths.USER,
    "com.atproto.identity.refreshIdentity": Auths.USER_NOT_TAKEN_DOWN,
    "com.atproto.identity.requestPlcOperationSignature": Auths.FULL_USER_OR_TAKEN_DOWN,
    "com.atproto.identity.resolveDid": Auths.NONE,
    "com.atproto.identity.resolveHandle": Auths.NONE,
    "com.atproto.identity.resolveIdentity": Auths.NONE,
    "com.atproto.identity.signPlcOperation": Auths.FULL_USER_OR_TAKEN_DOWN,
    "com.atproto.identity.submitPlcOperation": Auths.FULL_USER_NOT_TAKEN_DOWN,
    "com.atproto.identity.updateHandle": Auths.FULL_USER_NOT_TAKEN_DOWN,
    "com.atproto.moderation.createReport": Auths.USER_OR_TAKEN_DOWN,
    "com.atproto.repo.applyWrites": Auths.USER,
    "com.atproto.repo.createRecord": Auths.USER,
    "com.atproto.repo.deleteRecord": Auths.USER,
    "com.atproto.repo.describeRepo": Auths.NONE,
    "com.atproto.repo.getRecord": Auths.NONE,
    "com.atproto.repo.importRepo": Auths.FULL_USER_NOT_TAKEN_DOWN,
    "com.atproto.repo.listMissingBlobs": Auths.USER,
    "com.atproto.repo.listRecords": Auths.NONE,
    "com.atproto.repo.putRecord": Auths.USER,
    "com.atproto.repo.uploadBlob": Auths.UPLOAD,
    "com.atproto.server.activateAccount": Auths.FULL_USER,
    "com.atproto.server.checkAccountStatus": Auths.USER,
    "com.atproto.server.confirmEmail": Auths.USER_NOT_TAKEN_DOWN,
    "com.atproto.server.createAccount": Auths.NEW_ACCOUNT,
    "com.atproto.server.createAppPassword": Auths.FULL_USER_NOT_TAKEN_DOWN,
    "com.atproto.server.createInviteCode": Auths.ADMIN,
    "com.atproto.server.createInviteCodes": Auths.ADMIN,
    "com.atproto.server.createSession": Auths.NONE,
    "com.atproto.server.deactivateAccount": Auths.FULL_USER_OR_TAKEN_DOWN,
    "com.atproto.server.deleteAccount": Auths.NONE,
    "com.atproto.server.deleteSession": Auths.REFRESH_OR_EXPIRED,
    "com.atproto.server.describeServer": Auths.NONE,
    "com.atproto.server.getAccountInviteCodes": Auths.FULL_USER_NOT_TAKEN_DOWN,
    "com.atproto.server.getServiceAuth": Auths.USER_OR_TAKEN_DOWN,
    "com.atproto.server.getSession": Auths.USER,
    "com.atproto.server.listAppPasswords": Auths.FULL_USER_NOT_TAKEN_DOWN,
    "com.atproto.server.refreshSession": Auths.REFRESH,
    "com.atproto.server.revokeAppPassword": Auths.FULL_USER_NOT_TAKEN_DOWN,
    "com.atproto.server.requestAccountDelete": Auths.FULL_USER_NOT_TAKEN_DOWN,
    "com.atproto.server.requestEmailConfirmation": Auths.USER_NOT_TAKEN_DOWN,
    "com.atproto.server.requestEmailUpdate": Auths.FULL_USER_NOT_TAKEN_DOWN,
    "com.atproto.server.requestPasswordReset": Auths.NONE,
    "com.atproto.server.reserveSigningKey": Auths.SERVICE_OR_ADMIN,
    "com.atproto.server.resetPassword": Auths.NONE,
    "com.atproto.server.updateEmail": Auths.FULL_USER_NOT_TAKEN_DOWN,
    "com.atproto.sync.getBlob": Auths.OPTIONAL_OR_TAKEN_DOWN,
    "com.atproto.sync.getBlocks": Auths.OPTIONAL,
    "com.atproto.sync.getCheckout": Auths.OPTIONAL,
    "com.atproto.sync.getHead": Auths.OPTIONAL,
    "com.atproto.sync.getLatestCommit": Auths.OPTIONAL,
    "com.atproto.sync.getRecord": Auths.OPTIONAL,
    "com.atproto.sync.getRepo": Auths.OPTIONAL_OR_TAKEN_DOWN,
    "com.atproto.sync.getRepoStatus": Auths.NONE,
    "com.atproto.sync.listBlobs": Auths.OPTIONAL_OR_TAKEN_DOWN,
    "com.atproto.sync.listRepos": Auths.NONE,
    "com.atproto.sync.subscribeRepos": Auths.NONE,
    "com.atproto.temp.checkSignupQueue": Auths.USER,
    "com.atproto.temp.checkHandleAvailability": Auths.NONE,
}

METHODS = {
    nsid: method
    for nsid, method in load_methods().items()
    if method.handler.__module__.startswith("pds.")  # tests declare some of their own
}
each_method = pytest.mark.parametrize(
    "method", list(METHODS.values()), ids=list(METHODS) if METHODS else None
)


def snake_case(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


def python_files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


# --- methods ------------------------------------------------------------------------------------


def test_methods_are_the_reviewed_ones() -> None:
    assert sorted(METHODS) == sorted(REVIEWED_AUTH)


@each_method
def test_auth_is_the_reviewed_one(method: Method) -> None:
    assert method.auth == REVIEWED_AUTH[method.nsid]


@each_method
def test_module_and_function_are_named_by_the_nsid(method: Method) -> None:
    authority, _, name = method.nsid.rpartition(".")

    assert method.handler.__module__ == f"pds.xrpc.{authority.replace('.', '_')}.{snake_case(name)}"
    assert method.handler.__name__ == snake_case(name)


@each_method
def test_kind_agrees_with_the_lexicon(method: Method) -> None:
    document = Catalog.installed().find(method.nsid)

    assert document is not None
    assert document["defs"]["main"]["type"] == method.kind


@each_method
def test_method_has_a_test_file(method: Method) -> None:
    authority, _, name = method.nsid.rpartition(".")
    file = ROOT / "tests/xrpc" / authority.replace(".", "_") / f"test_{snake_case(name)}.py"

    assert file.exists()


@each_method
def test_whoever_asks_the_app_view_and_the_like_has_threads_for_it(method: Method) -> None:
    """A service that hangs must not hold up those who do not ask it."""
    source = inspect.getsource(sys.modules[method.handler.__module__])
    helpers = r"\b(proxying|upstream_calls|forward|complete|complete_thread|tell_push_service)\b"

    assert method.asks_others or not re.search(helpers, source)


def test_a_method_package_holds_methods_only() -> None:
    declared = {method.handler.__module__ for method in METHODS.values()}
    found = {
        ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for file in (ROOT / "pds/xrpc").glob("*_*/*.py")
        if file.name != "__init__.py"
    }

    assert found == declared


# --- sizes and settings -------------------------------------------------------------------------


@pytest.mark.parametrize(("folder", "limit"), MAX_LINES.items())
def test_no_module_is_longer_than_the_limit(folder: str, limit: int) -> None:
    lengths = {
        str(file.relative_to(ROOT)): len(file.read_text(encoding="utf-8").splitlines())
        for file in python_files(folder)
    }

    assert {name: length for name, length in lengths.items() if length > limit} == {}


def test_every_setting_in_use_is_read_somewhere() -> None:
    files = [ROOT / "app.py", *(file for file in python_files("pds") if file.name != "config.py")]
    code = "\n".join(file.read_text(encoding="utf-8") for file in files)
    in_use = {row.name.removeprefix("PDS_").lower() for row in TABLE if row.effect == "used"}

    assert {name for name in in_use if not re.search(rf"config\.{name}\b", code)} == set()


def test_no_setting_without_effect_is_read() -> None:
    code = "\n".join(file.read_text(encoding="utf-8") for file in python_files("pds"))
    idle = {row.name.removeprefix("PDS_").lower() for row in TABLE if row.effect != "used"}

    assert {name for name in idle if re.search(rf"config\.{name}\b", code)} == set()


# --- the database -------------------------------------------------------------------------------


def all_models() -> list[type[database.Table]]:
    for module in pkgutil.iter_modules(pds.storage.__path__):
        if not module.ispkg:
            importlib.import_module(f"pds.storage.{module.name}")
    return sorted(database.Table.__subclasses__(), key=lambda model: model.__name__)


def shape(connection: sqlite3.Connection) -> dict[str, object]:
    """Columns and indexes by table, without what SQLite and the migrations keep for themselves.

    Foreign keys, and the index each brings, are the migrations' alone: models hold plain ids.
    """
    names = [
        name
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        if not name.startswith("sqlite_") and "migration" not in name
    ]
    return {
        name: (
            connection.execute(f"PRAGMA table_info({name})").fetchall(),
            "AUTOINCREMENT" in table_sql(connection, name).upper(),
            sorted(indexes(connection, name)),
        )
        for name in names
    }


def table_sql(connection: sqlite3.Connection, name: str) -> str:
    found = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (name,)).fetchone()
    return str(found[0])


def indexes(connection: sqlite3.Connection, table: str) -> Iterator[tuple[object, ...]]:
    foreign = {(row[3],) for row in connection.execute(f"PRAGMA foreign_key_list({table})")}
    for _, name, unique, _, partial in connection.execute(f"PRAGMA index_list({table})"):
        columns = tuple(row[2] for row in connection.execute(f"PRAGMA index_info({name})"))
        if columns not in foreign or unique:
            yield columns, unique, partial


def test_schema_after_all_migrations_equals_the_models(tmp_path: Path) -> None:
    migrated, modelled = tmp_path / "migrated.sqlite", tmp_path / "modelled.sqlite"
    database.open_database(migrated)
    try:
        migrate()
    finally:
        database.close_database()
    from_models = SqliteDatabase(str(modelled))
    with from_models.bind_ctx(all_models()), from_models:
        from_models.create_tables(all_models())

    one, other = sqlite3.connect(migrated), sqlite3.connect(modelled)
    try:
        assert shape(one) == shape(other)
    finally:
        one.close()
        other.close()
