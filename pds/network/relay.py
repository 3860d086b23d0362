"""Relays: ask them to come and read our firehose."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from pds.network.http_client import FetchError, HttpClient

TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class HostStatus:
    """What a relay knows of a host. seq: the number of the last event it has read, if any.

    status: ``active``, ``idle``, ``offline``, ``throttled`` or ``banned``, as the relay says it.
    """

    seq: int | None
    status: str | None
    account_count: int | None


@dataclass(frozen=True, slots=True)
class RepoStatus:
    """What a relay knows of an account.

    left_out: why it does not pass on what is posted, in a word of its own (``throttled``); None
        when it does. rev: the newest commit it has seen, if it says so.
    """

    left_out: str | None
    rev: str | None


class Relay:
    """One relay, by its address."""

    def __init__(self, base_url: str, http: HttpClient) -> None:
        self.base_url = base_url.rstrip("/")
        self._http = http

    def request_crawl(self, hostname: str) -> None:
        """Say that ``hostname`` has news.

        Raises:
            FetchError: no answer (ResponseStatusError: it did not agree).
        """
        url = f"{self.base_url}/xrpc/com.atproto.sync.requestCrawl"
        self._http.post_json(url, {"hostname": hostname}, timeout_s=TIMEOUT_S).checked()

    def host_status(self, hostname: str) -> HostStatus | None:
        """What it knows of ``hostname``; None when it does not know it.

        Raises:
            FetchError: no answer, or not one that can be read.
        """
        found = self._ask("com.atproto.sync.getHostStatus", hostname=hostname)
        if found is None:
            return None
        seq, count = _integer(found.get("seq")), _integer(found.get("accountCount"))
        return HostStatus(seq, _text(found.get("status")), count)

    def repo_status(self, did: str) -> RepoStatus | None:
        """What it knows of an account; None when it does not know it, or does not say.

        Raises:
            FetchError: no answer, or not one that can be read.
        """
        found = self._ask("com.atproto.sync.getRepoStatus", did=did)
        if found is None:
            return None
        if found.get("active") is not False:
            return RepoStatus(None, _text(found.get("rev")))
        return RepoStatus(_text(found.get("status")) or "without a reason", None)

    def _ask(self, method: str, **params: str) -> dict[str, Any] | None:
        """Its answer; None when it knows no such host, account or method."""
        url = f"{self.base_url}/xrpc/{method}?{urlencode(params)}"
        answer = self._http.get(url, timeout_s=TIMEOUT_S)
        if answer.status in (400, 404, 501):
            return None
        try:
            found = json.loads(answer.checked().body)
        except (ValueError, RecursionError) as error:
            raise FetchError(f"{self.base_url} answered with something else than JSON") from error
        if not isinstance(found, dict):
            raise FetchError(f"{self.base_url} answered with something else than an object")
        return found


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
