"""Settings and data that do not fit, or cannot be used, are told in one line each."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from pds.cli import site
from pds.environment import HERE
from pds.services import installation
from pds.storage import migrate
from pds.storage.process_lock import ProcessLock
from tests.cli.conftest import Operator

LIST = ("account", "list")


def said_by(operator: Operator, *words: str) -> str:
    """The one line of a command that fails, wherever the data may be."""
    result = operator.run(*words)
    assert (result.exit_code, result.stdout) == (1, "")
    [line] = result.stderr.splitlines()
    return line.removeprefix("Error: ")


def test_missing_database_is_not_made(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PDS_DATA_DIRECTORY", str(operator.data / "elsewhere"))

    said = said_by(operator, *LIST)

    assert said.startswith(f"there is no database at {operator.data}/elsewhere/pds.sqlite; ")
    assert "--env-file" in said
    assert not (operator.data / "elsewhere").exists()


def test_wrong_settings_are_named(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PDS_PORT", "many")

    assert said_by(operator, *LIST).startswith("PDS_PORT:")


def test_named_file_that_cannot_be_read_is_named(operator: Operator, tmp_path: Path) -> None:
    said = said_by(operator, "--env-file", str(tmp_path / "absent.env"), *LIST)

    assert said == (
        f"PDS_ENV_FILE: {tmp_path}/absent.env cannot be read (No such file or directory);"
        " check path and rights"
    )


def test_named_file_is_used(operator: Operator, tmp_path: Path) -> None:
    (tmp_path / "my.env").write_text("PDS_SERVICE_HANDLE_DOMAINS=.home.test\n")

    made = operator.ask(
        "--env-file", str(tmp_path / "my.env"),
        "account", "create", "--handle", "alice", "--email", "alice@example.com",
    )  # fmt: skip

    assert made["handle"] == "alice.home.test"


def test_file_that_may_not_be_written_asks_for_sudo(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: mode == os.X_OK)
    monkeypatch.setattr(os, "geteuid", lambda: 1_000)

    assert said_by(operator, *LIST).endswith("pds.sqlite; run the command with sudo")


def test_file_that_its_owner_may_not_write_asks_for_no_sudo(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: mode == os.X_OK)
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    said = said_by(operator, *LIST)

    assert said.endswith(f"read-only, else: sudo chmod -R u+rwX {operator.data}")


def test_installed_server_whose_settings_are_not_ours_to_read_asks_for_sudo(
    operator: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PDS_DATA_DIRECTORY", str(operator.data / "elsewhere"))
    monkeypatch.setattr(site, "INSTALLED_ENV_FILE", tmp_path / "pds.env")
    monkeypatch.setattr(os, "geteuid", lambda: 1_000)

    said = said_by(operator, *LIST)

    assert said.endswith(f"; run the command with sudo, so that it may read {tmp_path}/pds.env")


def test_database_that_another_program_keeps_is_told(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, "WAIT_MS", 20)
    with closing(sqlite3.connect(operator.data / "pds.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        said = operator.fail("invite", "create")
        other.execute("ROLLBACK")

    assert "(database is locked); look at the disk, and for programs that hold" in said
    assert operator.run("invite", "create").exit_code == 0


def test_other_rotation_key_is_told_before_anything_is_signed(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator.create("alice")
    monkeypatch.setenv("PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX", "2a" * 32)

    said = operator.fail("account", "create", "--handle", "bob", "--email", "bob@example.com")

    assert "PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX is not the one" in said
    assert "2a2a" not in said


def test_settings_of_another_server_are_refused(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with operator.services() as services:
        services.resume()
    monkeypatch.setenv("PDS_HOSTNAME", "pds.example.com")

    said = operator.fail(*LIST)

    assert "is http://localhost:2583, these settings are for https://pds.example.com" in said
    assert "--env-file" in said


def test_local_server_on_another_port_is_known(operator: Operator) -> None:
    with operator.services() as services:
        installation.remember_address(services.config)
        with closing(sqlite3.connect(operator.data / "pds.sqlite")) as file, file:
            file.execute("UPDATE server_state SET value = '2999' WHERE key = 'port'")
            file.execute(
                "UPDATE server_state SET value = 'http://localhost:2999' WHERE key = 'public_url'"
            )

    did = operator.create("alice")["did"]

    with operator.services() as services:
        document = services.identity.did_document(did)
    assert document["service"][0]["serviceEndpoint"] == "http://localhost:2999"


def test_file_that_is_no_database_is_told(operator: Operator) -> None:
    (operator.data / "pds.sqlite").write_bytes(b"no database at all" * 100)

    said = said_by(operator, *LIST)

    assert said.startswith("the database cannot be used: ")
    assert "docs/operations.md" in said


# --- another shape ------------------------------------------------------------------------------


@pytest.fixture
def newer_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This program with one more step than the database has seen."""
    folder = tmp_path / "migrations"
    ignored = shutil.ignore_patterns("__pycache__", "__init__.py")
    shutil.copytree(migrate.MIGRATIONS, folder, ignore=ignored)
    (folder / "9999_more.py").write_text(
        '"""More."""\n\n\ndef up(migrator, db):\n    db.execute_sql("CREATE TABLE more (a)")\n'
    )
    monkeypatch.setattr(migrate, "MIGRATIONS", folder)


