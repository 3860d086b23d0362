"""The scripts beside this file: Node found, packages installed once, a script run."""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent

OLDEST_NODE = 20
INSTALL_LIMIT_S = 240
SCRIPT_LIMIT_S = 180


def require_packages(folder: Path = HERE) -> None:
    """Have the packages pinned in ``folder`` in its node_modules, or skip the test and say why."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not on PATH")
    version = _output([node, "--version"])
    major = re.match(r"v(\d+)\.", version)
    if major is None or int(major[1]) < OLDEST_NODE:
        pytest.skip(f"Node {OLDEST_NODE} or later is needed, this is {version}")
    stamp = folder / "node_modules" / ".installed"
    with (folder / "package-lock.json").open("rb") as lock:
        # Tests run in several processes: one installs, the others wait for it.
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = hashlib.sha256(lock.read()).hexdigest()
        if not stamp.exists() or stamp.read_text() != wanted:
            _install(npm, folder)
            stamp.write_text(wanted)


def run_script(name: str, *arguments: str) -> dict[str, Any]:
    """Run a script to its end; returns the figures it prints. Its complaint fails the test."""
    done = subprocess.run(
        ["node", name, *arguments],
        cwd=HERE,
        capture_output=True,
        text=True,
        timeout=SCRIPT_LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, f"{name} {' '.join(arguments)}\n{done.stdout}{done.stderr}"
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(name, figures)
    return figures


def _install(npm: str, folder: Path) -> None:
    # No package's own scripts are run: none of these needs any.
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=INSTALL_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm ci took longer than {INSTALL_LIMIT_S} s")
    if done.returncode != 0:
        pytest.skip(f"npm ci failed: {done.stderr.strip()[-500:]}")


def _output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
