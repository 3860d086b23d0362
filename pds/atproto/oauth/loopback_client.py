"""Clients under test on the developer's machine: their id says it all, nothing is fetched.

Spec: https://atproto.com/specs/oauth#localhost-client-development
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl

from pds.atproto.oauth.client_errors import ClientMetadataError
from pds.atproto.oauth.client_id import MAX_CLIENT_ID_LENGTH
from pds.atproto.oauth.client_metadata import ClientMetadata, parse_scope
from pds.atproto.oauth.redirect_uri import check_loopback_redirect_uri

DEFAULT_REDIRECT_URIS: Final = ("http://127.0.0.1/", "http://[::1]/")

_CLIENT_ID: Final = re.compile(r"http://localhost/?(?:\?(?P<query>[\x21\x22\x24-\x7e]*))?")
_MAX_PARAMETERS: Final = 100


def loopback_metadata(client_id: str) -> ClientMetadata:
    """The metadata that follow from an id that begins with ``http://localhost``.

    Raises:
        ClientMetadataError: a port, path or fragment in the id, or faulty parameters.
    """
    match = _CLIENT_ID.fullmatch(client_id) if len(client_id) <= MAX_CLIENT_ID_LENGTH else None
    if match is None:
        raise _invalid("a loopback client id is http://localhost, a slash or not, and a query")
    parameters = _parameters(match["query"] or "")
    scopes = [value for name, value in parameters if name == "scope"]
    if len(scopes) > 1:
        raise _invalid("scope is stated twice")
    uris = tuple(
        check_loopback_redirect_uri(value) for name, value in parameters if name == "redirect_uri"
    )
    return ClientMetadata(
        client_id=client_id,
        scope=parse_scope(scopes[0] if scopes else "atproto"),
        redirect_uris=uris or DEFAULT_REDIRECT_URIS,
        grant_types=("authorization_code", "refresh_token"),
        application_type="native",
        auth_method="none",
    )


def _parameters(query: str) -> list[tuple[str, str]]:
    if not query:
        return []
    try:
        parameters = parse_qsl(
            query,
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=_MAX_PARAMETERS,
        )
    except ValueError as error:
        raise _invalid("the query is malformed") from error
    for name, _ in parameters:
        if name not in {"scope", "redirect_uri"}:
            raise _invalid("the query may hold scope and redirect_uri only")
    return parameters


def _invalid(reason: str) -> ClientMetadataError:
    return ClientMetadataError("client_id", reason)
