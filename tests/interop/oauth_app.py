"""An app that signs members in, made of a third party's parts only (requests-oauth2client).

It is a confidential client: a small web server of its own serves its metadata and its keys, and
takes the browser that is sent back. Discovery, PAR, PKCE, DPoP, the proof of who it is and the
calls are the library's; what is here is what an app's author would write.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests
from jwskate import Jwk
from requests_oauth2client import (
    OAuth2Client,
    PrivateKeyJwt,
    RequestUriParameterAuthorizationRequest,
)
from requests_oauth2client.authorization_request import AuthorizationRequest
from requests_oauth2client.tokens import BearerToken

SCOPE = "atproto transition:generic"
TIMEOUT_S = 20


class OAuthApp:
    """One app at a server. ``url`` is where it lives, on loopback."""

    def __init__(self, url: str, *, scope: str = SCOPE) -> None:
        self.client_id = f"{url}/client.json"
        self.redirect_uri = f"{url}/callback"
        self.scope = scope
        self.key = Jwk.generate(alg="ES256").with_kid_thumbprint()
        self.came_back = threading.Event()
        self.callback_url = ""
        self._url = url

    @property
    def metadata(self) -> dict[str, Any]:
        return {
            "client_id": self.client_id,
            "client_name": "Recipe box",
            "client_uri": self._url,
            "redirect_uris": [self.redirect_uri],
            "scope": self.scope,
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "application_type": "web",
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": "ES256",
            "jwks_uri": f"{self._url}/jwks.json",
            "dpop_bound_access_tokens": True,
        }

    @property
    def jwks(self) -> dict[str, Any]:
        return {"keys": [dict(self.key.public_jwk())]}

    def discover(self, pds_url: str) -> OAuth2Client:
        """From the address of a member's server to a client of its authorization server."""
        resource = _get(f"{pds_url}/.well-known/oauth-protected-resource")
        [issuer] = resource["authorization_servers"]
        found = _get(f"{issuer}/.well-known/oauth-authorization-server")
        assert found["issuer"] == issuer
        return OAuth2Client(
            token_endpoint=found["token_endpoint"],
            authorization_endpoint=found["authorization_endpoint"],
            pushed_authorization_request_endpoint=found["pushed_authorization_request_endpoint"],
            revocation_endpoint=found["revocation_endpoint"],
            issuer=issuer,
            redirect_uri=self.redirect_uri,
            auth=PrivateKeyJwt(self.client_id, self.key, aud=issuer),
            authorization_response_iss_parameter_supported=True,
            dpop_bound_access_tokens=True,
            testing=True,  # plain http is fine on loopback
        )

    def ask(
        self, client: OAuth2Client, **parameters: Any
    ) -> tuple[AuthorizationRequest, RequestUriParameterAuthorizationRequest]:
        """Push a request; the second part is the address for the member's browser."""
        request = client.authorization_request(
            scope=self.scope, dpop=True, nonce=None, **parameters
        )
        return request, client.pushed_authorization_request(request)

    def redeem(
        self, client: OAuth2Client, request: AuthorizationRequest, callback_url: str
    ) -> BearerToken:
        """Check what the browser brought back, and trade its code for tokens."""
        answer = request.validate_callback(callback_url)
        return client.authorization_code(answer, validate=False)


def call(
    pds_url: str, token: BearerToken, verb: str, nsid: str, **options: Any
) -> requests.Response:
    """Call a method in the member's name."""
    return requests.request(
        verb, f"{pds_url}/xrpc/{nsid}", auth=token, timeout=TIMEOUT_S, **options
    )


@contextmanager
def running_app(*, scope: str = SCOPE) -> Iterator[OAuthApp]:
    """The app with its web server."""
    apps: list[OAuthApp] = []

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            [app] = apps
            path = self.path.partition("?")[0]
            if path == "/callback":
                app.callback_url = f"{app.redirect_uri}?{self.path.partition('?')[2]}"
                app.came_back.set()
                self._send(b"<!doctype html><title>Recipe box</title><h1>Welcome</h1>", "text/html")
            elif path in ("/client.json", "/jwks.json"):
                found = app.metadata if path == "/client.json" else app.jwks
                self._send(json.dumps(found).encode(), "application/json")
            else:
                self.send_error(404)

        def _send(self, content: bytes, content_type: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    app = OAuthApp(f"http://127.0.0.1:{server.server_port}", scope=scope)
    apps.append(app)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield app
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _get(url: str) -> Any:
    answer = requests.get(url, timeout=TIMEOUT_S, allow_redirects=False)
    assert answer.status_code == 200, (url, answer.status_code, answer.text)
    assert answer.headers["Content-Type"].partition(";")[0] == "application/json"
    return answer.json()
