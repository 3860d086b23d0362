"""What is kept between a request and its grant comes back as it was."""

from __future__ import annotations

import dataclasses

from pds.atproto.oauth.loopback_client import loopback_metadata
from pds.services.oauth.model import AuthorizationParameters, Client, ClientAuth


def test_parameters_survive_being_kept() -> None:
    parameters = AuthorizationParameters(
        redirect_uri="https://app.example/cb?a=1",
        scope='atproto repo:*?action=create "ü"',
        state="s\n",
        code_challenge="c" * 43,
        response_mode="fragment",
        login_hint="alice.test",
        prompt="consent",
        ui_locales=("de-AT", "en"),
    )

    assert AuthorizationParameters.from_json(parameters.to_json()) == parameters


def test_client_authentication_survives_being_kept() -> None:
    auth = ClientAuth("private_key_jwt", "ES256", "key-1", "thumb")

    assert ClientAuth.from_json(auth.to_json()) == auth
    assert ClientAuth.from_json(ClientAuth("none").to_json()) == ClientAuth("none")


def test_only_trusted_clients_are_called_what_they_call_themselves() -> None:
    metadata = loopback_metadata("http://localhost")

    assert Client(metadata, is_trusted=True, is_loopback=True).name == "localhost"
    assert Client(metadata, is_loopback=True).logo_uri is None
    assert Client(metadata).is_public
    named = dataclasses.replace(
        metadata,
        client_id="https://app.example.com/oauth-client-metadata.json",
        client_name="Bluesky",
        logo_uri="https://app.example.com/logo.png",
    )
    stranger, trusted = Client(named), Client(named, is_trusted=True)
    assert (stranger.name, stranger.logo_uri) == ("app.example.com", None)
    assert (trusted.name, trusted.logo_uri) == ("Bluesky", named.logo_uri)


def test_name_of_a_trusted_client_is_one_line_that_turns_nothing() -> None:
    metadata = loopback_metadata("http://localhost")
    for own, shown in (
        ("An\napp\u202e", "An app"),
        ("\u2066 \u200b", "localhost"),
        ("x" * 100, "x" * 63 + "…"),
    ):
        named = dataclasses.replace(metadata, client_name=own)

        assert Client(named, is_trusted=True).name == shown
