"""Records of repos on other servers, with the proof that they are there.

Spec: com.atproto.sync.getRecord
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from pds.network.http_client import HttpClient

TIMEOUT_S: Final = 5.0
MAX_BYTES: Final = 524_288
_METHOD: Final = "/xrpc/com.atproto.sync.getRecord"


class RemoteRecords:
    """Asks the servers that DID documents name: strangers."""

    def __init__(self, http: HttpClient, *, timeout_s: float = TIMEOUT_S) -> None:
        self._http = http
        self._timeout_s = timeout_s

    def proof(self, server_url: str, did: str, collection: str, rkey: str) -> bytes:
        """A CAR, still to be checked (``atproto/record_proof.py``).

        Raises:
            FetchError: it could not be had (ResponseStatusError: the server has none).
        """
        query = urlencode({"did": did, "collection": collection, "rkey": rkey})
        answer = self._http.get(
            f"{server_url}{_METHOD}?{query}",
            accept="application/vnd.ipld.car",
            timeout_s=self._timeout_s,
            max_bytes=MAX_BYTES,
        )
        return answer.checked().body
