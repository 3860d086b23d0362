"""What a call costs more with DPoP than with a password session's token, over loopback HTTP.

    .venv/bin/python bench/oauth_calls.py [ROUNDS]

Starts a server in this process, on a file of its own; ends by itself in half a minute. The proofs
are signed beforehand: signing is the app's work. Every call has a proof of its own, as proofs are
good once. Bearer and DPoP take turns, so that what else the machine does hits both.
"""

from __future__ import annotations

import http.client
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from pds.services import build_services  # noqa: E402
from pds.storage import database, migrate  # noqa: E402
from pds.xrpc.loading import load_methods  # noqa: E402
from tests.factories import Person, make_account, make_config  # noqa: E402
from tests.oauth_tools import App, let_in  # noqa: E402
from tests.web.harness import running  # noqa: E402

CALLS = 200  # in a round
POST = "app.bsky.feed.post"

Headers = Callable[[], dict[str, str]]


@dataclass(frozen=True)
class Bench:
    port: int
    person: Person
    app: App
    rounds: int

    def compare(self, verb: str, nsid: str, body: bytes | None = None) -> None:
        path = f"/xrpc/{nsid}"
        bearer: list[float] = []
        dpop: list[float] = []
        for number in range(self.rounds + 1):
            one = self._time(verb, path, self._by_bearer(), body)
            other = self._time(verb, path, self._by_dpop(verb, path), body)
            if number:  # the first is to get warm
                bearer += one
                dpop += other
        one_us, other_us = statistics.median(bearer), statistics.median(dpop)
        print(
            f"{nsid:34} Bearer {one_us:6.0f} µs   DPoP {other_us:6.0f} µs"
            f"   ratio {other_us / one_us:.2f}"
        )

    def _by_bearer(self) -> Headers:
        return lambda: {"Authorization": f"Bearer {self.person.access_jwt}"}

    def _by_dpop(self, verb: str, path: str) -> Headers:
        """Each call of the result gives another proof, of those that are signed here and now."""
        app = self.app
        app.nonce = app.services.oauth.proofs.next_nonce()
        proofs = [app.proof(verb, path) for _ in range(CALLS)]
        return lambda: {"Authorization": app.authorization, "DPoP": proofs.pop()}

    def _time(self, verb: str, path: str, headers: Headers, body: bytes | None) -> list[float]:
        """Microseconds of each call, on one connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        kind = {} if body is None else {"Content-Type": "application/json"}
        times = []
        for _ in range(CALLS):
            sent = headers() | kind
            start = time.perf_counter_ns()
            connection.request(verb, path, body, sent)
            answer = connection.getresponse()
            said = answer.read()
            times.append((time.perf_counter_ns() - start) / 1_000)
            if answer.status != 200:
                raise SystemExit(f"{path} answered {answer.status}: {said!r}")
        connection.close()
        return times


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as directory:
        data = Path(directory)
        database.open_database(data / "pds.sqlite")
        migrate.migrate()
        services = build_services(make_config(data, rate_limits_enabled="false"))
        person = make_account(services, "bench")
        post = {"$type": POST, "text": "hello", "createdAt": "2026-01-01T00:00:00.000Z"}
        body = json.dumps({"repo": person.did, "collection": POST, "record": post}).encode()
        with running(services, load_methods()) as server:
            bench = Bench(server.port, person, let_in(services, person), rounds)
            bench.compare("GET", "com.atproto.server.getSession")
            bench.compare("POST", "com.atproto.repo.createRecord", body)
        services.close()
        database.close_database()


if __name__ == "__main__":
    main()
