"""Whether a server stays as it is: hours of a family, of relays and of strangers in some minutes.

    .venv/bin/python bench/soak.py [MINUTES] [CALLS_PER_SECOND]

Starts a server of its own on a directory of its own; ends by itself (20 minutes, 60 calls a
second). Twelve members sign in, write, delete, upload and read; relays come, fall behind and go;
strangers guess passwords, ask for what is not there, send what nobody understands, and hang up. All
come from many addresses, so that what is kept by address grows as far as it may. A row is printed
twice a minute, at the end how much memory has grown in the second half. It fails when anything was
answered with 500 or not at all, or the log has a traceback.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from websockets.sync.client import connect  # noqa: E402

from tests.server_process import Account, ServerProcess  # noqa: E402

MEMBERS = 12
WORKERS = 6
POST = "app.bsky.feed.post"
ROW_EVERY_S = 30


class Traffic:
    """Calls of all kinds, each chosen at random and made from a random address."""

    def __init__(self, server: ServerProcess, seed: int) -> None:
        self.server = server
        self.members = [server.create_account(f"member{number}") for number in range(MEMBERS)]
        self.written: list[tuple[Account, str]] = []
        self.statuses: Counter[int] = Counter()
        self.bugs: list[str] = []
        self.lock = threading.Lock()
        self.seed = seed

    def run(self, worker: int, per_second: float, until: float) -> None:
        dice = random.Random(self.seed * 1_000 + worker)
        kinds: list[tuple[Callable[[random.Random], None], int]] = [
            (self.write, 20),
            (self.read, 30),
            (self.delete, 8),
            (self.upload, 3),
            (self.export, 2),
            (self.sign_in, 3),
            (self.guess, 6),
            (self.ask_nonsense, 12),
            (self.look_at_pages, 8),
            (self.ask_as_app, 6),
            (self.send_rubbish, 2),
        ]
        calls, weights = zip(*kinds, strict=True)
        while time.monotonic() < until:
            started = time.monotonic()
            dice.choices(calls, weights)[0](dice)
            time.sleep(max(0.0, 1 / per_second - (time.monotonic() - started)))

    # --- members ---------------------------------------------------------------------------------

    def write(self, dice: random.Random) -> None:
        member = dice.choice(self.members)
        record = {
            "$type": POST,
            "text": "x" * dice.randrange(300),
            "createdAt": "2026-01-01T00:00:00Z",
        }
        body = {"repo": member.did, "collection": POST, "record": record}
        reply = self.xrpc(dice, "com.atproto.repo.createRecord", body, member.token)
        if isinstance(reply, dict) and "uri" in reply:
            with self.lock:
                self.written.append((member, reply["uri"].rpartition("/")[2]))

    def delete(self, dice: random.Random) -> None:
        with self.lock:
            if not self.written:
                return
            member, rkey = self.written.pop(dice.randrange(len(self.written)))
        body = {"repo": member.did, "collection": POST, "rkey": rkey}
        self.xrpc(dice, "com.atproto.repo.deleteRecord", body, member.token)

    def read(self, dice: random.Random) -> None:
        member = dice.choice(self.members)
        query = f"repo={quote(member.did)}&collection={POST}&limit={dice.choice([1, 10, 100])}"
        path = dice.choice(
            [
                f"com.atproto.repo.listRecords?{query}",
                f"com.atproto.repo.describeRepo?repo={quote(member.did)}",
                f"com.atproto.sync.getLatestCommit?did={quote(member.did)}",
                f"com.atproto.identity.resolveHandle?handle={member.handle}",
                "com.atproto.sync.listRepos?limit=500",
                "com.atproto.server.describeServer",
            ]
        )
        self.xrpc(dice, path)

    def export(self, dice: random.Random) -> None:
        self.xrpc(dice, f"com.atproto.sync.getRepo?did={quote(dice.choice(self.members).did)}")

    def upload(self, dice: random.Random) -> None:
        content = dice.randbytes(dice.randrange(1_000, 400_000))
        member = dice.choice(self.members)
        self.call(
            dice,
            "POST",
            "/xrpc/com.atproto.repo.uploadBlob",
            content,
            {"Authorization": f"Bearer {member.token}", "Content-Type": "image/png"},
        )

    def sign_in(self, dice: random.Random) -> None:
        """And out again."""
        member = dice.choice(self.members)
        body = {"identifier": member.handle, "password": "pass-word"}
        reply = self.xrpc(dice, "com.atproto.server.createSession", body)
        if isinstance(reply, dict) and "refreshJwt" in reply:
            name = dice.choice(["refreshSession", "deleteSession"])
            self.xrpc(dice, f"com.atproto.server.{name}", {}, reply["refreshJwt"], is_empty=True)

    # --- strangers -------------------------------------------------------------------------------

    def guess(self, dice: random.Random) -> None:
        name = dice.choice([dice.choice(self.members).handle, f"nobody{dice.random()}.test"])
        body = {"identifier": name, "password": str(dice.random())}
        self.xrpc(dice, "com.atproto.server.createSession", body)

    def ask_nonsense(self, dice: random.Random) -> None:
        number = dice.getrandbits(60)
        path = dice.choice(
            [
                f"com.atproto.sync.getRepo?did=did:plc:{number:024d}",
                f"com.atproto.repo.getRecord?repo=did:plc:{number:024d}&collection={POST}&rkey=x",
                f"com.example.no.such{number}",
                f"com.atproto.identity.resolveHandle?handle=h{number}.test",
                f"com.atproto.sync.getBlob?did=did:web:x{number}.test&cid=b{number}",
                f"com.atproto.repo.listRecords?repo={number}&collection=%00&limit=-{number}",
            ]
        )
        self.xrpc(dice, path, token=str(number) if number % 3 == 0 else None)

    def look_at_pages(self, dice: random.Random) -> None:
        number = dice.getrandbits(128)
        cookies = {"Cookie": f"__Host-dev-id=dev-{number:032x}; __Host-ses-id=ses-{number:032x}"}
        paths = ["/", "/account", "/account/sign-in", "/account/sign-up", "/oauth/authorize", "/x"]
        self.call(dice, "GET", dice.choice(paths), None, cookies)

    def ask_as_app(self, dice: random.Random) -> None:
        number = dice.getrandbits(60)
        body = (
            f"client_id=http%3A%2F%2Flocalhost%3Fscope%3Datproto%26n%3D{number}"
            f"&response_type=code&scope=atproto&state={number}"
            "&redirect_uri=http%3A%2F%2F127.0.0.1%2F&code_challenge_method=S256"
            "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        )
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        path = dice.choice(["/oauth/par", "/oauth/token", "/oauth/revoke"])
        self.call(dice, "POST", path, body.encode(), form)

    def send_rubbish(self, dice: random.Random) -> None:
        """Bytes that are no request, or half of one; hang up at some point."""
        text = dice.choice(
            [
                dice.randbytes(200),
                b"GET /xrpc/_health HTTP/1.1\r\nHost: ",
                b"POST /xrpc/com.atproto.repo.uploadBlob HTTP/1.1\r\nContent-Length: 9999\r\n\r\nx",
                b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 500 + b"\r\n",
            ]
        )
        try:
            with socket.create_connection(("127.0.0.1", self.server.port), 5) as line:
                line.sendall(text)
                time.sleep(dice.random() / 5)
        except OSError:
            return

    # --- relays ----------------------------------------------------------------------------------

    def follow(self, worker: int, until: float) -> None:
        """Read for a while, stall for a while, be gone, come back with an old cursor."""
        dice = random.Random(self.seed * 7_000 + worker)
        url = self.server.url.replace("http", "ws", 1) + "/xrpc/com.atproto.sync.subscribeRepos"
        while time.monotonic() < until:
            try:
                with connect(f"{url}?cursor={dice.choice([0, 1, 500])}", max_queue=4) as stream:
                    leave_at = min(until, time.monotonic() + dice.uniform(1, 30))
                    if dice.random() < 0.3:
                        time.sleep(max(0.0, leave_at - time.monotonic()))  # reads nothing
                    while time.monotonic() < leave_at:
                        try:
                            stream.recv(timeout=1)
                        except TimeoutError:
                            continue
            except Exception:  # noqa: BLE001 # relays meet all kinds of endings
                time.sleep(1)

    # --- sending ---------------------------------------------------------------------------------

    def xrpc(
        self,
        dice: random.Random,
        path: str,
        body: Any = None,
        token: str | None = None,
        *,
        is_empty: bool = False,
    ) -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        content = None if body is None or is_empty else json.dumps(body).encode()
        if content is not None:
            headers["Content-Type"] = "application/json"
        verb = "GET" if body is None else "POST"
        return self.call(dice, verb, f"/xrpc/{path}", content, headers)

    def call(
        self,
        dice: random.Random,
        verb: str,
        path: str,
        body: bytes | None,
        headers: dict[str, str],
    ) -> Any:
        address = ".".join(str(dice.randrange(1, 255)) for _ in range(4))
        line = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        try:
            line.request(verb, path, body, {**headers, "X-Forwarded-For": address})
            reply = line.getresponse()
            content = reply.read()
        except OSError as error:
            with self.lock:
                self.bugs.append(f"{verb} {path[:80]}: {error!r}")
            return None
        finally:
            line.close()
        with self.lock:
            self.statuses[reply.status] += 1
            if reply.status == 500 or reply.status > 504:
                self.bugs.append(f"{verb} {path[:80]}: {reply.status}")
        is_json = reply.headers.get_content_type() == "application/json"
        return json.loads(content) if is_json and content else content


def memory_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise ProcessLookupError(pid)


def print_row(server: ServerProcess, traffic: Traffic, started: float) -> float:
    process = Path(f"/proc/{server.pid}")
    memory = memory_mb(server.pid)
    database = sum(path.stat().st_size for path in server.data.glob("pds.sqlite*"))
    columns = (
        f"{time.monotonic() - started:6.0f} s",
        f"{memory:6.1f} MB",
        f"{len(list((process / 'fd').iterdir())):4} files",
        f"{len(list((process / 'task').iterdir())):3} threads",
        f"{database / 1e6:7.1f} MB database",
        f"{sum(traffic.statuses.values()):8} answers",
        f"{len(traffic.bugs)} bugs",
    )
    print("  ".join(columns), flush=True)
    return memory


def main() -> int:
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 20
    per_second = float(sys.argv[2]) if len(sys.argv) > 2 else 60
    with tempfile.TemporaryDirectory() as folder:
        server = ServerProcess(Path(folder) / "data", settings={"LOG_LEVEL": "warn"})
        with server:
            traffic = Traffic(server, seed=os.getpid())
            started = time.monotonic()
            until = started + minutes * 60
            workers = [
                threading.Thread(target=traffic.run, args=(number, per_second / WORKERS, until))
                for number in range(WORKERS)
            ] + [
                threading.Thread(target=traffic.follow, args=(number, until)) for number in range(4)
            ]
            for worker in workers:
                worker.start()
            memories = []
            while time.monotonic() < until:
                time.sleep(min(ROW_EVERY_S, max(0.1, until - time.monotonic())))
                memories.append(print_row(server, traffic, started))
            for worker in workers:
                worker.join()
            middle, last = memories[len(memories) // 2], memories[-1]
            print(f"statuses: {dict(sorted(traffic.statuses.items()))}")
            print(f"memory grew by {last - middle:.1f} MB in the second half")
            for bug in traffic.bugs[:20]:
                print(f"BUG {bug}")
            log = server.log.read_text(errors="replace")
            print(f"tracebacks in the log: {log.count('Traceback')}")
            if server.stop() != 0:
                print("BUG it did not stop as it should")
                return 1
            return 1 if traffic.bugs or "Traceback" in log else 0


if __name__ == "__main__":
    sys.exit(main())
