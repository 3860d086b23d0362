"""From a handle to the DID it claims: DNS and the handle's own web server, asked side by side.

The claim is one-sided: only the DID document can confirm it.
Spec: https://atproto.com/specs/handle#handle-resolution
"""

from __future__ import annotations

import queue
import threading
from urllib.parse import quote

from pds.atproto import dag_json
from pds.atproto.syntax.did import is_did
from pds.atproto.syntax.handle import DISALLOWED_TLDS, Handle, is_handle
from pds.errors import PdsError
from pds.network.dns_txt import DnsError, DnsTxt, TxtLookup
from pds.network.http_client import FetchError, HttpClient

TIMEOUT_S = 3.0
MAX_BODY_BYTES = 8_192
MAX_REDIRECTS = 5
MAX_DNS_HANDLE = 244  # 253 less "_atproto."


class HandleResolutionError(PdsError):
    """A handle does not resolve to a DID; the message says why."""

    default_message = "Unable to resolve handle"


class HandleResolver:
    """Resolves handles by TXT record, then by https, then by the backup name servers.

    allow_test: look ``.test`` names up (development).
    """

    def __init__(
        self,
        http: HttpClient,
        *,
        dns: TxtLookup | None = None,
        backup_dns: TxtLookup | None = None,
        timeout_s: float = TIMEOUT_S,
        allow_test: bool = False,
    ) -> None:
        self._http = http
        self._dns: TxtLookup = dns or DnsTxt()
        self._backup_dns = backup_dns
        self._timeout_s = timeout_s
        self._allow_test = allow_test

    def resolve(self, handle: str) -> str:
        """The DID that ``handle`` points to; each way of asking has the time limit to itself.

        Raises:
            HandleResolutionError: it points nowhere, or to more than one DID.
        """
        name = self._name(handle)
        by_http = self._start_http(name)
        did = self._ask_dns(self._dns, name) or by_http.get()
        if did is None and self._backup_dns is not None:
            did = self._ask_dns(self._backup_dns, name)
        if did is None:
            raise HandleResolutionError
        return did

    def _name(self, handle: str) -> str:
        if not is_handle(handle):
            message = "Not a handle"
            raise HandleResolutionError(message)
        name = Handle(handle).normalized()
        if name.tld in DISALLOWED_TLDS or (name.tld == ".test" and not self._allow_test):
            message = "Handle TLD is invalid or disallowed"
            raise HandleResolutionError(message)
        return str(name)

    def _ask_dns(self, dns: TxtLookup, name: str) -> str | None:
        if len(name) > MAX_DNS_HANDLE:
            return None
        try:
            texts = dns.texts(f"_atproto.{name}", self._timeout_s)
        except DnsError:
            return None
        claims = {text.removeprefix("did=").strip() for text in texts if text.startswith("did=")}
        if len(claims) > 1:
            message = "The handle's DNS records name more than one DID"
            raise HandleResolutionError(message)
        return next((claim for claim in claims if is_did(claim)), None)

    def _start_http(self, name: str) -> queue.SimpleQueue[str | None]:
        """Ask in a thread, which the time limit ends; the queue will hold what came of it."""
        answers: queue.SimpleQueue[str | None] = queue.SimpleQueue()

        def run() -> None:
            did = None
            try:
                did = self._ask_http(name)
            finally:  # whatever happens, somebody waits
                answers.put(did)

        threading.Thread(target=run, name="handle-http", daemon=True).start()
        return answers

    def _ask_http(self, name: str) -> str | None:
        try:
            answer = self._http.get(
                f"https://{name}/.well-known/atproto-did",
                accept="text/plain",
                timeout_s=self._timeout_s,
                max_bytes=MAX_BODY_BYTES,
                max_redirects=MAX_REDIRECTS,
            ).checked()
        except FetchError:
            return None
        first_line, _, _ = answer.body.decode("utf-8", "replace").strip().partition("\n")
        claim = first_line.strip()
        return claim if is_did(claim) else None


class AppViewHandles:
    """Asks an app view, which has seen more handles than we have."""

    def __init__(self, base_url: str, http: HttpClient) -> None:
        self._url = f"{base_url.rstrip('/')}/xrpc/com.atproto.identity.resolveHandle"
        self._http = http

    def resolve(self, handle: str) -> str:
        """The DID the app view knows. Raises HandleResolutionError, FetchError."""
        url = f"{self._url}?handle={quote(handle, safe='')}"
        answer = self._http.get(url, timeout_s=TIMEOUT_S).checked()
        try:
            content = dag_json.parse(answer.body)
        except dag_json.InvalidJsonError as error:
            raise HandleResolutionError from error
        did = content.get("did") if isinstance(content, dict) else None
        if not isinstance(did, str) or not is_did(did):
            raise HandleResolutionError
        return did
