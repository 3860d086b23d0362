"""``/metrics`` for Prometheus: who on this machine, or with the token, asks, is told.

The library that writes the format is loaded with the first question; a server that nobody watches
does without its memory.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request

from pds.errors import AuthMissingError, AuthRequiredError
from pds.services import figures
from pds.web.request_counts import BUCKETS_S, RequestCounts
from pds.web.request_log import ENVIRON_KEY

if TYPE_CHECKING:
    from collections.abc import Callable

    from pds.services import Services

_US = 1_000_000
_FORWARDED = ("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "Via")


def blueprint(
    services: Services, counts: RequestCounts, subscribers: Callable[[], int]
) -> Blueprint:
    """subscribers: how many read the firehose now."""
    routes = Blueprint("metrics", __name__)

    @routes.get("/metrics")
    def show() -> Response:
        _check_caller(services.config.metrics_token)
        from prometheus_client import CollectorRegistry, ProcessCollector, exposition

        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        registry.register(_Collector(services, counts, subscribers()))
        content = exposition.generate_latest(registry)
        return Response(content, 200, content_type=exposition.CONTENT_TYPE_LATEST)

    return routes


def _check_caller(token: str | None) -> None:
    """With a token it is needed from everywhere; without one, who asks must be on this machine.

    A reverse proxy is on this machine, too, but says for whom it asks.

    Raises:
        AuthMissingError, AuthRequiredError
    """
    if token is None:
        address = request.environ[ENVIRON_KEY].client_ip
        is_passed_on = any(name in request.headers for name in _FORWARDED)
        if is_passed_on or not _is_loopback(address):
            message = "only this machine may ask; or set PDS_METRICS_TOKEN and send it"
            raise AuthRequiredError(message)
        return
    given = request.headers.get("Authorization")
    if given is None:
        raise AuthMissingError
    if not hmac.compare_digest(given.encode("utf-8", "replace"), f"Bearer {token}".encode()):
        message = "the token is not PDS_METRICS_TOKEN"
        raise AuthRequiredError(message)


def _is_loopback(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback


class _Collector:
    """Everything there is, as families of the library."""

    def __init__(self, services: Services, counts: RequestCounts, subscribers: int) -> None:
        self._services = services
        self._counts = counts
        self._subscribers = subscribers

    def collect(self) -> Iterator[Any]:
        yield from self._requests()
        yield from self._state()

    def _requests(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

        outcomes = CounterMetricFamily(
            "hearth_requests", "Requests answered", labels=["method", "status"]
        )
        for (kind, status), count in sorted(self._counts.outcomes().items()):
            outcomes.add_metric([kind, status], count)
        yield outcomes
        durations = HistogramMetricFamily(
            "hearth_request_seconds", "Until the answer began", labels=["method"]
        )
        for kind, found in sorted(self._counts.durations().items()):
            below, buckets = 0, []
            for bound, count in zip([*map(str, BUCKETS_S), "+Inf"], found.counts, strict=True):
                below += count
                buckets.append((bound, below))
            durations.add_metric([kind], buckets, found.sum_s)
        yield durations

    def _state(self) -> Iterator[Any]:
        from prometheus_client.core import GaugeMetricFamily

        services = self._services
        found = figures.gather(services.config, services.disk_guard, services.sequencer)
        accounts = GaugeMetricFamily("hearth_accounts", "Accounts", labels=["status"])
        for status, count in found.counts.accounts.items():
            accounts.add_metric([status], count)
        yield accounts
        version = GaugeMetricFamily("hearth_info", "This server", labels=["version"])
        version.add_metric([services.config.version], 1)
        yield version
        for name, help_, value in (
            ("sessions", "Sessions by password", found.counts.sessions),
            ("oauth_grants", "Apps that were let in", found.counts.grants),
            ("blobs", "Pictures and videos", found.counts.blobs),
            ("blob_bytes", "Size of pictures and videos", found.counts.blob_bytes),
            ("mail_waiting", "Mail that waits to be sent", found.counts.mail_waiting),
            ("firehose_last_seq", "Number of the last event", found.last_seq),
            ("firehose_subscribers", "Who reads the firehose now", self._subscribers),
            ("database_bytes", "Size of the database with its log", found.database_bytes),
            ("disk_free_bytes", "Free on the disk of the data", found.disk_free_bytes),
            ("disk_size_bytes", "Size of that disk", found.disk_size_bytes),
            ("disk_level", "0 fine, 1 low, 2 uploads refused, 3 read-only", found.disk_level),
            ("backup_timestamp_seconds", "Last backup", _seconds(found.backup_at_us)),
            (
                "backup_check_timestamp_seconds",
                "Last check of a backup",
                _seconds(found.backup_checked_at_us),
            ),
            ("backup_check_good", "Whether it found the backup whole", found.backup_is_good),
        ):
            if value is not None:
                yield GaugeMetricFamily(f"hearth_{name}", help_, value=float(value))


def _seconds(at_us: int | None) -> float | None:
    return None if at_us is None else at_us / _US
