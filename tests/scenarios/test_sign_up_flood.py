"""A script signs up 700 times over HTTP: few get in, one line warns, members go on."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.server_process import HttpError, ServerProcess

pytestmark = pytest.mark.slow

CAP = 12


def sign_up(server: ServerProcess, number: int) -> str:
    try:
        server.create_account(f"robot{number}")
    except HttpError as error:
        return f"{error.status} {error.body['error']}: {error.body['message']}"
    return "in"


def test_flood_of_sign_ups_stops_at_the_cap(tmp_path: Path) -> None:
    settings = {"PDS_SIGN_UPS_PER_HOUR": str(CAP + 1)}
    with ServerProcess(tmp_path / "data", settings=settings) as server:
        member = server.create_account("alice")
        with ThreadPoolExecutor(8) as robots:
            outcomes = Counter(robots.map(lambda n: sign_up(server, n), range(700)))

        assert outcomes.pop("in") == CAP
        [(refusal, times)] = outcomes.items()
        assert times == 700 - CAP
        assert refusal.startswith(
            "400 InvalidRequest: Sign-up on this server is closed: ask its operator"
        )
        assert member.post("still here")["uri"]
        repos = server.get("com.atproto.sync.listRepos", limit=1000)["repos"]
        assert len(repos) == CAP + 1
        assert server.stop() == 0
        assert server.log.read_text().count("sign-up is closed: ") == 1
        server.start()
        assert sign_up(server, 701).startswith("400 InvalidRequest")
