"""The operator's commands as processes of their own, beside a ``ServerProcess``."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.server_process import ROOT

LIMIT_S = 60


def pdsadmin(
    *words: str,
    data: Path | None = None,
    env_file: Path | None = None,
    port: int | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run the script as from another directory, knowing nothing but where data or settings are.

    port: the server's, where it cannot be read from the data.
    """
    env = {name: value for name, value in os.environ.items() if not name.startswith("PDS_")}
    if data is not None:
        env["PDS_DATA_DIRECTORY"] = str(data)
    if port is not None:
        env["PDS_PORT"] = str(port)
    named = ("--env-file", str(env_file)) if env_file is not None else ()
    return subprocess.run(
        [ROOT / "pdsadmin", *named, *words],
        cwd="/",
        env=env,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def ask(*words: str, data: Path | None = None, env_file: Path | None = None) -> Any:
    """The JSON document of a command that must succeed without a word on standard error."""
    done = pdsadmin(*words, "--json", data=data, env_file=env_file)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)
