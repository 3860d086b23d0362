"""Clients under test, described by their id alone."""

from __future__ import annotations

import pytest

from pds.atproto.oauth.client_errors import ClientMetadataError
from pds.atproto.oauth.client_metadata import ClientMetadata
from pds.atproto.oauth.loopback_client import loopback_metadata

DEFAULT_REDIRECT_URIS = ("http://127.0.0.1/", "http://[::1]/")


@pytest.mark.parametrize("client_id", ["http://localhost", "http://localhost/"])
def test_bare_id_has_the_defaults(client_id: str) -> None:
    assert loopback_metadata(client_id) == ClientMetadata(
        client_id=client_id,
        scope=("atproto",),
        redirect_uris=DEFAULT_REDIRECT_URIS,
        grant_types=("authorization_code", "refresh_token"),
        application_type="native",
        auth_method="none",
    )


@pytest.mark.parametrize(
    ("query", "scope", "uris"),
    [
        ("", ("atproto",), DEFAULT_REDIRECT_URIS),
        ("scope=atproto", ("atproto",), DEFAULT_REDIRECT_URIS),
        ("scope=atproto+transition:generic", ("atproto", "transition:generic"), None),
        (
            "scope=atproto%20repo:a.b.c%3Faction%3Dcreate",
            ("atproto", "repo:a.b.c?action=create"),
            None,
        ),
        ("redirect_uri=http://127.0.0.1/cb", ("atproto",), ("http://127.0.0.1/cb",)),
        (
            "redirect_uri=http%3A%2F%2F127.0.0.1%3A5000&scope=atproto&redirect_uri=http://[::1]/a?b",
            ("atproto",),
            ("http://127.0.0.1:5000", "http://[::1]/a?b"),
        ),
    ],
)
def test_query_describes_the_client(
    query: str, scope: tuple[str, ...], uris: tuple[str, ...] | None
) -> None:
    for base in ("http://localhost", "http://localhost/"):
        client = loopback_metadata(f"{base}?{query}")

        assert client.scope == scope
        assert client.redirect_uris == (uris or DEFAULT_REDIRECT_URIS)


@pytest.mark.parametrize(
    ("client_id", "field"),
    [
        ("http://localhost:3000", "client_id"),
        ("http://localhost//", "client_id"),
        ("http://localhost/client.json", "client_id"),
        ("http://localhost.example.com/", "client_id"),
        ("http://localhost@example.com/", "client_id"),
        ("http://localhost#", "client_id"),
        ("http://localhost/?scope=atproto#a", "client_id"),
        ("http://localhost ", "client_id"),
        ("http://localhost\n", "client_id"),
        ("https://localhost", "client_id"),
        ("http://localhost?é", "client_id"),
        ("http://localhost?scope", "client_id"),
        ("http://localhost?&", "client_id"),
        ("http://localhost?scope=%ff", "client_id"),
        ("http://localhost?client_name=a", "client_id"),
        ("http://localhost?Scope=atproto", "client_id"),
        ("http://localhost?scope=atproto&scope=atproto", "client_id"),
        ("http://localhost?" + "redirect_uri=&" * 101, "client_id"),
        ("http://localhost?scope=atproto+" + "a" * 4096, "client_id"),
        ("http://localhost?scope=", "scope"),
        ("http://localhost?scope=transition:generic", "scope"),
        ("http://localhost?scope=atproto++a", "scope"),
        ("http://localhost?redirect_uri=", "redirect_uris"),
        ("http://localhost?redirect_uri=http://localhost/cb", "redirect_uris"),
        ("http://localhost?redirect_uri=https://127.0.0.1/cb", "redirect_uris"),
        ("http://localhost?redirect_uri=http://10.0.0.1/cb", "redirect_uris"),
        ("http://localhost?redirect_uri=https://evil.example.net/cb", "redirect_uris"),
        ("http://localhost?redirect_uri=http://127.0.0.1@evil.example.net/", "redirect_uris"),
        ("http://localhost?redirect_uri=com.example.app:/cb", "redirect_uris"),
    ],
)
def test_what_is_refused(client_id: str, field: str) -> None:
    with pytest.raises(ClientMetadataError) as caught:
        loopback_metadata(client_id)
    assert caught.value.field == field
