"""The doctor as the operator runs it, beside a server of its own machine."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.operator_process import pdsadmin
from tests.server_process import ServerProcess

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount and give away files")


def wrong(data: Path, *words: str, port: int | None = None) -> dict[str, str]:
    """Name → remedy of what a doctor's process finds wrong, in its order."""
    done = pdsadmin("doctor", "--json", *words, data=data, port=port)
    found = json.loads(done.stdout)
    assert done.returncode == {"ok": 0, "warn": 1, "bad": 2}[found["outcome"]]
    assert done.stderr == ""
    return {
        one["name"]: one["remedy"] for one in found["findings"] if one["outcome"] in ("warn", "bad")
    }


@pytest.mark.slow
def test_a_server_for_trying_is_well_while_it_runs(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data") as server:
        member = server.create_account("alice")
        member.post("hello")

        assert wrong(server.data) == {}
        server.stop()
        assert wrong(server.data) == {"server-down": "./install.sh local"}


@pytest.mark.slow
def test_a_server_that_hangs_is_told_from_one_that_is_down(tmp_path: Path) -> None:
    import signal

    with ServerProcess(tmp_path / "data") as server:
        os.kill(server.pid, signal.SIGSTOP)
        try:
            found = wrong(server.data)
        finally:
            os.kill(server.pid, signal.SIGCONT)

    assert list(found) == ["server-silent"]


@pytest.mark.slow
def test_a_broken_page_in_the_middle_is_found(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data") as server:
        for number in range(30):
            server.create_account(f"member{number}")
        server.stop()
        file = server.data / "pds.sqlite"
        middle = file.stat().st_size // 4096 // 2 * 4096
        with file.open("r+b") as stream:
            stream.seek(middle)
            stream.write(b"\xff" * 4096)

        found = wrong(server.data)

    assert "pdsadmin backup restore" in found["database-damaged"]


@contextmanager
def read_only(directory: Path) -> Iterator[None]:
    mount = ["mount", "--bind", str(directory), str(directory)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", directory], check=True)
        yield
    finally:
        subprocess.run(["umount", directory], check=True)


@pytest.mark.slow
@ROOT_ONLY
def test_a_disk_mounted_read_only_is_named(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data") as server:
        server.stop()
        with read_only(server.data):
            found = wrong(server.data, port=server.port)

    assert "remount,rw" in found["disk-read-only"]
    assert "read-only" in found["data"]
    assert set(found) == {"data", "server-down", "disk-read-only"}
