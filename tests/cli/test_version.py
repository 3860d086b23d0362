"""Which version is here, runs, and has had the database."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pds import __version__
from tests.cli.conftest import Operator
from tests.operator_process import ask
from tests.server_process import ROOT, ServerProcess, free_port


def test_server_that_does_not_run(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PDS_PORT", str(free_port()))
    assert operator.ask("version") == {
        "program": __version__,
        "folder": str(ROOT),
        "running": None,
        "missingSteps": [],
        "unknownSteps": [],
    }
    said = operator.run("version").stdout.splitlines()
    assert said[0] == f"Program  : Hearth {__version__}, in {ROOT}"
    assert said[1:] == ["Server   : does not answer", "Database : as this version has it"]


def test_database_of_another_version(operator: Operator) -> None:
    file = operator.data / "pds.sqlite"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("DELETE FROM schema_migration WHERE name = '0007_oauth'")
    assert operator.run("version").stdout.endswith("the next start of the server adds 0007_oauth\n")

    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("INSERT INTO schema_migration VALUES (99, '0900_more', '2030')")
    assert "of a newer version, which has added 0900_more" in operator.run("version").stdout

    file.unlink()
    assert operator.ask("version")["missingSteps"] is None
    assert not file.exists()


@pytest.mark.slow
def test_running_server_says_its_version(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", settings={"PDS_VERSION": "mine"}) as server:
        env = tmp_path / "pds.env"
        env.write_text(f"PDS_PORT={server.port}\nPDS_DATA_DIRECTORY={tmp_path / 'data'}\n")
        found = ask("version", env_file=env)
    assert (found["program"], found["running"]) == (__version__, "mine")
