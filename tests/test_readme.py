"""The commands a newcomer copies out of the README do what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from pds.cli.__main__ import pdsadmin
from tests.server_process import ServerProcess

ROOT = Path(__file__).resolve().parents[1]
EVENTS = 6  # identity, account, commit, sync of the account, and two posts


def commands(port: int) -> str:
    """The indented blocks of the tour as one script, for a server on ``port``."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    tour = text.partition("## The first five minutes")[2].partition("\n## ")[0]
    lines = re.findall(r"^    (.*)$", tour, re.MULTILINE)
    script = "\n".join(lines).replace("localhost:2583", f"localhost:{port}")
    script = script.replace(".venv/bin/python", sys.executable)
    # The firehose has no end; here it is read up to the last event there is.
    script = script.replace("while True:", f"for _ in range({EVENTS}):")
    return script.replace("get('ops', [])])", "get('ops', [])])\nstream.close()")


def test_newcomer_sees_what_it_needs_how_to_install_it_and_what_to_do_when_it_fails() -> None:
    first_screen = "\n".join((ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:45])

    for told in ("What it needs", "apt-get install --yes git", "./install.sh server", "doctor"):
        assert told in first_screen


def test_commands_for_operators_exist() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = re.findall(r"sudo pdsadmin ([a-z -]+?)(?= --| [^a-z-]|[`\n]| you)", text)

    assert len(lines) >= 4
    for line in lines:
        words = [word for word in line.split() if not word.startswith("-")]
        assert CliRunner().invoke(pdsadmin, [*words, "--help"]).exit_code == 0, line


def test_figures_are_those_of_the_measurements() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text.partition("## Beside the official PDS")[2].partition("\n## ")[0]
    measured = (ROOT / "docs/performance.md").read_text(encoding="utf-8")
    needed = (ROOT / "docs/hardware.md").read_text(encoding="utf-8")

    posts, *_ = re.findall(r"\| createRecord serial, 1 account \| (\d+) \| (\d+) ", measured)
    [memory] = re.findall(
        r"idle \d+ MB \(reference (\d+)\), after the whole run (\d+) \((\d+)\)", measured
    )
    [idle] = re.findall(r"\| Memory, idle \| (\d+) MB", needed)
    assert f"| [{posts[1]}](docs/performance.md) | {posts[0]} |" in table
    assert f"[{idle} MB](docs/hardware.md); [{memory[1]} MB]" in table
    assert f"| {memory[0]} MB; {memory[2]} MB |" in table


@pytest.mark.slow
def test_tour_of_the_readme_works(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", afresh=True) as server:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands(server.port)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert done.returncode == 0, done.stderr
    assert "error" not in done.stdout
    assert done.stdout.count('"validationStatus":"valid"') == 2
    assert '"text":"Hello from home"' in done.stdout
    assert done.stdout.count("#commit ['create app.bsky.feed.post/") == 2
    assert '"alsoKnownAs":["at://alice.test"]' in done.stdout
    assert b"eroots" in (tmp_path / "alice.car").read_bytes()[:64]
