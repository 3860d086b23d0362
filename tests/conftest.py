"""What every test may ask for, and what none may leave behind."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING

import pytest
import pytest_socket
from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule

from pds.config import Config
from pds.services import passwords
from pds.services.backup import age_file
from pds.storage import database, migrate
from tests.factories import Person, StillClock, make_account, make_config

if TYPE_CHECKING:
    from pds.services import Services
    from tests.authorizing import Asking
    from tests.browser_jar import Jar
    from tests.fakes.s3_server import S3Server
    from tests.proxy_stage import ProxyStage
    from tests.stage import Stage

THREADS_MAY_TAKE_S = 5.0


class CompiledTemplates(BytecodeCache):
    """What Jinja has compiled, by name, file and content."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._known.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        assert bucket.code is not None
        self._known[bucket.key, bucket.checksum] = bucket.code


@pytest.fixture(autouse=True)
def no_leaks() -> Iterator[None]:
    """Fail the test that leaves a transaction, a connection or a thread behind."""
    before = set(threading.enumerate())
    yield
    leaks = []
    if getattr(database.db.local, "callbacks", None) is not None or database.db.write_lock.locked():
        leaks.append("an open transaction")
    if not database.db.is_closed():
        database.db.close()
        leaks.append("an open database")
    until = time.monotonic() + THREADS_MAY_TAKE_S
    for thread in set(threading.enumerate()) - before:
        if thread.name.startswith(("scrypt", "waiting", "asyncio_")):
            # They stay for the next password; of a server that many tests share; of the browser
            # that all of its tests share.
            continue
        thread.join(max(0.0, until - time.monotonic()))
        if thread.is_alive():
            leaks.append(f"the thread {thread.name}")
    if leaks:
        pytest.fail(f"the test left behind: {', '.join(leaks)}")


@pytest.fixture(autouse=True)
def only_this_machine() -> None:
    """No test talks to the outside; servers of its own on this machine it may ask.

    The plugin lifts the restriction after each test.
    """
    pytest_socket.socket_allow_hosts(["127.0.0.1", "::1"], allow_unix_socket=True)


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash with the least work scrypt allows; the real cost is tested by its own vectors."""
    monkeypatch.setattr(passwords, "SCRYPT_COST", 2)
    monkeypatch.setattr(age_file, "LOG_N", 1)


@pytest.fixture(autouse=True)
def cheap_commits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for no disk: as long as the power stays, it makes no difference."""
    monkeypatch.setitem(database._PRAGMAS, "synchronous", "off")


@pytest.fixture(autouse=True, scope="session")
def cheap_apps() -> Iterator[None]:
    """Compile templates, and what builds the URLs of a route, once for all applications.

    That is most of what an application costs, and thousands of tests make one.
    """
    compile_builder = Rule._compile_builder
    known: dict[tuple[object, ...], Callable[..., tuple[str, str]]] = {}

    def compile_once(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        key = (rule.rule, *rule._trace, append_unknown, repr(rule.defaults))
        if key not in known:
            known[key] = compile_builder(rule, append_unknown)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", compile_once)
        patch.setitem(Flask.jinja_options, "bytecode_cache", CompiledTemplates())
        yield


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A local server's settings: embedded directory, no invites, handles under .test."""
    return make_config(tmp_path)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file without rows, made once: migrating costs more than most tests."""
    path = tmp_path_factory.mktemp("template") / "pds.sqlite"
    database.open_database(path)
    migrate.migrate()
    database.close_database()
    return path


@pytest.fixture
def open_database(tmp_path: Path, empty_database: Path) -> Iterator[Path]:
    """An open, empty database; its path."""
    path = tmp_path / "pds.sqlite"
    shutil.copyfile(empty_database, path)
    database.open_database(path)
    yield path
    database.close_database()


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An S3 server, begun with the first test that wants it."""
    from tests.fakes.s3_server import S3Server

    with S3Server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def services(config: Config, clock: StillClock, open_database: Path) -> Iterator[Services]:
    """The whole server but for HTTP. Tests may ask for ``config`` and override it."""
    from pds.services import build_services

    del open_database
    built = build_services(config, clock)
    yield built
    built.close()


@pytest.fixture
def alice(services: Services) -> Person:
    return make_account(services, "alice")


@pytest.fixture
def bob(services: Services) -> Person:
    return make_account(services, "bob")


@pytest.fixture
def stage(services: Services) -> Iterator[Stage]:
    """The whole server, over HTTP."""
    from tests.stage import open_stage

    with open_stage(services) as opened:
        yield opened


@pytest.fixture
def proxy(tmp_path: Path, clock: StillClock, open_database: Path) -> Iterator[ProxyStage]:
    """The whole server with other services to pass calls on to, which refuse none of them."""
    from tests.proxy_stage import open_proxy_stage

    del open_database
    with open_proxy_stage(tmp_path, clock) as opened:
        yield opened
        assert [service.refused for service in opened.upstreams] == [[], [], []]


@pytest.fixture
def asking(monkeypatch: pytest.MonkeyPatch, clock: StillClock) -> Asking:
    """Apps that send members here to be asked."""
    from tests.authorizing import Asking, serve

    found = Asking(clock())
    serve(monkeypatch, found)
    return found


@pytest.fixture
def jar(services: Services) -> Jar:
    """A browser."""
    from tests.browser_jar import Jar

    return Jar(services)
