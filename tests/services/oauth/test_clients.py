"""Who a client is, as the whole way finds out: id, document, keys."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from pds.config import Config
from pds.network.client_documents import ClientDocuments
from pds.network.http_client import HttpClient
from pds.oauth_errors import (
    InvalidClientMetadataError,
    InvalidRedirectUriError,
    OAuthError,
    TemporarilyUnavailableError,
)
from pds.services.look_ups import LookUps
from pds.services.oauth.clients import Clients
from tests.factories import StillClock, make_config
from tests.fakes.oauth_app import KEYS_PATH, PATH, OAuthApp, oauth_app, public_jwk
from tests.fakes.web_server import WebServer, client, make_authority, web_server

HOST = "app.ours.net"
URL = f"https://{HOST}/oauth-client-metadata.json"
KEYS = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
JWKS = [public_jwk(key, f"key-{number}") for number, key in enumerate(KEYS)]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return make_config(tmp_path, oauth_test_clients="true")


@pytest.fixture
def app() -> Iterator[OAuthApp]:
    with oauth_app() as running:
        yield running


@pytest.fixture
def clients(config: Config, clock: StillClock) -> Iterator[Clients]:
    """Those of a server that admits apps under test; strangers must be at public addresses."""
    with client(allow_private=False) as strangers, client() as testing:
        yield Clients(config, ClientDocuments(strangers, testing), LookUps(8), clock)


def refusal(clients: Clients, client_id: str) -> OAuthError:
    with pytest.raises(OAuthError) as caught:
        clients.get(client_id)
    assert isinstance(caught.value, InvalidClientMetadataError | InvalidRedirectUriError)
    assert caught.value.status == 400
    return caught.value


@contextmanager
def public_app(directory: Path, **settings: Any) -> Iterator[tuple[WebServer, HttpClient]]:
    """A server that answers for app.ours.net, and a client that finds it there."""
    authority = make_authority(directory, HOST)
    with (
        web_server(authority.server()) as server,
        client(tls=authority.client(), resolve=server.resolve, **settings) as http,
    ):
        yield server, http


# --- ids ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "client_id",
    [
        "",
        "app",
        "did:web:app.ours.net",
        "ftp://app.ours.net/client.json",
        "http://app.ours.net/client.json",
        "http://10.0.0.1/client.json",
        "https://app.ours.net",
        "https://app.ours.net/",
        "https://app.ours.net/app/",
        "https://app.ours.net/../client.json",
        "https://app.ours.net/%63lient.json",
        "https://app.ours.net/client.json#top",
        "https://user:pass@app.ours.net/client.json",
        "https://app.ours.net:8443/client.json",
        "https://127.0.0.1/client.json",
        "https://10.0.0.1/client.json",
        "https://[::1]/client.json",
        "https://[::ffff:127.0.0.1]/client.json",
        "https://8.8.8.8/client.json",
        "https://localhost/client.json",
        "https://app.local/client.json",
        "https://app.test/client.json",
        "https://app.example/client.json",
        "https://" + "a" * 5_000,
        "http://localhost:8080",
        "http://localhost/app",
        "http://localhost#x",
        "http://localhost?client_name=x",
        "http://localhost?scope=atproto&scope=atproto",
        "http://localhost?scope=repo:*",
        "http://localhost.ours.net",
    ],
)
def test_id_that_no_client_can_have_is_refused_unasked(clients: Clients, client_id: str) -> None:
    error = refusal(clients, client_id)

    assert error.error == "invalid_client_metadata"
    assert error.message.partition(": ")[0] in {"client_id", "scope"}


@pytest.mark.parametrize("uri", ["http://localhost/", "https://127.0.0.1/", "http://10.0.0.1/"])
def test_loopback_client_is_sent_back_to_loopback_addresses_only(
    clients: Clients, uri: str
) -> None:
    assert refusal(clients, f"http://localhost?redirect_uri={uri}").error == "invalid_redirect_uri"


def test_loopback_client_is_described_by_its_id(clients: Clients) -> None:
    found = clients.get("http://localhost?scope=atproto%20repo:*")

    assert found.is_loopback
    assert found.is_public
    assert not found.is_trusted
    assert found.name == "localhost"
    assert found.metadata.scope == ("atproto", "repo:*")
    assert clients.keys(found).keys == ()
    assert clients.keys(found, fresh=True).keys == ()


def test_loopback_client_cannot_be_trusted(tmp_path: Path, clock: StillClock) -> None:
    """Any program on the machine may call itself so."""
    config = make_config(tmp_path, oauth_trusted_clients="http://localhost")
    with client() as http:
        clients = Clients(config, ClientDocuments(http), LookUps(1), clock)

        assert not clients.get("http://localhost").is_trusted


# --- documents ----------------------------------------------------------------------------------


def test_client_is_what_its_document_says(clients: Clients, app: OAuthApp) -> None:
    found = clients.get(app.client_id)

    assert found.id == app.client_id
    assert found.metadata.redirect_uris == (app.redirect_uri,)
    assert (found.is_loopback, found.is_trusted) == (False, False)
    assert found.name == f"127.0.0.1:{app.server.port}{PATH}"


def test_trusted_client_has_its_own_name_and_logo(
    tmp_path: Path, clock: StillClock, app: OAuthApp
) -> None:
    app.publish(app.document(logo_uri="https://app.ours.net/logo.png"))
    config = make_config(
        tmp_path, oauth_test_clients="true", oauth_trusted_clients=f"https://x/y, {app.client_id}"
    )
    with client() as http:
        found = Clients(config, ClientDocuments(http, http), LookUps(1), clock).get(app.client_id)

    assert (found.is_trusted, found.name) == (True, "An app")
    assert found.logo_uri == "https://app.ours.net/logo.png"


def test_client_nobody_vouches_for_is_shown_by_its_host(tmp_path: Path, config: Config) -> None:
    with public_app(tmp_path) as (server, http):
        document = OAuthApp(server).document(client_id=URL, logo_uri="https://x.ours.net/logo.png")
        web = {**document, "application_type": "web", "redirect_uris": ["https://app.ours.net/cb"]}
        server.text("/oauth-client-metadata.json", json.dumps(web), content_type="application/json")
        clients = Clients(config, ClientDocuments(http), LookUps(1), StillClock())
        found = clients.get(URL)

    assert (found.name, found.logo_uri) == (HOST, None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("client_id", "https://app.ours.net/other.json"),
        ("client_id", None),
        ("scope", None),
        ("scope", "transition:generic"),
        ("scope", "atproto atproto"),
        ("scope", 'atproto "'),
        ("grant_types", ["refresh_token"]),
        ("grant_types", ["authorization_code", "implicit"]),
        ("grant_types", ["authorization_code", "authorization_code"]),
        ("response_types", ["code id_token"]),
        ("response_types", []),
        ("application_type", "desktop"),
        ("token_endpoint_auth_method", None),
        ("token_endpoint_auth_method", "client_secret_basic"),
        ("token_endpoint_auth_method", "private_key_jwt"),
        ("token_endpoint_auth_signing_alg", "ES256"),
        ("jwks", {"keys": "none"}),
        ("jwks_uri", "ftp://app.ours.net/jwks.json"),
        ("client_uri", "https://elsewhere.ours.net/"),
        ("logo_uri", "javascript:alert(1)"),
        ("tos_uri", 7),
        ("policy_uri", "//x"),
        ("dpop_bound_access_tokens", None),
        ("dpop_bound_access_tokens", False),
        ("dpop_bound_access_tokens", "true"),
        ("subject_type", "pairwise"),
        ("tls_client_certificate_bound_access_tokens", True),
        ("authorization_encrypted_response_alg", "RSA-OAEP"),
        ("authorization_details_types", []),
        ("default_max_age", 0),
        ("userinfo_signed_response_alg", "ES256"),
        ("id_token_signed_response_alg", "ES256"),
        ("userinfo_encrypted_response_alg", "RSA-OAEP"),
        ("contacts", ["nobody"]),
    ],
)
def test_fault_of_a_document_is_told_by_its_field(
    clients: Clients, app: OAuthApp, field: str, value: Any
) -> None:
    app.publish(app.document(**{field: value}))

    error = refusal(clients, app.client_id)

    assert error.error == "invalid_client_metadata"
    assert error.message.startswith(f"{field}: ")


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("jwks", {"jwks": {"keys": []}}),
        ("jwks", {}),
        ("jwks", {"jwks": {"keys": [{**JWKS[0], "d": "AA"}]}}),
        ("jwks", {"jwks": {"keys": [{**JWKS[0], "kid": 1}]}}),
        ("jwks", {"jwks": {"keys": JWKS}, "jwks_uri": "https://app.ours.net/jwks.json"}),
        (
            "token_endpoint_auth_signing_alg",
            {"jwks": {"keys": JWKS}, "token_endpoint_auth_signing_alg": "HS256"},
        ),
        (
            "token_endpoint_auth_signing_alg",
            {"jwks": {"keys": JWKS}, "token_endpoint_auth_signing_alg": None},
        ),
    ],
)
def test_fault_of_a_confidential_client_is_told_by_its_field(
    clients: Clients, app: OAuthApp, field: str, changes: dict[str, Any]
) -> None:
    app.publish(app.confidential(**changes))

    assert refusal(clients, app.client_id).message.startswith(f"{field}: ")


@pytest.mark.parametrize(
    "uris",
    [
        None,
        [],
        "https://app.ours.net/cb",
        ["http://app.ours.net/cb"],
        ["http://localhost/cb"],
        ["https://localhost/cb"],
        ["https://user@app.ours.net/cb"],
        ["net.ours.app:/cb"],
        ["myapp:/cb"],
        ["javascript:alert(1)"],
        [7],
    ],
)
def test_bad_redirect_uris_have_an_error_of_their_own(
    clients: Clients, app: OAuthApp, uris: Any
) -> None:
    app.publish(app.document(redirect_uris=uris))

    assert refusal(clients, app.client_id).error == "invalid_redirect_uri"


@pytest.mark.parametrize("document", [[], "text", 7, None])
def test_document_must_be_an_object(clients: Clients, app: OAuthApp, document: Any) -> None:
    app.publish(document)

    assert refusal(clients, app.client_id).message == "document: must be a JSON object"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"status": 404}, "status 404 in place of 200"),
        ({"status": 302, "location": "/x"}, "redirects are not followed"),
        ({"content_type": "text/html"}, "content type must be application/json, not 'text/html'"),
        ({"content": "<html>"}, "the document is not JSON"),
        ({"content": '"' + "x" * 524_288 + '"'}, "larger than 524288 bytes"),
    ],
)
def test_what_came_of_fetching_is_told(
    clients: Clients, app: OAuthApp, changes: dict[str, Any], told: str
) -> None:
    app.server.text(PATH, **{"content": "{}", "content_type": "application/json", **changes})

    error = refusal(clients, app.client_id)

    assert error.error == "invalid_client_metadata"
    assert error.message.startswith(f"client_id: could not fetch {app.client_id}: ")
    assert told in error.message


def test_long_address_is_cut_in_messages(clients: Clients, app: OAuthApp) -> None:
    message = refusal(clients, f"{app.server.url}/{'a' * 3_000}").message

    assert len(message) < 300
    assert message.endswith("…: status 404 in place of 200")


# --- where requests may not go ------------------------------------------------------------------


def test_name_that_leads_inside_is_told_without_the_address(tmp_path: Path, config: Config) -> None:
    with public_app(tmp_path, allow_private=False) as (server, http):
        clients = Clients(config, ClientDocuments(http), LookUps(1), StillClock())
        message = refusal(clients, URL).message
        assert server.connections == 0

    assert message == f"client_id: could not fetch {URL}: {HOST} has no public address"
    assert "127." not in message


def test_keys_may_not_be_fetched_inside_either(
    tmp_path: Path, config: Config, app: OAuthApp
) -> None:
    """The document is at a public address, the keys it names are not."""
    with (
        public_app(tmp_path, allow_private=False) as (server, strangers),
        client() as testing,
    ):
        documents = ClientDocuments(strangers, testing)
        for uri in (URL, "https://127.0.0.1/k", "https://[::1]/k", "https://x.ours.net:99/k"):
            app.publish(app.confidential(jwks_uri=uri))
            clients = Clients(config, documents, LookUps(1), StillClock())
            found = clients.get(app.client_id)
            with pytest.raises(InvalidClientMetadataError) as caught:
                clients.keys(found)
            assert caught.value.message.startswith(f"jwks_uri: could not fetch {uri}: ")
        assert server.connections == 0


def test_apps_under_test_are_nothing_to_other_servers(
    tmp_path: Path, clock: StillClock, app: OAuthApp
) -> None:
    with client() as http:
        clients = Clients(make_config(tmp_path), ClientDocuments(http), LookUps(1), clock)

        assert refusal(clients, app.client_id).message == "client_id: unknown kind of client id"
    assert app.times_asked() == 0


# --- how often ----------------------------------------------------------------------------------


def test_document_is_fetched_once_in_ten_minutes(
    clients: Clients, app: OAuthApp, clock: StillClock
) -> None:
    clients.get(app.client_id)
    app.publish(app.document(scope="atproto"))
    clock.advance(599)
    assert clients.get(app.client_id).metadata.scope == ("atproto", "transition:generic")
    clock.advance(1)
    assert clients.get(app.client_id).metadata.scope == ("atproto",)
    assert app.times_asked() == 2


def test_failure_is_not_asked_for_again_at_once(
    clients: Clients, app: OAuthApp, clock: StillClock
) -> None:
    app.publish(app.document(scope="nothing"))
    first = refusal(clients, app.client_id).message
    app.publish(app.document())

    assert refusal(clients, app.client_id).message == first
    assert app.times_asked() == 1
    clock.advance(30)
    clients.get(app.client_id)
    assert app.times_asked() == 2


def test_eight_threads_make_one_request(clients: Clients, app: OAuthApp) -> None:
    answer = app.document()

    def slowly(handler: Any) -> None:
        time.sleep(0.2)
        body = json.dumps(answer).encode()
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
        handler.wfile.write(f"{head}\r\n\r\n".encode() + body)

    app.server.routes[PATH] = slowly
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: clients.get(app.client_id), range(8)))

    assert {each.id for each in found} == {app.client_id}
    assert app.times_asked() == 1


def test_too_many_at_once_is_told_as_such(config: Config, clock: StillClock, app: OAuthApp) -> None:
    look_ups = LookUps(1)
    with client() as http, look_ups.turn():
        clients = Clients(config, ClientDocuments(http, http), look_ups, clock)
        with pytest.raises(TemporarilyUnavailableError) as caught:
            clients.get(app.client_id)

    assert (caught.value.error, caught.value.status) == ("temporarily_unavailable", 503)


# --- keys ---------------------------------------------------------------------------------------


def test_keys_are_in_the_document(clients: Clients, app: OAuthApp, clock: StillClock) -> None:
    app.publish(app.confidential(jwks={"keys": JWKS[:1]}))
    found = clients.get(app.client_id)
    assert clients.keys(found).find("key-0", "ES256") is not None

    app.publish(app.confidential(jwks={"keys": JWKS[1:]}))
    assert not clients.keys(found, fresh=True).has_key_id("key-1")  # seen a moment ago
    clock.advance(60)
    assert not clients.keys(found).has_key_id("key-1")
    assert clients.keys(found, fresh=True).has_key_id("key-1")
    assert not clients.keys(found, fresh=True).has_key_id("key-0")
    assert app.times_asked() == 2


def test_keys_are_elsewhere(clients: Clients, app: OAuthApp, clock: StillClock) -> None:
    app.publish(app.confidential(jwks_uri=app.jwks_uri))
    app.publish_keys(JWKS[0])
    found = clients.get(app.client_id)
    assert clients.keys(found).has_key_id("key-0")

    app.publish_keys(*JWKS)
    for _ in range(3):
        assert not clients.keys(found, fresh=True).has_key_id("key-1")
    clock.advance(60)
    for _ in range(3):
        assert clients.keys(found, fresh=True).has_key_id("key-1")
    assert app.times_asked(KEYS_PATH) == 2


def test_keys_that_moved_are_followed(clients: Clients, app: OAuthApp, clock: StillClock) -> None:
    app.publish(app.confidential(jwks={"keys": JWKS[:1]}))
    app.publish_keys(JWKS[1])
    found = clients.get(app.client_id)
    clock.advance(60)

    app.publish(app.confidential(jwks_uri=app.jwks_uri))
    assert clients.keys(found, fresh=True).has_key_id("key-1")
    clock.advance(60)
    app.publish(app.document())
    clock.advance(600)
    assert clients.keys(found, fresh=True).keys == ()


@pytest.mark.parametrize(
    ("status", "content", "told"),
    [
        (200, "[]", 'jwks_uri: a key set must be an object with a list "keys"'),
        (200, '{"keys": [{"kty": "EC"}]}', 'jwks_uri: key 0: "crv" is missing'),
        (200, "nonsense", "the document is not JSON"),
        (500, "{}", "status 500 in place of 200"),
    ],
)
def test_what_is_no_key_set_is_told(
    clients: Clients, app: OAuthApp, status: int, content: str, told: str
) -> None:
    app.publish(app.confidential(jwks_uri=app.jwks_uri))
    app.server.text(KEYS_PATH, content, status)
    found = clients.get(app.client_id)

    for fresh in (False, True):
        with pytest.raises(InvalidClientMetadataError) as caught:
            clients.keys(found, fresh=fresh)
        assert told in caught.value.message
    assert app.times_asked(KEYS_PATH) == 1
