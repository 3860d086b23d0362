"""What passing calls on costs, and what a service that hangs does to the rest.

    .venv/bin/python bench/proxying.py [overhead] [bodies] [hanging] [PORT URL]

Starts a server, and another process as the app view, on this machine; ends by itself in a minute.

overhead: microseconds that a call takes longer through the server than straight from the app view.
    With PORT and URL the app view is at that port, and the calls also go through the server at URL,
    whose app view must be http://localhost:PORT with the DID did:web:app-view.test.
bodies: growth of the server's memory while 50 MB go down and up, also to a reader that is slow.
hanging: how long other requests take while 64 clients call a service that never answers.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from websockets.sync.client import connect  # noqa: E402

from tests.server_process import ServerProcess, free_port  # noqa: E402

APP_VIEW_DID = "did:web:app-view.test"
TIMELINE = "/xrpc/app.bsky.feed.searchPosts"
SILENT = "/xrpc/app.bsky.feed.getSilence"
LARGE = "/xrpc/app.bsky.feed.getLarge"
LARGE_BYTES = 50_000_000
PAGE = json.dumps({"posts": [{"text": "a post of no great length" * 8}] * 100}).encode()
CLIENTS = 64
HANGING_S = 20.0
ROUNDS, CALLS = 5, 300


# --- the app view, and 64 clients: processes of their own ------------------------------------


class AppView(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65_536

    def do_GET(self) -> None:
        if self.path.startswith(SILENT):
            time.sleep(600)
            return
        size = LARGE_BYTES if self.path.startswith(LARGE) else len(PAGE)
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(size))
        self.end_headers()
        if size == len(PAGE):
            self.wfile.write(PAGE)
            return
        for _ in range(size // 50_000):
            self.wfile.write(bytes(50_000))

    def do_POST(self) -> None:
        left = int(self.headers["content-length"])
        while left:
            left -= len(self.rfile.read(min(left, 65_536)))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def be_app_view(port: str) -> None:
    ThreadingHTTPServer(("127.0.0.1", int(port)), AppView).serve_forever()


def be_clients(port: str, token: str) -> None:
    def call_and_call() -> None:
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=60)
            with contextlib.suppress(OSError, http.client.HTTPException):
                status = get(connection, SILENT, token)[0]
                counts[status] = counts.get(status, 0) + 1
            connection.close()
            time.sleep(1.0)

    counts: dict[int, int] = {}
    for _ in range(CLIENTS):
        threading.Thread(target=call_and_call, daemon=True).start()
    time.sleep(HANGING_S)
    sys.stdout.write(json.dumps(counts))


def get(connection: http.client.HTTPConnection, path: str, token: str) -> tuple[int, bytes]:
    connection.request("GET", path, headers={"authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    return answer.status, answer.read()


@contextmanager
def other_process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


# --- overhead --------------------------------------------------------------------------------


def overhead(server: ServerProcess, token: str, app_view_port: int, other: str | None) -> None:
    places: dict[str, tuple[int, str]] = {
        "straight from the app view": (app_view_port, ""),
        "through this server": (server.port, token),
    }
    if other is not None:
        places["through the other"] = sign_up_at(other)
    times: dict[str, list[float]] = {name: [] for name in places}
    for _ in range(ROUNDS):
        for name, (port, bearer) in places.items():
            times[name] += time_calls(port, bearer)
    straight = statistics.median(times["straight from the app view"])
    show(f"one call after the other, {len(PAGE)} bytes each, medians of {ROUNDS * CALLS}:")
    for name, found in times.items():
        median = statistics.median(found)
        p99 = statistics.quantiles(found, n=100)[98]
        show(f"  {name:28} {median:7.0f} µs, p99 {p99:7.0f}, over {median - straight:7.0f}")


def time_calls(port: int, token: str) -> list[float]:
    connection = http.client.HTTPConnection("localhost", port, timeout=60)
    found = []
    for number in range(CALLS + 50):
        started = time.perf_counter()
        status, body = get(connection, TIMELINE + "?q=x", token)
        elapsed = time.perf_counter() - started
        if (status, len(body)) != (200, len(PAGE)):
            raise SystemExit(f"{port} answered {status} {body[:200]!r}")
        if number >= 50:
            found.append(elapsed * 1e6)
    connection.close()
    return found


def sign_up_at(url: str) -> tuple[int, str]:
    name = f"bench{time.monotonic_ns() % 10**9}"
    body = {"handle": f"{name}.test", "email": f"{name}@example.com", "password": "pass-word"}
    request = urllib.request.Request(
        f"{url}/xrpc/com.atproto.server.createAccount",
        json.dumps(body).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        token = str(json.load(answer)["accessJwt"])
    return int(url.rpartition(":")[2]), token


# --- bodies ----------------------------------------------------------------------------------


def bodies(server: ServerProcess, token: str) -> None:
    for what, run in (
        ("down", lambda: download(server.port, token, pause_s=0.0)),
        ("down, a reader of 10 MB/s", lambda: download(server.port, token, pause_s=0.005)),
        ("up", lambda: upload(server.port, token)),
    ):
        growth, elapsed = memory_growth(server.pid, run)
        show(f"  50 MB {what:28} {elapsed:5.1f} s, memory grew by {growth / 1e6:5.1f} MB")


def download(port: int, token: str, *, pause_s: float) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", LARGE, headers={"authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    received = 0
    while piece := answer.read(50_000):
        received += len(piece)
        time.sleep(pause_s)
    connection.close()
    if received != LARGE_BYTES:
        raise SystemExit(f"{received} bytes instead of {LARGE_BYTES}")


def upload(port: int, token: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"authorization": f"Bearer {token}", "content-type": "application/x"}
    headers["content-length"] = str(LARGE_BYTES)
    pieces = (bytes(50_000) for _ in range(LARGE_BYTES // 50_000))
    connection.request("POST", LARGE, pieces, headers)
    status = connection.getresponse().status
    connection.close()
    if status != 200:
        raise SystemExit(f"the upload was answered {status}")


def memory_growth(pid: int, run: Callable[[], None]) -> tuple[int, float]:
    """Bytes by which the resident memory rose at most, and seconds."""
    before = peak = resident_bytes(pid)
    ended = threading.Event()
    started = time.perf_counter()
    thread = threading.Thread(target=lambda: (run(), ended.set()))
    thread.start()
    while not ended.wait(0.01):
        peak = max(peak, resident_bytes(pid))
    thread.join()
    return peak - before, time.perf_counter() - started


def resident_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


# --- hanging ---------------------------------------------------------------------------------


def hanging(server: ServerProcess, token: str, did: str) -> None:
    show(f"p50, p99 and worst in ms, for {HANGING_S:.0f} s each:")
    measure("  nothing else goes on", server, token, did)
    before = resident_bytes(server.pid)
    with other_process("clients", str(server.port), token) as clients:
        time.sleep(1.0)
        measure(f"  {CLIENTS} call a silent service", server, token, did, HANGING_S - 3)
        growth = resident_bytes(server.pid) - before
        counts = clients.communicate()[0]
    show(f"  they were answered {counts}, memory grew by {growth / 1e6:.1f} MB")


def measure(
    what: str, server: ServerProcess, token: str, did: str, seconds: float = HANGING_S - 3
) -> None:
    show(what)
    found: dict[str, list[float]] = {"_health": [], "createRecord": [], "firehose": []}
    until = time.perf_counter() + seconds
    sent: dict[str, float] = {}
    threads = [
        threading.Thread(target=ask_health, args=(server.port, until, found["_health"])),
        threading.Thread(target=follow, args=(server.port, until, sent, found["firehose"])),
    ]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    write(server.port, token, did, until - 0.5, sent, found["createRecord"])
    for thread in threads:
        thread.join()
    for name, times in found.items():
        p99 = statistics.quantiles(times, n=100)[98]
        middle = statistics.median(times)
        show(f"    {name:13} {middle:6.1f} {p99:6.1f} {max(times):6.1f}  ({len(times)} times)")


def ask_health(port: int, until: float, found: list[float]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    while time.perf_counter() < until:
        started = time.perf_counter()
        get(connection, "/xrpc/_health", "")
        found.append((time.perf_counter() - started) * 1e3)
        time.sleep(0.015)
    connection.close()


def write(
    port: int, token: str, did: str, until: float, sent: dict[str, float], found: list[float]
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    number = len(sent)
    while time.perf_counter() < until:
        number += 1
        rkey = f"r{time.time_ns()}"
        record = {"text": str(number), "createdAt": "2026-01-01T00:00:00.000Z"}
        body = {"repo": did, "collection": "app.bsky.feed.post", "rkey": rkey, "record": record}
        body["validate"] = False
        sent[rkey] = started = time.perf_counter()
        path = "/xrpc/com.atproto.repo.createRecord"
        connection.request("POST", path, json.dumps(body), headers)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise SystemExit(f"createRecord answered {answer.status} {content!r}")
        found.append((time.perf_counter() - started) * 1e3)
        time.sleep(0.015)
    connection.close()


def follow(port: int, until: float, sent: dict[str, float], found: list[float]) -> None:
    """From the sending of each record to its arrival, as long as there are some."""
    url = f"ws://127.0.0.1:{port}/xrpc/com.atproto.sync.subscribeRepos"
    with connect(url, max_size=None) as events:
        while time.perf_counter() < until:
            try:
                frame = events.recv(timeout=max(0.01, until - time.perf_counter()))
            except TimeoutError:
                return
            now = time.perf_counter()
            at = bytes(frame).find(b"app.bsky.feed.post/r") if isinstance(frame, bytes) else -1
            rkey = bytes(frame)[at + 19 : at + 39].decode("ascii", "replace") if at >= 0 else ""
            if rkey in sent:
                found.append((now - sent[rkey]) * 1e3)


# --- all of it -------------------------------------------------------------------------------


def show(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(wanted: list[str], port: int, other: str | None) -> None:
    settings = {
        "PDS_BSKY_APP_VIEW_URL": f"http://localhost:{port}",
        "PDS_BSKY_APP_VIEW_DID": APP_VIEW_DID,
        "PDS_BLOB_UPLOAD_LIMIT": "60000000",
        "LOG_LEVEL": "warn",
    }
    with (
        tempfile.TemporaryDirectory() as directory,
        other_process("app-view", str(port)),
        ServerProcess(Path(directory) / "data", settings=settings) as server,
    ):
        account = server.create_account("alice")
        if "overhead" in wanted:
            overhead(server, account.token, port, other)
        if "bodies" in wanted:
            bodies(server, account.token)
        if "hanging" in wanted:
            hanging(server, account.token, account.did)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["app-view", port]:
            be_app_view(port)
        case ["clients", port, token]:
            be_clients(port, token)
        case [*wanted, port, url] if port.isdigit():
            main(wanted or ["overhead"], int(port), url)
        case wanted:
            main(wanted or ["overhead", "bodies", "hanging"], free_port(), None)
