"""What processes of the server are forked from: everything is imported already."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import app
from pds.xrpc.loading import load_methods

load_methods()


def run(env: dict[str, str], log: Path) -> None:
    """Do what ``python app.py`` does, with this environment."""
    os.environ.clear()
    os.environ.update(env)
    with log.open("ab") as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    sys.exit(app.main())
