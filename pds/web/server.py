"""The HTTP server: waitress on one port, WebSockets included, stopped gracefully.

Terms
- loop thread: the one that reads and writes all sockets. Requests run in worker threads, so a slow
  client holds up nobody as long as its answer is a file or fits into the buffers.
- Requests that wait for another service run in threads of another pool; what their clients are
  slow to take goes to a temporary file.
- Subscribers leave waitress for threads of their own (see ``channel``).
"""

from __future__ import annotations

import logging
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer

from pds.service_manager import ServiceManager
from pds.web.channel import DRAINED_BYTES, Adopted, Channel, run_on_socket
from pds.web.websocket import SocketWriter
from pds.web.workers import WaitingWorkers, Workers

if TYPE_CHECKING:
    from flask import Flask

    from pds.services import Services
    from pds.web.xrpc import Dispatcher

logger = logging.getLogger("pds.server")

CHANNEL_TIMEOUT_S = 90
HEADER_TIMEOUT_S = 20.0
BODY_GRACE_S = 60.0
MIN_BODY_BYTES_PER_S = 1_000
STALLED_READER_S = 60.0
CLEANUP_EVERY_S = 5
LOOP_TURN_S = 1.0
MAX_CONNECTIONS = 1_000
MAX_HEADER_BYTES = 65_536
OUTPUT_BUFFER_BYTES = 1_048_576
OPEN_FILES = 8_192
# For one thread of the others: enough for all calls that may be under way or wait for a slot (see
# ``services.upstream_slots``), and some to say that there is none.
WAITING_THREADS_PER_THREAD = 6

# Together below the ten seconds within which the process has to be gone.
FINISH_REQUESTS_S = 5.0
CLOSE_SUBSCRIBERS_S = 3.0
STOP_WORKERS_S = 0.5


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Where to listen and how much to serve at once. ``host`` "*" is every address; port 0 any."""

    host: str
    port: int
    threads: int = 16
    max_connections: int = MAX_CONNECTIONS
    spool_bytes: int = 10_485_760  # of another service's reply, kept for a slow client


class HttpServer(TcpWSGIServer):  # type: ignore[misc] # waitress is untyped
    """waitress's listener, with the limits that it lacks."""

    channel_class = Channel
    stopping = False
    adj: Any  # named again because waitress has no types

    def __init__(self, application: Callable[..., Iterable[bytes]], **how: Any) -> None:
        rules: Dispatcher = how.pop("rules")
        self.is_subscription = rules.is_subscription
        self.asks_others = rules.asks_others
        self.spool_bytes: int = how.pop("spool_bytes")
        self._waiting_workers: WaitingWorkers = how.pop("waiting_workers")
        self.adopted = Adopted()
        super().__init__(application, **how)

    def adopt(self, environ: dict[str, Any], writer: SocketWriter) -> None:
        """Run the application on a socket that waitress has let go of."""

        def run() -> None:
            try:
                run_on_socket(self.application, environ, writer)
            except OSError:
                logger.debug("a client left during the handshake")
            except Exception:
                logger.exception("a subscriber's thread failed")
            finally:
                writer.release()

        self.adopted.start(run)

    def add_task(self, task: Channel) -> None:
        """Have a worker serve the first request of a channel."""
        request = task.requests[0]
        if request.error is None and self.asks_others(request.path):
            self._waiting_workers.add_task(task)
        else:
            super().add_task(task)

    def maintenance(self, now: float) -> None:
        """Close connections that are idle, or whose client dawdles.

        Without this a client that sends one byte now and then keeps its connection for ever, and
        one that stops reading a streamed answer keeps a worker thread.
        """
        for channel in list(self.active_channels.values()):
            if self._has_overstayed(channel, now):
                channel.will_close = True  # whoever waits for its buffers gives up
                channel.handle_close()  # at once: a stalled socket never becomes writable

    def _has_overstayed(self, channel: Channel, now: float) -> bool:
        idle_s = now - channel.last_activity
        if channel.requests:
            return bool(channel.total_outbufs_len) and idle_s > STALLED_READER_S
        request = channel.request
        if request is not None:
            received_s = time.monotonic() - channel.request_started
            if not request.headers_finished:
                return received_s > HEADER_TIMEOUT_S
            allowed_s = BODY_GRACE_S + request.body_bytes_received / MIN_BODY_BYTES_PER_S
            return bool(received_s > allowed_s or idle_s > BODY_GRACE_S)
        return bool(idle_s > CHANNEL_TIMEOUT_S)

    def begin_stop(self) -> None:
        """Take no more connections and no more requests. Called in the loop thread."""
        self.stopping = True
        self.accepting = False
        wasyncore.dispatcher.close(self)
        self.close_idle()

    def close_idle(self) -> bool:
        """Close connections that have nothing left to say; whether any other remains."""
        for channel in list(self.active_channels.values()):
            if not channel.requests:
                channel.close_when_flushed = True
        return bool(self.active_channels)


