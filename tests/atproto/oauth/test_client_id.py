"""Client ids: which kinds there are, which URLs may be one, and what they are called."""

from __future__ import annotations

import pytest

from pds.atproto.oauth.client_errors import ClientMetadataError
from pds.atproto.oauth.client_id import display_name, kind_of


@pytest.mark.parametrize(
    "client_id",
    [
        "https://app.example.com/oauth-client-metadata.json",
        "https://app.example.com/a/b%2fc?d=e",
        "https://App.Example.com/a",
        "https://xn--bcher-kva.example.com/~me/client",
    ],
)
def test_document_of_an_app(client_id: str) -> None:
    assert kind_of(client_id) == "discoverable"
    assert kind_of(client_id, admit_test_clients=True) == "discoverable"


@pytest.mark.parametrize(
    "client_id", ["http://localhost", "http://localhost/?scope=atproto", "http://localhost:80/x"]
)
def test_loopback_client(client_id: str) -> None:
    assert kind_of(client_id) == "loopback"


@pytest.mark.parametrize(
    ("client_id", "message"),
    [
        ("", "unknown kind"),
        ("app", "unknown kind"),
        ("did:web:app.example.com", "unknown kind"),
        ("HTTPS://app.example.com/a", "unknown kind"),
        ("http://app.example.com/a", "unknown kind"),
        ("http://127.0.0.1/a", "unknown kind"),
        ("https://", "not an http"),
        ("https://app.example.com/a b", "not an http"),
        ("https://app.example.com/é", "not an http"),
        ("https://me@app.example.com/a", "credentials"),
        ("https://me:pw@app.example.com/a", "credentials"),
        ("https://app.example.com/a#", "fragment"),
        ("https://app.example.com/a#b", "fragment"),
        ("https://app.example.com", "path"),
        ("https://app.example.com/", "path"),
        ("https://app.example.com?a=b", "path"),
        ("https://app.example.com/a/", "path"),
        ("https://app.example.com/a/../b", "normal form"),
        ("https://app.example.com/./b", "normal form"),
        ("https://app.example.com/%2e%2e/b", "normal form"),
        ("https://app.example.com/%61", "normal form"),
        ("https://app.example.com:443/a", "port"),
        ("https://app.example.com:8443/a", "port"),
        ("https://8.8.8.8/a", "IP address"),
        ("https://127.0.0.1/a", "IP address"),
        ("https://[::1]/a", "IP address"),
        ("https://0x7f.1/a", "not an IPv4"),
        ("https://2130706433/a", "not an IPv4"),
        ("https://localhost/a", "public domain"),
        ("https://intranet/a", "public domain"),
        ("https://printer.local/a", "public domain"),
        ("https://a.test/a", "public domain"),
        ("https://a.localhost/a", "public domain"),
        ("https://a.invalid/a", "public domain"),
        ("https://a.example/a", "public domain"),
        ("https://app.example.com./a", "DNS name"),
        ("https://app.example.com/" + "a" * 4096, "too long"),
    ],
)
def test_what_is_no_client_id(client_id: str, message: str) -> None:
    with pytest.raises(ClientMetadataError, match=message) as caught:
        kind_of(client_id)
    assert (caught.value.error, caught.value.field) == ("invalid_client_metadata", "client_id")


@pytest.mark.parametrize("client_id", ["http://127.0.0.1:5000/client.json", "http://[::1]/a"])
def test_clients_under_test_are_admitted_where_wanted(client_id: str) -> None:
    assert kind_of(client_id, admit_test_clients=True) == "discoverable"
    with pytest.raises(ClientMetadataError):
        kind_of(client_id)


@pytest.mark.parametrize(
    "client_id",
    [
        "http://127.0.0.2/a",
        "http://10.0.0.1/a",
        "http://app.example.com/a",
        "http://127.0.0.1.example.com/a",
        "http://me@127.0.0.1/a",
        "http://127.0.0.1/",
        "http://127.0.0.1/a/../b",
        "https://app.example.com:8443/a",
    ],
)
def test_clients_elsewhere_are_never_under_test(client_id: str) -> None:
    with pytest.raises(ClientMetadataError):
        kind_of(client_id, admit_test_clients=True)


@pytest.mark.parametrize(
    ("client_id", "name"),
    [
        ("https://app.example.com/oauth-client-metadata.json", "app.example.com"),
        (
            "https://app.example.com/oauth-client-metadata.json?a=b",
            "app.example.com/oauth-client-metadata.json?a=b",
        ),
        ("https://app.example.com/client.json", "app.example.com/client.json"),
        ("http://127.0.0.1:5000/client.json", "127.0.0.1:5000/client.json"),
        ("http://localhost?scope=atproto", "localhost"),
    ],
)
def test_client_is_called_by_where_it_lives(client_id: str, name: str) -> None:
    assert display_name(client_id) == name
