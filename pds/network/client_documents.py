"""Documents that OAuth clients publish about themselves, at addresses that strangers name.

Spec: https://atproto.com/specs/oauth#client-id-metadata-document
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pds.atproto import dag_json
from pds.atproto.oauth.client_id import is_loopback
from pds.atproto.oauth.web_url import InvalidUrlError, WebUrl, parse_web_url
from pds.network.http_client import AddressRefusedError, FetchError, HttpClient, Response

TIMEOUT_S: Final = 10.0
MAX_BYTES: Final = 524_288

# Nobody's own: names for examples, and one under which anybody may publish.
_REFUSED_HOSTS: Final = ("example.com", "example.org", "example.net", "googleusercontent.com")
_JSON: Final = "application/json"


class UnsuitableDocumentError(FetchError):
    """Something was there, but nothing that could be such a document; the message says why."""


@dataclass(frozen=True, slots=True)
class ClientDocument:
    """JSON as it was published, and how much of it there was."""

    content: Any
    size_bytes: int


class ClientDocuments:
    """Fetches them; remembers nothing.

    strangers: for https, where names must lead to public addresses.
    testing: for plain http on the own machine; None where clients under test are not admitted.
    """

    def __init__(
        self,
        strangers: HttpClient,
        testing: HttpClient | None = None,
        *,
        max_bytes: int = MAX_BYTES,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._strangers = strangers
        self._testing = testing
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s

    def metadata(self, url: str) -> ClientDocument:
        """The document at a client's id.

        Raises:
            AddressRefusedError: requests may not go there.
            UnsuitableDocumentError: not status 200, a redirect included; not JSON, or not said to
                be.
            FetchError: it could not be had, whole and in time.
        """
        return self._fetch(url, may_be_untyped=False)

    def keys(self, url: str) -> ClientDocument:
        """The document at a ``jwks_uri``. Raises as ``metadata``; the type need not be stated."""
        return self._fetch(url, may_be_untyped=True)

    def _fetch(self, url: str, *, may_be_untyped: bool) -> ClientDocument:
        answer = self._client_for(url).get(
            url, accept=_JSON, timeout_s=self._timeout_s, max_bytes=self._max_bytes
        )
        _check_answer(answer, may_be_untyped=may_be_untyped)
        try:
            content = dag_json.parse(answer.body)
        except dag_json.InvalidJsonError as error:
            raise UnsuitableDocumentError(f"the document is not JSON: {error}") from error
        return ClientDocument(content, len(answer.body))

    def _client_for(self, url: str) -> HttpClient:
        try:
            parsed = parse_web_url(url)
        except InvalidUrlError as error:
            raise AddressRefusedError(str(error)) from error
        if is_loopback(parsed):
            if self._testing is None:
                raise AddressRefusedError("documents on the own machine are not admitted here")
            return self._testing
        _check_address(parsed)
        return self._strangers


def _check_address(url: WebUrl) -> None:
    """What can be seen in the URL; where its name leads to is seen when it is resolved."""
    if url.scheme != "https":
        raise AddressRefusedError("documents are fetched over https only")
    if url.has_credentials:
        raise AddressRefusedError("the URL holds credentials")
    if url.port not in (None, 443):
        raise AddressRefusedError("documents are fetched from the usual port only")
    if url.address is not None or url.is_local:
        raise AddressRefusedError("the host is not a public domain name")
    if any(url.host == host or url.host.endswith(f".{host}") for host in _REFUSED_HOSTS):
        raise AddressRefusedError(f"clients at {url.host} are not accepted")


def _check_answer(answer: Response, *, may_be_untyped: bool) -> None:
    if answer.status != 200:
        redirected = " (redirects are not followed)" if 300 <= answer.status < 400 else ""
        message = f"status {answer.status} in place of 200{redirected}"
        raise UnsuitableDocumentError(message)
    content_type = answer.headers.get("content-type", "")
    if not content_type and may_be_untyped:
        return
    if content_type.partition(";")[0].strip().lower() != _JSON:
        stated = ascii(content_type[:100]) if content_type else "missing"
        raise UnsuitableDocumentError(f"the content type must be {_JSON}, not {stated}")
