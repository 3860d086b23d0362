"""What processes of the server are forked from: everything is imported already."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
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
    threading.Thread(target=_end_with_the_tests, daemon=True).start()
    sys.exit(app.main())


def _end_with_the_tests() -> None:
    """Whoever is killed in the middle of a test leaves no server behind."""
    tests = multiprocessing.parent_process()
    assert tests is not None
    tests.join()
    os._exit(1)