class Server:
    """A running server: ``run`` blocks until ``stop`` is called or a signal comes."""

    def __init__(
        self,
        application: Callable[..., Iterable[bytes]],
        options: ServerOptions,
        dispatcher: Dispatcher,
        on_stop: Callable[[], None] = lambda: None,
        manager: ServiceManager | None = None,
    ) -> None:
        """Listen at once, so that ``port`` is known. on_stop: makes subscriptions end.

        manager: told when requests are taken, that the loop thread turns, and when it ends.
        """
        self._on_stop = on_stop
        self._manager = manager or ServiceManager({})
        self._stop_asked = threading.Event()
        self._map: dict[int, Any] = {}
        adjustments = _adjustments(options, dispatcher.largest_body_bytes())
        adjustments.body_limit = dispatcher.body_limit  # for RequestParser
        listener = _listen(options.host, options.port)
        self._workers = Workers()
        self._waiting_workers = WaitingWorkers(WAITING_THREADS_PER_THREAD * options.threads)
        self._http = HttpServer(
            application,
            map=self._map,
            _sock=listener,
            dispatcher=self._workers,
            adj=adjustments,
            sockinfo=(listener.family, listener.type, listener.proto, listener.getsockname()),
            bind_socket=False,
            rules=dispatcher,
            spool_bytes=options.spool_bytes,
            waiting_workers=self._waiting_workers,
        )
        self._workers.set_thread_count(options.threads)
        self.port: int = listener.getsockname()[1]

    def run(self) -> None:
        """Serve until told to stop; then finish what runs and return, in less than 10 s."""
        self._manager.ready()
        while not self._stop_asked.is_set():
            self._manager.alive()
            self._turn(LOOP_TURN_S)
        self._manager.stopping()
        self._finish()

    def stop(self) -> None:
        """Ask ``run`` to return; does not wait. May be called from a signal handler."""
        self._stop_asked.set()
        try:
            self._http.pull_trigger()
        except (OSError, IndexError):
            return  # it has stopped already

    def _turn(self, wait_s: float) -> None:
        """Serve the sockets once; a fault in one connection must not end the server."""
        try:
            wasyncore.poll2(wait_s, self._map)
        except Exception:
            logger.exception("the loop thread met an unexpected error")
            time.sleep(0.1)  # should it repeat, the log must not fill the disk

    def _finish(self) -> None:
        http = self._http
        http.begin_stop()
        self._on_stop()
        deadline = time.monotonic() + FINISH_REQUESTS_S
        while http.close_idle() and time.monotonic() < deadline:
            self._turn(0.05)
        left = http.adopted.join(CLOSE_SUBSCRIBERS_S)
        if left:
            logger.warning("%d subscribers did not end in time", left)
        self._waiting_workers.shutdown(timeout=STOP_WORKERS_S)
        self._workers.shutdown(timeout=STOP_WORKERS_S)
        http.trigger.close()
        wasyncore.close_all(self._map, ignore_all=True)


def serve(app: Flask, services: Services, manager: ServiceManager) -> None:
    """Serve ``app`` until SIGTERM or SIGINT. Call it in the main thread."""
    config = services.config
    _allow_open_files(OPEN_FILES)
    server = Server(
        app,
        ServerOptions(
            config.bind_address,
            config.port,
            config.threads,
            spool_bytes=config.proxy_max_response_size,
        ),
        app.extensions["dispatcher"],
        on_stop=services.sequencer.stop,
        manager=manager,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: server.stop())
    logger.info("listening at %s (port %d)", config.public_url, server.port)
    server.run()
    logger.info("stopped")


def _adjustments(options: ServerOptions, largest_body_bytes: int) -> Adjustments:
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a full queue is no news
    return Adjustments(
        threads=options.threads,
        connection_limit=options.max_connections,
        asyncore_use_poll=True,
        outbuf_high_watermark=OUTPUT_BUFFER_BYTES,
        max_request_header_size=MAX_HEADER_BYTES,
        # The methods' own limits are lower; this one ends what is not worth reading to its end.
        max_request_body_size=largest_body_bytes + 2 * DRAINED_BYTES,
        channel_timeout=CHANNEL_TIMEOUT_S,
        cleanup_interval=CLEANUP_EVERY_S,
        ident="Hearth",
        log_socket_errors=False,
        clear_untrusted_proxy_headers=False,  # client_ip decides whom to trust
    )


def _listen(host: str, port: int) -> socket.socket:
    if host != "*":
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    if socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", port))


def _allow_open_files(wanted: int) -> None:
    """Raise the soft limit, which is often 1,024, as far as the hard one allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
