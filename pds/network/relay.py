"""Relays: ask them to come and read our firehose."""

from __future__ import annotations

from pds.network.http_client import HttpClient

TIMEOUT_S = 10.0


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