@pytest.mark.usefixtures("newer_program")
def test_older_database_is_left_to_the_server(operator: Operator) -> None:
    said = operator.fail(*LIST)

    assert said.startswith("the database is older than this program; restart the server")
    assert "pdsadmin database migrate" in said


@pytest.mark.usefixtures("newer_program")
def test_older_database_is_brought_up_to_date_on_request(operator: Operator) -> None:
    assert operator.ask("database", "migrate") == {"applied": ["9999_more"]}
    assert operator.run("database", "migrate").stdout == "Nothing to do.\n"
    assert operator.ask(*LIST) == {"accounts": []}


@pytest.mark.usefixtures("newer_program")
def test_running_server_keeps_its_shape(operator: Operator) -> None:
    lock = ProcessLock(operator.data / "pds.lock")
    try:
        said = operator.fail("database", "migrate")
    finally:
        lock.release()

    assert said == "the server is running; restart it instead, it does this at its start"


def test_database_of_a_newer_version_is_told(operator: Operator) -> None:
    with closing(sqlite3.connect(operator.data / "pds.sqlite")) as file, file:
        file.execute("INSERT INTO schema_migration (name, applied) VALUES ('9999_more', '2030')")

    said = "the database belongs to a newer version (it has had 9999_more); update this program"
    assert operator.fail(*LIST) == said
    assert operator.fail("database", "migrate") == said


# --- root ---------------------------------------------------------------------------------------


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("program_mode", "becomes"),
    [
        (0o644, "(64321, 64321, 64321) (64322, 64322, 64322) [64322]"),
        (0o600, f"(0, 0, 0) {os.getresgid()} {os.getgroups()}"),
    ],
    ids=["who can run the server", "who cannot run the server"],
)
def test_root_goes_on_as_the_owner_of_the_data(program_mode: int, becomes: str) -> None:
    code = (
        "import os, pathlib, sys; from pds.cli.site import become_owner;"
        " become_owner(pathlib.Path(sys.argv[1]), sys.argv[2]);"
        " print(os.getresuid(), os.getresgid(), os.getgroups())"
    )
    with tempfile.TemporaryDirectory() as folder, tempfile.NamedTemporaryFile() as program:
        os.chown(folder, 64_321, 64_322)
        Path(program.name).chmod(program_mode)

        done = subprocess.run(
            [sys.executable, "-c", code, folder, program.name],
            cwd=HERE,
            capture_output=True,
            text=True,
        )

    assert (done.stdout.strip(), done.stderr) == (becomes, "")


def test_settings_are_read_once(
    operator: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has gone on as the owner of the data may not be able to read them again."""
    file = tmp_path / "root's.env"
    file.write_text(f"PDS_DATA_DIRECTORY={operator.data}\n")
    monkeypatch.delenv("PDS_DATA_DIRECTORY")
    found = site.Site(file)
    before = found.environment()

    file.unlink()

    assert found.environment() == before
    with found.services() as services:
        assert services.config.data_directory == operator.data
