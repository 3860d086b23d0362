"""A real server counts: guessing a password ends, and a newcomer's load is not in the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.server_process import HttpError, ServerProcess

pytestmark = pytest.mark.slow


def guess(server: ServerProcess) -> int:
    try:
        server.post(
            "com.atproto.server.createSession", {"identifier": "alice.test", "password": "guess"}
        )
    except HttpError as error:
        return error.status
    return 200


def test_guessing_a_password_ends_where_limits_are_on(tmp_path: Path) -> None:
    settings = {"PDS_RATE_LIMITS_ENABLED": "true"}
    with ServerProcess(tmp_path / "data", settings=settings) as server:
        alice = server.create_account("alice")
        guesses = [guess(server) for _ in range(32)]

        assert guesses == [401] * 10 + [429] * 22
        assert alice.post("still here")["uri"]
        assert server.stop() == 0


def test_a_local_server_does_not_count(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data") as server:
        server.create_account("alice")

        assert [guess(server) for _ in range(32)] == [401] * 32
