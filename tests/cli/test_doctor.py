"""pdsadmin doctor."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import click
import pytest

from pds import __version__
from pds.cli.__main__ import pdsadmin
from pds.cli.doctor import _as_typed
from pds.cli.site import Site
from pds.environment import HERE
from pds.services.doctor.model import Finding
from pds.storage.process_lock import ProcessLock
from tests.cli.conftest import Operator
from tests.fakes.web_server import WebServer, web_server
from tests.server_process import free_port


@pytest.fixture
def answering(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    """A server that answers the health check for ``operator``."""
    del operator
    with web_server() as server:
        server.text("/xrpc/_health", json.dumps({"version": __version__}))
        monkeypatch.setenv("PDS_PORT", str(server.port))
        yield server


@pytest.mark.usefixtures("answering")
def test_a_healthy_server_has_nothing_to_do(operator: Operator) -> None:
    found = operator.ask("doctor")

    assert found["outcome"] == "ok"
    assert {one["outcome"] for one in found["findings"]} <= {"ok", "skipped"}
    result = operator.run("doctor")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("Nothing to do: ")
    assert "\nok    server: answers on port" in f"\n{operator.run('doctor', '--all').stdout}"


def test_a_server_that_is_not_running_is_named(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PDS_PORT", str(free_port()))

    result = operator.run("doctor", "--json")

    assert result.exit_code == 2
    found = json.loads(result.stdout)
    assert found["outcome"] == "bad"
    [bad] = [one for one in found["findings"] if one["outcome"] == "bad"]
    assert (bad["name"], bad["remedy"]) == ("server-down", "./install.sh local")


def test_a_warning_alone_is_status_1(operator: Operator, answering: WebServer) -> None:
    answering.text("/xrpc/_health", '{"version": "0.0.1"}')

    assert operator.run("doctor").stdout.startswith("BAD   server-port-taken: another server ")
    lock = ProcessLock(operator.data / "pds.lock")
    result = operator.run("doctor")
    lock.release()

    assert result.exit_code == 1
    assert result.stdout.splitlines()[:2] == [
        f"warn  server-old: the server that runs is version 0.0.1, this program is {__version__}",
        "      sudo systemctl restart pds",
    ]


def test_settings_that_cannot_be_read_are_named(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PDS_THREADS", "many")

    result = operator.run("doctor")

    assert result.exit_code == 2
    assert result.stdout.startswith('BAD   settings: PDS_THREADS: "many" is not a whole number')
    assert "put it right where the settings are" in result.stdout


def test_file_with_the_wrong_setting_is_named(operator: Operator, tmp_path: Path) -> None:
    file = tmp_path / "pds.env"
    file.write_text(f"PDS_DATA_DIRECTORY={operator.data}\nPDS_THREADS=many\n")

    result = operator.run("--env-file", str(file), "doctor")

    assert f"put it right in {file}, then: sudo systemctl restart pds" in result.stdout


def test_no_data_is_named_and_the_rest_looked_at(operator: Operator) -> None:
    (operator.data / "pds.sqlite").unlink()

    found = json.loads(operator.run("doctor", "--json").stdout)["findings"]

    by_name = {one["name"]: one for one in found}
    assert by_name["data"]["found"] == f"there is no database at {operator.data / 'pds.sqlite'}"
    assert by_name["disk"]["outcome"] == "ok"
    assert by_name["sign-up"]["outcome"] == "skipped"


@pytest.mark.usefixtures("answering")
def test_a_file_that_is_no_database_is_named(operator: Operator) -> None:
    (operator.data / "pds.sqlite").write_bytes(b"not a database at all" * 1_000)

    result = operator.run("doctor")

    assert result.exit_code == 2
    assert "BAD   database-damaged: the database is damaged: file is not a database" in (
        result.stdout
    )
    assert "pdsadmin backup restore" in result.stdout


@pytest.mark.usefixtures("answering")
def test_data_that_cannot_be_opened_is_named_whatever_it_is(operator: Operator) -> None:
    operator.create()
    shutil.rmtree(operator.data / "blobs", ignore_errors=True)
    (operator.data / "blobs").write_text("a file")

    found = json.loads(operator.run("doctor", "--json").stdout)["findings"]

    [data] = [one for one in found if one["name"] == "data"]
    assert data["found"].startswith("the data cannot be used: [Errno 17] File exists: ")
    assert {one["name"]: one["outcome"] for one in found}["database"] == "ok"


@pytest.mark.usefixtures("answering")
def test_rows_that_refer_to_nothing_are_named(operator: Operator) -> None:
    operator.create()
    with closing(sqlite3.connect(operator.data / "pds.sqlite")) as file:
        file.execute("DELETE FROM account")  # foreign keys are not minded here
        file.commit()

    result = operator.run("doctor")

    assert "BAD   database-damaged: the database is damaged: a row of " in result.stdout
    assert "refers to none of account" in result.stdout


@pytest.mark.usefixtures("answering")
def test_open_files_are_closed_when_asked(operator: Operator) -> None:
    file = operator.data / "pds.sqlite"
    assert file.stat().st_mode & 0o777 == 0o644
    assert operator.run("doctor").exit_code == 0  # the folder is closed
    operator.data.chmod(0o755)

    result = operator.run("doctor")
    assert f"BAD   files-open: others on this machine may read {file}" in result.stdout
    assert file.stat().st_mode & 0o777 == 0o644

    healed = operator.run("doctor", "--fix")
    assert healed.exit_code == 0
    assert healed.stdout.startswith(f"Healed: others cannot use {file}")
    assert "\nNothing to do: " in healed.stdout
    assert file.stat().st_mode & 0o777 == 0o640


def test_remedies_on_an_installed_server_work_as_they_are_typed() -> None:
    def typed(remedy: str) -> str:
        return _as_typed(Finding("name", "bad", "found", remedy)).remedy

    assert typed("pdsadmin request-crawl, or pdsadmin doctor --fix") == (
        "sudo pdsadmin request-crawl, or sudo pdsadmin doctor --fix"
    )
    assert typed("sudo pdsadmin doctor") == "sudo pdsadmin doctor"
    assert typed("see: docs/backups.md#x") == f"see: {HERE}/docs/backups.md#x"


def test_every_command_in_a_remedy_is_one() -> None:
    folder = HERE / "pds/services/doctor"
    code = " ".join(file.read_text(encoding="utf-8") for file in folder.glob("*.py"))
    code = re.sub(r'"\s+f?"', "", code)  # texts that go on in the next line
    named = set(re.findall(r"(?<!``)pdsadmin ([a-z][a-z-]+(?: [a-z][a-z-]+)?)", code))

    assert {"request-crawl", "account deactivate", "backup create", "blobs verify"} <= named
    for name in named:
        command: click.Command = pdsadmin
        for word in name.split():
            if not isinstance(command, click.Group):
                break  # a word of the sentence
            found = command.get_command(click.Context(command), word)
            assert found is not None, name
            command = found


def test_hidden_settings_are_told_as_such(
    operator: Operator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("PDS_DATA_DIRECTORY", raising=False)
    monkeypatch.setattr(Site, "is_hidden", property(lambda _site: True))
    monkeypatch.setenv("PDS_DATA_DIRECTORY", str(tmp_path / "none"))

    result = operator.run("doctor")

    assert result.exit_code == 2
    assert result.stdout.splitlines()[:2] == [
        "BAD   settings: this user may not read the settings of the server on this machine",
        "      sudo pdsadmin doctor",
    ]
