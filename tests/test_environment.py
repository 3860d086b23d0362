"""Which settings a command of the operator works with."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pds import environment
from pds.environment import operator_environment
from pds.local_secrets import FILE_NAME
from pds.settings import ConfigError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, and no settings; Hearth itself is in ``hearth``."""
    for name in [name for name in os.environ if name.startswith("PDS_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(environment, "HERE", tmp_path / "hearth")
    monkeypatch.setattr(environment, "INSTALLED_ENV_FILE", tmp_path / "installed.env")
    return tmp_path


def write_file(home: Path, name: str) -> Path:
    """A file of settings that says where it was."""
    file = home / name
    file.write_text(f"PDS_SERVICE_NAME={name}\n")
    return file


def name_of(environ: dict[str, str]) -> str | None:
    return environ.get("PDS_SERVICE_NAME")


def test_named_file_wins_over_the_environments_and_that_over_the_installed_servers(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert name_of(operator_environment()) is None
    write_file(home, "installed.env")
    assert name_of(operator_environment()) == "installed.env"
    monkeypatch.setenv("PDS_ENV_FILE", str(write_file(home, "given.env")))
    assert name_of(operator_environment()) == "given.env"
    assert name_of(operator_environment(write_file(home, "named.env"))) == "named.env"


def test_named_file_that_is_not_there_is_refused(home: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.env cannot be read"):
        operator_environment(home / "absent.env")


def test_line_that_is_no_setting_is_refused_with_its_number_and_without_what_it_says(
    home: Path,
) -> None:
    file = home / "pds.env"
    file.write_text("# a comment\nexport PDS_PORT='2599'\n\nPDS_JWT_SECRET hidden\n=x\nPDS_A=b\n")

    with pytest.raises(ConfigError) as refused:
        operator_environment(file)

    assert refused.value.problems == [
        f"PDS_ENV_FILE: line {number} of {file} is no NAME=value; mend it" for number in (4, 5)
    ]


def test_file_that_is_no_text_is_refused(home: Path) -> None:
    file = home / "pds.env"
    file.write_bytes(b"PDS_PORT=\xff\n")

    with pytest.raises(ConfigError, match="is not text in UTF-8"):
        operator_environment(file)


def test_file_of_an_editor_for_windows_is_read(home: Path) -> None:
    file = home / "pds.env"
    file.write_bytes(b"\xef\xbb\xbfPDS_HOSTNAME=pds.example.com\r\nPDS_PORT=2599\r\n")

    found = operator_environment(file)

    assert (found["PDS_HOSTNAME"], found["PDS_PORT"]) == ("pds.example.com", "2599")


def test_values_may_be_quoted_span_lines_be_empty_and_have_comments(home: Path) -> None:
    file = home / "pds.env"
    text = "export PDS_A='$HOME #1'\nPDS_B=\nPDS_C\nPDS_D=one # two\nPDS_E=\"x\ny\"\nPDS_A=last\n"
    file.write_text(text)

    found = operator_environment(file)

    expected = {"PDS_A": "last", "PDS_B": "", "PDS_C": "", "PDS_D": "one", "PDS_E": "x\ny"}
    assert {name: found[name] for name in expected} == expected


def test_data_is_looked_for_here_then_beside_the_program(home: Path) -> None:
    assert operator_environment()["PDS_DATA_DIRECTORY"] == str(home / "hearth/data")

    (home / "data").mkdir()
    assert operator_environment()["PDS_DATA_DIRECTORY"] == str(home / "hearth/data")

    (home / "data/pds.sqlite").touch()
    assert operator_environment()["PDS_DATA_DIRECTORY"] == str(home / "data")


def test_given_data_directory_is_kept(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PDS_DATA_DIRECTORY", str(home / "elsewhere"))

    assert operator_environment()["PDS_DATA_DIRECTORY"] == str(home / "elsewhere")


def test_looking_makes_no_secrets(home: Path) -> None:
    operator_environment()

    assert not list(home.rglob(FILE_NAME))
