"""install.sh: what it says, and that it does nothing it was not asked to."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ("install.sh", "tests/check.sh", ".ci/run")


def run(
    folder: Path, *arguments: str, path: str = "/usr/bin:/bin"
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(folder / "install.sh"), *arguments],
        env={"PATH": path},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "install.sh", tmp_path)
    return tmp_path


@pytest.mark.parametrize("script", SCRIPTS)
def test_script_is_well_formed_and_executable(script: str) -> None:
    file = ROOT / script

    subprocess.run(["bash", "-n", str(file)], check=True)
    assert file.stat().st_mode & 0o111
    assert file.read_text().startswith("#!/bin/bash\n")


@pytest.mark.parametrize("arguments", [(), ("serve",), ("local", "now")])
def test_without_a_known_verb_it_explains_itself_and_changes_nothing(
    checkout: Path, arguments: tuple[str, ...]
) -> None:
    done = run(checkout, *arguments)

    assert done.returncode == 2
    assert "./install.sh VERB" in done.stderr
    assert [entry.name for entry in checkout.iterdir()] == ["install.sh"]


def test_help_names_the_verbs(checkout: Path) -> None:
    done = run(checkout, "--help")

    assert done.returncode == 0
    assert "\n  local " in done.stdout
    assert "\n  test " in done.stdout


def test_system_without_python_and_apt_is_told_what_is_missing(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tools = tmp_path_factory.mktemp("bin")
    for tool in ("bash", "dirname", "cat", "stat", "id"):
        (tools / tool).symlink_to(shutil.which(tool) or tool)

    done = run(checkout, "local", path=str(tools))

    assert done.returncode == 1
    assert "Python 3.11 or newer with its venv module is needed" in done.stderr
    assert [entry.name for entry in checkout.iterdir()] == ["install.sh"]


def test_tests_go_on_without_the_tools_that_some_need(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tools = tmp_path_factory.mktemp("bin")
    for tool in ("bash", "dirname", "cat", "stat", "id", "env", "timeout", "rm"):
        (tools / tool).symlink_to(shutil.which(tool) or tool)
    for name, ends in {"apt-get": "exit 1", "python3": "[[ $1 != -m ]]"}.items():
        (tools / name).write_text(f"#!{tools}/bash\n{ends}\n")
        (tools / name).chmod(0o755)

    done = run(checkout, "test", path=str(tools))

    lines = done.stdout.splitlines()
    assert any("the tests that need it will be skipped" in line for line in lines)
    assert lines[-1] == "==> Making the virtual environment .venv"  # python3 makes none here
