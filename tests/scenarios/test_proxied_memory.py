"""Large bodies in little memory, readers that sleep, and a server that stops in the middle."""

from __future__ import annotations

import contextlib
import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.web_server import WebServer, web_server
from tests.server_process import Account, ServerProcess

pytestmark = pytest.mark.slow

LARGE_BYTES = 50_000_000
PIECE = bytes(range(250)) * 200
MAX_GROWTH_BYTES = 20_000_000
PATH = "/xrpc/app.bsky.feed.getLarge"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % LARGE_BYTES


@pytest.fixture
def app_view() -> Iterator[WebServer]:
    with web_server() as running:
        yield running


@pytest.fixture
def account(tmp_path: Path, app_view: WebServer) -> Iterator[Account]:
    settings = {
        "PDS_BSKY_APP_VIEW_URL": app_view.url,
        "PDS_BSKY_APP_VIEW_DID": "did:web:app-view.test",
        "PDS_BLOB_UPLOAD_LIMIT": "60000000",
        "PDS_PROXY_MAX_RESPONSE_SIZE": "60000000",
    }
    with ServerProcess(tmp_path / "data", settings=settings) as server:
        account = server.create_account("alice")
        yield account
        assert server.stop() == 0  # in time, whatever is under way


def send_large(sent: threading.Event) -> Callable[[Any], None]:
    def route(handler: Any) -> None:
        handler.wfile.write(HEAD)
        for _ in range(LARGE_BYTES // len(PIECE)):
            handler.wfile.write(PIECE)
        sent.set()

    return route


@contextmanager
def ask(account: Account, verb: str, body: Any = None) -> Iterator[http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", account.server.port, timeout=60)
    headers = {"Authorization": f"Bearer {account.token}", "Content-Type": "application/x"}
    if body is not None:
        headers["Content-Length"] = str(LARGE_BYTES)
    with closing(connection):
        connection.request(verb, PATH, body, headers)
        yield connection.getresponse()


def read_large(answer: http.client.HTTPResponse) -> None:
    for _ in range(LARGE_BYTES // len(PIECE)):
        assert answer.read(len(PIECE)) == PIECE
    assert answer.read() == b""


def peak_bytes(account: Account) -> int:
    """The most memory that the server has ever had in use."""
    status = Path(f"/proc/{account.server.pid}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def test_50_mb_go_down_and_up_in_little_memory(account: Account, app_view: WebServer) -> None:
    app_view.routes[PATH] = send_large(threading.Event())
    before = peak_bytes(account)
    with ask(account, "GET") as answer:
        read_large(answer)
    after_down = peak_bytes(account)

    app_view.routes[PATH] = (200, {}, b"")
    pieces = (PIECE for _ in range(LARGE_BYTES // len(PIECE)))
    with ask(account, "POST", pieces) as answer:
        assert answer.status == 200

    assert app_view.asked[-1].body == PIECE * (LARGE_BYTES // len(PIECE))
    assert after_down - before < MAX_GROWTH_BYTES
    assert peak_bytes(account) - before < MAX_GROWTH_BYTES


def test_a_reader_that_sleeps_holds_no_thread(account: Account, app_view: WebServer) -> None:
    """The other service is done, its connection and our thread free, before anything is read."""
    sent = threading.Event()
    app_view.routes[PATH] = send_large(sent)
    before = peak_bytes(account)
    with ask(account, "GET") as answer:
        assert sent.wait(30)
        assert peak_bytes(account) - before < MAX_GROWTH_BYTES
        read_large(answer)


def test_the_server_stops_while_a_service_is_silent(account: Account, app_view: WebServer) -> None:
    silence = threading.Event()

    def wait(_handler: Any) -> None:
        silence.wait(30)

    app_view.routes[PATH] = wait
    clients = [threading.Thread(target=_ask_in_vain, args=(account,)) for _ in range(8)]
    for client in clients:
        client.start()
    while len(app_view.asked) < len(clients):
        time.sleep(0.01)

    started = time.monotonic()
    assert account.server.stop() == 0
    assert time.monotonic() - started < 10
    silence.set()
    for client in clients:
        client.join()
    account.server.start()


def _ask_in_vain(account: Account) -> None:
    with contextlib.suppress(http.client.HTTPException, OSError), ask(account, "GET"):
        pass
