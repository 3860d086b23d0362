"""A data directory, and the operator's commands for it, run in this process."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from pds.cli.__main__ import pdsadmin
from pds.config import Config
from pds.services.backup import age_file
from pds.services.clock import system_clock
from pds.storage import database
from tests.factories import START_US, StillClock, make_config
from tests.fakes.s3_server import KEY, SECRET, S3Server

if TYPE_CHECKING:
    from pds.services import Services


@dataclass(frozen=True)
class Operator:
    """Somebody at the server's own console."""

    data: Path
    config: Config

    def run(self, *words: str, answers: str | None = None) -> Result:
        """Run one command; ``answers`` is what is on its standard input."""
        result = CliRunner().invoke(pdsadmin, words, input=answers, prog_name="pdsadmin")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def ask(self, *words: str) -> Any:
        """The JSON document of a command that must succeed."""
        result = self.run(*words, "--json")
        assert (result.exit_code, result.stderr) == (0, "")
        return json.loads(result.stdout)

    def fail(self, *words: str) -> str:
        """What a command says that must fail without having done anything."""
        before = self.dump()
        result = self.run(*words)
        assert (result.exit_code, result.stdout) == (1, "")
        assert self.dump() == before
        [line] = result.stderr.splitlines()
        return line.removeprefix("Error: ")

    def create(self, name: str = "alice") -> dict[str, Any]:
        """Make an account."""
        made: dict[str, Any] = self.ask(
            "account", "create", "--handle", name, "--email", f"{name}@example.com"
        )
        return made

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.data / "pds.sqlite")) as file:
            return file.execute(sql).fetchall()

    def dump(self) -> list[str]:
        """Everything that is stored."""
        with closing(sqlite3.connect(self.data / "pds.sqlite")) as file:
            return list(file.iterdump())

    @contextmanager
    def services(self, now_us: int | None = START_US) -> Iterator[Services]:
        """The server, started on the data; not at the same time as a command.

        now_us: what its clock shows, None being the time of day, as for a command.
        """
        from pds.services import build_services

        database.open_database(self.data / "pds.sqlite")
        try:
            built = build_services(
                self.config, system_clock if now_us is None else StillClock(now_us)
            )
            yield built
            built.close()
        finally:
            database.close_database()


@pytest.fixture
def operator(tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch) -> Operator:
    """A server that is not running, and has no accounts yet."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    shutil.copyfile(empty_database, data / "pds.sqlite")
    config = make_config(data)
    for name in [name for name in os.environ if name.startswith("PDS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PDS_DATA_DIRECTORY", str(data))
    monkeypatch.setenv("PDS_JWT_SECRET", config.jwt_secret)
    monkeypatch.setenv("PDS_ADMIN_PASSWORD", config.admin_password)
    monkeypatch.setenv(
        "PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX", config.plc_rotation_key_k256_private_key_hex
    )
    monkeypatch.chdir(tmp_path)
    return Operator(data, config)


# --- where backups go ---------------------------------------------------------------------------


@pytest.fixture
def place(operator: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the settings say that backups go."""
    del operator  # it forgets all settings
    monkeypatch.setenv("PDS_BACKUP_LOCATION", str(tmp_path / "backups"))
    return tmp_path / "backups"


@pytest.fixture
def passphrase(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> str:
    """What backups are sealed with, for less than that costs in earnest."""
    del operator
    text = "correct horse battery staple"
    monkeypatch.setattr(age_file, "LOG_N", 10)
    monkeypatch.setenv("PDS_BACKUP_PASSPHRASE", text)
    return text


@pytest.fixture
def sealed(place: Path, passphrase: str) -> Path:
    del passphrase
    return place


@pytest.fixture
def bucket(s3_server: S3Server, operator: Operator, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the server keeps the objects of the bucket."""
    del operator
    name = s3_server.new_bucket()
    monkeypatch.setenv("PDS_BACKUP_LOCATION", f"s3://{name}/hearth")
    monkeypatch.setenv("PDS_BACKUP_S3_ENDPOINT", f"http://127.0.0.1:{s3_server.port}")
    monkeypatch.setenv("PDS_BACKUP_S3_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("PDS_BACKUP_S3_SECRET_ACCESS_KEY", SECRET)
    return s3_server.folder(name) / "hearth"
