"""The server that runs on this machine's port, asked as anybody can ask it."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Final

from pds.config import Config
from pds.network.http_client import FetchError, HttpClient

_ANSWERS_WITHIN_S: Final = 5.0


def running_version(config: Config) -> str | None:
    """The version that answers on the port of ``config``; None when no such server does."""
    url = f"http://{loopback_address(config.bind_address)}:{config.port}/xrpc/_health"
    with closing(HttpClient(allow_private=True)) as http:
        try:
            answer = http.get(url, timeout_s=_ANSWERS_WITHIN_S)
        except FetchError:
            return None
    return version_in(answer.body)


def loopback_address(bind_address: str) -> str:
    """Where a server that listens at ``bind_address`` is reached, as a URL has it."""
    if bind_address in ("*", "0.0.0.0"):  # noqa: S104 # read, not bound
        return "127.0.0.1"
    if bind_address == "::":
        return "[::1]"
    return f"[{bind_address}]" if ":" in bind_address else bind_address


def version_in(body: bytes) -> str | None:
    """The version in an answer of ``_health``; None when it is something else."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    version = content.get("version") if isinstance(content, dict) else None
    return version if isinstance(version, str) else None
