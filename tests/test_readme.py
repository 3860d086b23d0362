"""The commands a newcomer copies out of the README do what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

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
