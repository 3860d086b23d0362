"""Relays: ask them to come and read our firehose."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from pds.network.http_client import FetchError, HttpClient, Response

TIMEOUT_S = 10.0
HIGHEST_SEQ = 2**52  # half of what can be counted to: no server has ever sent so much


class NoSuchMethodError(FetchError):
    """The relay knows nothing of that method: it does not tell."""


_UNKNOWN = frozenset({"HostNotFound", "RepoNotFound", "AccountNotFound"})
_NO_METHOD = frozenset({"MethodNotImplemented", "XRPCNotSupported", "UnknownMethod"})


@dataclass(frozen=True, slots=True)
class HostStatus:
    """What a relay knows of a host. seq: the number of the last event it has read, if any.

    status: ``active``, ``idle``, ``offline``, ``throttled`` or ``banned``, as the relay says it.
    """

    seq: int | None
    status: str | None


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
            NoSuchMethodError: it does not tell.
            FetchError: no answer, or not one that can be read.
        """
        found = self._ask("com.atproto.sync.getHostStatus", hostname=hostname)
        if found is None:
            return None
        seq = _integer(found.get("seq"))
        if seq is not None and not 0 <= seq <= HIGHEST_SEQ:
            raise FetchError(f"{self.base_url} says that it has read up to event {seq}")
        return HostStatus(seq, _text(found.get("status")))

    def repo_status(self, did: str) -> RepoStatus | None:
        """What it knows of an account; None when it does not know it.

        Raises:
            NoSuchMethodError: it does not tell.
            FetchError: no answer, or not one that can be read.
        """
        found = self._ask("com.atproto.sync.getRepoStatus", did=did)
        if found is None:
            return None
        if found.get("active") is not False:
            return RepoStatus(None, _text(found.get("rev")))
        return RepoStatus(_text(found.get("status")) or "without a reason", None)

    def _ask(self, method: str, **params: str) -> dict[str, Any] | None:
        """Its answer; None when it knows no such host or account."""
        url = f"{self.base_url}/xrpc/{method}?{urlencode(params)}"
        answer = self._http.get(url, timeout_s=TIMEOUT_S)
        if answer.status in (400, 404, 501):
            error, message = _error_of(answer)
            if error in _NO_METHOD or answer.status == 501:
                raise NoSuchMethodError(f"{self.base_url} does not tell")
            if error in _UNKNOWN or (error and "not found" in message.lower()):
                return None
        try:
            found = json.loads(answer.checked().body)
        except (ValueError, RecursionError) as error:
            raise FetchError(f"{self.base_url} answered with something else than JSON") from error
        if not isinstance(found, dict):
            raise FetchError(f"{self.base_url} answered with something else than an object")
        return found


def _error_of(answer: Response) -> tuple[str, str]:
    """Name and message of an error as XRPC has them; empty where it is something else."""
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        return "", ""
    return _text(found.get("error")) or "", _text(found.get("message")) or ""


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
