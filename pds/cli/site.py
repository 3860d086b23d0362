"""The server on this machine, as a command finds it: settings, database, services.

A command works beside a running server, in a process of its own on the same files. So it opens
what is there and repairs nothing, makes no file that the server could not write later, and brings
no database into another shape under a server's feet.
"""

from __future__ import annotations

import dataclasses
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pds.cli.failures import Failure, told
from pds.config import Config
from pds.environment import INSTALLED_ENV_FILE, operator_environment, with_local_secrets
from pds.local_secrets import DATABASE_NAME
from pds.settings import path

if TYPE_CHECKING:
    from pds.services import Services

WAIT_MS = 30_000  # for a server that is writing: an operator would rather wait than try again


class Site:
    """Opened by a command where it needs it. ``env_file`` is the one named on the command line."""

    def __init__(self, env_file: Path | None) -> None:
        self._env_file = env_file
        self._environment: dict[str, str] | None = None

    @contextmanager
    def services(self) -> Iterator[Services]:
        """What the server can do, on its own database. What goes wrong comes out as a Failure."""
        from pds.services import (
            build_services,
            installation,
        )  # 0.3 s, which the help can do without

        with self.database() as given:
            port = installation.known_port() if given.is_local else None
            config = dataclasses.replace(given, port=port or given.port)
            installation.check_address(config)
            services = build_services(config)
            try:
                installation.check_rotation_key(services.keys)
                yield services
            finally:
                services.close()

    @property
    def is_installed(self) -> bool:
        """Whether it is the server that the installer made, whose commands need sudo."""
        try:
            return self.environment().get("PDS_ENV_FILE") == str(INSTALLED_ENV_FILE)
        except Failure:
            return False

    @property
    def is_hidden(self) -> bool:
        """Whether there is such a server, and this user may not read its settings."""
        try:
            environ = self.environment()
        except Failure:
            return False
        named = environ.get("PDS_ENV_FILE") or environ.get("PDS_HOSTNAME")
        file = path(environ["PDS_DATA_DIRECTORY"]) / DATABASE_NAME
        return not named and not os.access(file, os.R_OK) and _needs_sudo()

    @property
    def env_file(self) -> Path | None:
        """The file named on the command line."""
        return self._env_file

    def environment(self) -> dict[str, str]:
        """The settings as they are given, not checked; secrets of local mode are not among them.

        Read once: who has gone on as the owner of the data may not be able to read them again.
        """
        if self._environment is None:
            with told():
                self._environment = operator_environment(self._env_file)
        return dict(self._environment)

    def settings(self) -> dict[str, str]:
        """The settings of the server, secrets included, as a backup keeps them."""
        with told():
            environ = with_local_secrets(self.environment())
        return {name: raw for name, raw in environ.items() if name.startswith(("PDS_", "LOG_"))}

    @contextmanager
    def settings_alone(self) -> Iterator[Config]:
        """The settings, checked; the database stays closed."""
        with told():
            environ = self.environment()
            become_owner(path(environ["PDS_DATA_DIRECTORY"]))
            yield Config.from_env(with_local_secrets(environ))

    @contextmanager
    def database(self, *, in_any_shape: bool = False) -> Iterator[Config]:
        """Open the server's database; it is in this program's shape unless told otherwise."""
        from pds.storage import database, migrate

        with told():
            environ = self.environment()
            file = path(environ["PDS_DATA_DIRECTORY"]) / DATABASE_NAME
            was_root = os.geteuid() == 0
            become_owner(file.parent)
            _check_file(file, environ, was_root=was_root)
            config = Config.from_env(with_local_secrets(environ))
            database.open_database(file, busy_timeout_ms=WAIT_MS)
            try:
                if not in_any_shape:
                    migrate.check_not_newer()
                    _check_not_older()
                yield config
            finally:
                # Not close_database: folding in the write-ahead log is the server's business.
                database.close_thread_connection()


def become_owner(directory: Path, program: str = os.__file__) -> None:
    """As root, go on as the user whose data it is: what root makes, the server could not write.

    An owner who may not even read ``program`` is not who runs the server; then root it is.
    """
    if os.geteuid() != 0 or not directory.exists() or directory.stat().st_uid == 0:
        return
    owner, before = directory.stat(), (os.getgroups(), os.getegid())
    os.setgroups(_groups_of(owner.st_uid, owner.st_gid))
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
    is_reader = os.access(program, os.R_OK, effective_ids=True)
    os.seteuid(0)
    if is_reader:
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)
    else:
        os.setegid(before[1])
        os.setgroups(before[0])


def _groups_of(user_id: int, group_id: int) -> list[int]:
    try:
        return os.getgrouplist(pwd.getpwuid(user_id).pw_name, group_id)
    except KeyError:  # a user without a name, as in containers
        return [group_id]


def _check_file(file: Path, environ: dict[str, str], *, was_root: bool) -> None:
    if not file.parent.exists() or (os.access(file.parent, os.X_OK) and not file.exists()):
        message = f"there is no database at {file}; {_where_else(environ)}"
        raise Failure(message)
    if not os.access(file, os.R_OK | os.W_OK) or not os.access(file.parent, os.W_OK):
        message = f"this user may not write {file}; run the command with sudo"
        if was_root:
            message = (
                f"the owner of {file.parent} may not write {file}; see whether its disk is mounted"
                f" read-only, else: sudo chmod -R u+rwX {file.parent}"
            )
        raise Failure(message)


def _where_else(environ: dict[str, str]) -> str:
    if environ.get("PDS_ENV_FILE") or os.access(INSTALLED_ENV_FILE, os.R_OK):
        return "start the server once, or check PDS_DATA_DIRECTORY"
    if _needs_sudo():
        return f"run the command with sudo, so that it may read {INSTALLED_ENV_FILE}"
    return "start the server once, or name its settings with --env-file or PDS_ENV_FILE"


def _needs_sudo() -> bool:
    is_there = INSTALLED_ENV_FILE.parent.exists() and not os.access(INSTALLED_ENV_FILE, os.R_OK)
    return is_there and os.geteuid() != 0


def _check_not_older() -> None:
    from pds.storage import migrate

    missing, _ = migrate.compare()
    if missing:
        message = (
            "the database is older than this program; restart the server, which brings it up to"
            " date, or with the server stopped: pdsadmin database migrate"
        )
        raise Failure(message)
