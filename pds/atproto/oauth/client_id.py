"""Client ids: the URL of a document about the client, or a description of a program under test.

Ids are compared as text, so a URL must be written in its one form.

Spec: https://atproto.com/specs/oauth#clients
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from pds.atproto.oauth.client_errors import ClientMetadataError
from pds.atproto.oauth.web_url import InvalidUrlError, WebUrl, normal_path, parse_web_url

ClientKind: TypeAlias = Literal["loopback", "discoverable"]

LOOPBACK_PREFIX: Final = "http://localhost"
MAX_CLIENT_ID_LENGTH: Final = 4096

_USUAL_PATH: Final = "/oauth-client-metadata.json"
_LOOPBACK_HOSTS: Final = frozenset({"127.0.0.1", "[::1]"})


def kind_of(client_id: str, *, admit_test_clients: bool = False) -> ClientKind:
    """Where the client's metadata come from: its id itself, or the document that the id names.

    ``admit_test_clients`` also takes ids such as ``http://127.0.0.1:5000/client.json``, whose
    documents lie on the own machine. The text of a loopback id is checked in ``loopback_client``.

    Raises:
        ClientMetadataError: of no known kind, or not a URL that such a document may have.
    """
    if len(client_id) > MAX_CLIENT_ID_LENGTH:
        raise _invalid("too long")
    if client_id.startswith(LOOPBACK_PREFIX):
        return "loopback"
    if client_id.startswith("https://"):
        _check_public_host(_document_url(client_id))
        return "discoverable"
    if admit_test_clients and client_id.startswith("http://"):
        if not is_loopback(_document_url(client_id)):
            raise _invalid("an http client id must name a loopback IP address")
        return "discoverable"
    raise _invalid("unknown kind of client id")


def is_loopback(url: WebUrl) -> bool:
    """Whether a URL is plain http to one of the two usual loopback addresses.

    Among the ids of discoverable clients, those of clients under test are.
    """
    return url.scheme == "http" and url.host in _LOOPBACK_HOSTS


def display_name(client_id: str) -> str:
    """What to call a client that nobody vouches for: not its own words, but where it lives."""
    if client_id.startswith(LOOPBACK_PREFIX):
        return "localhost"
    url = parse_web_url(client_id)
    if url.scheme == "https" and url.path == _USUAL_PATH and url.query is None:
        return url.host
    port = "" if url.port is None else f":{url.port}"
    query = "" if url.query is None else f"?{url.query}"
    return f"{url.host}{port}{url.path}{query}"


def _document_url(client_id: str) -> WebUrl:
    try:
        url = parse_web_url(client_id)
    except InvalidUrlError as error:
        raise _invalid(str(error)) from error
    if url.has_credentials:
        raise _invalid("must not hold credentials")
    if url.fragment is not None:
        raise _invalid("must not have a fragment")
    if url.path.endswith("/"):
        raise _invalid("must have a path that does not end in a slash")
    # The case of the digits in an escape is free: no URL parser changes it.
    if normal_path(url.path).lower() != url.path.lower():
        raise _invalid("the path must be in its normal form")
    return url


def _check_public_host(url: WebUrl) -> None:
    if url.port is not None:
        raise _invalid("must not name a port")
    if url.address is not None:
        raise _invalid("the host must be a name, not an IP address")
    if url.is_local:
        raise _invalid("the host must be a public domain name")


def _invalid(reason: str) -> ClientMetadataError:
    return ClientMetadataError("client_id", reason)
