"""What may be asked for: form first, one rule after the other, then what a client may."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest

from pds.atproto.oauth.scopes.granted import ScopeSet
from pds.atproto.oauth.scopes.permission_set import PermissionSet, read_permission_set
from pds.atproto.syntax.nsid import Nsid
from pds.oauth_errors import (
    InvalidRedirectUriError,
    InvalidScopeError,
    OAuthError,
    UnsupportedResponseTypeError,
)
from pds.services.oauth.model import AuthorizationParameters, Client
from pds.services.oauth.request_parameters import (
    MAX_INCLUDES,
    MAX_SCOPE_LENGTH,
    MAX_SCOPES,
    RequestedParameters,
    admit_parameters,
    read_parameters,
)
from tests.oauth_client import make_metadata

CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
REDIRECT_URI = "https://app.example.com/cb"
GOOD = {
    "response_type": "code",
    "redirect_uri": REDIRECT_URI,
    "scope": "atproto",
    "state": "s",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


def fields(**changes: str | None) -> dict[str, str]:
    """A good request but for what is changed; None takes something away."""
    return {name: text for name, text in {**GOOD, **changes}.items() if text is not None}


def read(**changes: str | None) -> RequestedParameters:
    return read_parameters(fields(**changes))


def refused(**changes: str | None) -> OAuthError:
    with pytest.raises(OAuthError) as caught:
        read(**changes)
    assert caught.value.status == 400
    return caught.value


# --- form -----------------------------------------------------------------------------------------


def test_least_that_is_needed() -> None:
    assert read(redirect_uri=None) == RequestedParameters(
        redirect_uri=None,
        scopes=("atproto",),
        state="s",
        code_challenge=CHALLENGE,
        response_mode="query",
        login_hint=None,
        prompt=None,
        display=None,
        ui_locales=(),
        dpop_jkt=None,
    )


def test_all_that_is_known() -> None:
    found = read(
        response_mode="form_post",
        login_hint="Alice.Example.com",
        prompt="login",
        display="touch",
        ui_locales="pt-BR en",
        max_age="0",
        dpop_jkt="x" * 43,
        unknown="anything",
        request_uri="urn:ietf:params:oauth:request_uri:req-1",
    )

    assert found == dataclasses.replace(
        read(),
        response_mode="form_post",
        login_hint="alice.example.com",
        prompt="login",
        display="touch",
        ui_locales=("pt-BR", "en"),
        dpop_jkt="x" * 43,
    )


NEEDED = ["response_type", "state", "code_challenge", "code_challenge_method"]


@pytest.mark.parametrize("name", NEEDED)
def test_what_must_be_there(name: str) -> None:
    error = refused(**{name: None})

    assert (error.error, error.message.split(":")[0]) == ("invalid_request", name)


@pytest.mark.parametrize("name", ["nonce", "claims", "id_token_hint", "authorization_details"])
def test_features_of_other_protocols_are_refused(name: str) -> None:
    error = refused(**{name: "x"})

    assert (error.error, error.message) == ("invalid_request", f"{name}: is not supported")


@pytest.mark.parametrize("kind", ["token", "code id_token", "none", "Code"])
def test_only_codes_are_given(kind: str) -> None:
    assert isinstance(refused(response_type=kind), UnsupportedResponseTypeError)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("code_challenge_method", "plain"),
        ("code_challenge_method", "s256"),
        ("code_challenge", "abc"),
        ("code_challenge", CHALLENGE[:-1]),
        ("code_challenge", CHALLENGE + "A"),
        ("code_challenge", CHALLENGE[:-1] + "B"),  # bits beyond the 32 bytes
        ("code_challenge", "+" * 43),
        ("response_mode", "jwt"),
        ("response_mode", "query fragment"),
        ("prompt", "maybe"),
        ("prompt", "login consent"),
        ("display", "wall"),
        ("max_age", "-1"),
        ("max_age", "1.5"),
        ("max_age", "٣"),
        ("max_age", "9" * 11),
        ("ui_locales", "EN"),
        ("ui_locales", "en_US"),
        ("ui_locales", "en," * 3),
        ("ui_locales", " ".join(["en"] * 21)),
        ("login_hint", "alice"),
        ("login_hint", "alice@example.com"),
        ("login_hint", "did:"),
        ("login_hint", "https://pds.example.com"),
        ("dpop_jkt", "x" * 42),
        ("dpop_jkt", "x" * 44),
        ("dpop_jkt", "." * 43),
        ("state", "x" * 4_097),
        ("redirect_uri", "https://app.example.com/" + "x" * 4_100),
    ],
)
def test_what_each_may_be(name: str, value: str) -> None:
    error = refused(**{name: value})

    assert (error.error, error.message.split(":")[0]) == ("invalid_request", name)


@pytest.mark.parametrize("display", ["page", "popup", "touch", "wap"])
def test_displays_are_known(display: str) -> None:
    assert read(display=display).display == display


@pytest.mark.parametrize(
    "hint", ["did:plc:ewvi7nxzyoun6zhxrhs64oiz", "DID:WEB:Example.com", "A.Example"]
)
def test_hints_are_read_in_lower_case(hint: str) -> None:
    assert read(login_hint=hint).login_hint == hint.lower()


@pytest.mark.parametrize(
    "scope",
    [
        None,
        " atproto",
        "atproto ",
        "atproto  repo:*",
        "atproto\trepo:*",
        'atproto "',
        "atproto é",
        "atproto \\",
        "atproto " + "x" * MAX_SCOPE_LENGTH,
        " ".join(f"s{n}" for n in range(MAX_SCOPES + 1)),
    ],
)
def test_scopes_are_words_and_not_too_many(scope: str | None) -> None:
    error = refused(scope=scope)

    assert (error.error, error.message[:6]) == ("invalid_scope", "scope:")


def test_repeated_scopes_count_once() -> None:
    assert read(scope="atproto a b a atproto").scopes == ("atproto", "a", "b")


def test_state_is_kept_as_it_is() -> None:
    state = ' {"a": "é\u2028"}+%20'

    assert read(state=state).state == state


# --- what a client may ask for --------------------------------------------------------------------


class FakeSets:
    """Has the sets it was given; remembers what it was asked for."""

    def __init__(self, *nsids: str) -> None:
        self.known = {nsid: permission_set(nsid) for nsid in nsids}
        self.asked: list[str] = []

    def of(self, scopes: ScopeSet) -> Mapping[str, PermissionSet]:
        self.asked += [scope.nsid for scope in scopes.includes]
        return self.known


def permission_set(nsid: str) -> PermissionSet:
    document = {
        "lexicon": 1,
        "id": nsid,
        "defs": {
            "main": {
                "type": "permission-set",
                "title": "A set",
                "permissions": [
                    {
                        "type": "permission",
                        "resource": "repo",
                        "collection": ["com.example.cal.event"],
                    }
                ],
            }
        },
    }
    return read_permission_set(document, Nsid(nsid))


def admit(
    client: Client, *, sets: FakeSets | None = None, **changes: str | None
) -> AuthorizationParameters:
    return admit_parameters(read(**changes), client, sets or FakeSets())


def not_admitted(client: Client, *, sets: FakeSets | None = None, **changes: str) -> OAuthError:
    with pytest.raises(OAuthError) as caught:
        admit(client, sets=sets, **changes)
    assert caught.value.status == 400
    return caught.value


def client(*, is_trusted: bool = False, **changes: Any) -> Client:
    return Client(make_metadata("https://app.example.com/client.json", **changes), is_trusted)


def confidential(**changes: Any) -> Client:
    return client(auth_method="private_key_jwt", **changes)


def test_admitted_parameters_are_kept() -> None:
    found = admit(confidential(), state="x", login_hint="a.example", ui_locales="en", prompt="none")

    assert found == AuthorizationParameters(
        redirect_uri=REDIRECT_URI,
        scope="atproto",
        state="x",
        code_challenge=CHALLENGE,
        login_hint="a.example",
        prompt="none",
        ui_locales=("en",),
    )


def test_one_registered_uri_need_not_be_named() -> None:
    assert admit(client(), redirect_uri=None).redirect_uri == REDIRECT_URI

    several = client(redirect_uris=(REDIRECT_URI, REDIRECT_URI + "2"))
    with pytest.raises(InvalidRedirectUriError, match="redirect_uri"):
        admit(several, redirect_uri=None)


@pytest.mark.parametrize("uri", ["https://evil.example.com/cb", REDIRECT_URI + "/", "no uri"])
def test_other_uris_are_refused(uri: str) -> None:
    error = not_admitted(client(), redirect_uri=uri)

    assert (error.error, error.message.split(":")[0]) == ("invalid_redirect_uri", "redirect_uri")


def test_port_of_the_members_own_machine_is_free() -> None:
    loopback = client(redirect_uris=("http://127.0.0.1/cb",), application_type="native")

    uri = "http://127.0.0.1:4711/cb"
    assert admit(loopback, redirect_uri=uri).redirect_uri == uri


@pytest.mark.parametrize(
    ("declared", "asked", "said"),
    [
        (("atproto",), "atproto repo:*", "repo:* is not declared"),
        (("atproto", "repo:*"), "atproto repo:app.bsky.feed.post", "is not declared"),
        (("atproto", "future:thing"), "atproto future:other", "is not declared"),
        (("atproto", "repo:*"), "repo:*", "atproto is missing"),
        (("atproto", "openid"), "atproto openid", "openid is not supported"),
    ],
)
def test_only_declared_scopes_can_be_asked_for(
    declared: tuple[str, ...], asked: str, said: str
) -> None:
    error = not_admitted(client(scope=declared), scope=asked)

    assert isinstance(error, InvalidScopeError)
    assert error.message.startswith("scope: ")
    assert said in error.message


def test_long_scopes_are_not_sent_back_whole() -> None:
    error = not_admitted(client(), scope="atproto " + "x" * 9_000)

    assert len(error.message) < 300


def test_scopes_of_a_later_time_are_left_out() -> None:
    declared = ("atproto", "repo:com.example.a", "repo:%zz", "future:thing", "repo:%ff", "blob")
    asked = "repo:%zz repo:com.example.a future:thing atproto repo:%ff blob"

    assert admit(client(scope=declared), scope=asked).scope == "repo:com.example.a atproto"


def test_permission_sets_must_be_there() -> None:
    declared = ("atproto", "include:com.example.cal.auth", "include:com.example.cal.more")
    sets = FakeSets("com.example.cal.auth")

    found = admit(client(scope=declared), sets=sets, scope=" ".join(declared[:2]))
    error = not_admitted(client(scope=declared), sets=sets, scope=" ".join(declared))

    assert found.scope == "atproto include:com.example.cal.auth"
    assert (error.error, "com.example.cal.more" in error.message) == ("invalid_scope", True)


def test_only_some_permission_sets_are_looked_up_for_one_request() -> None:
    declared = ("atproto", *(f"include:com.example.s{n}" for n in range(MAX_INCLUDES + 1)))
    sets = FakeSets()

    error = not_admitted(client(scope=declared), sets=sets, scope=" ".join(declared))

    assert error.error == "invalid_scope"
    assert sets.asked == []


def test_nothing_is_looked_up_without_need() -> None:
    sets = FakeSets()

    admit(client(), sets=sets)

    assert sets.asked == []


@pytest.mark.parametrize(
    ("prompt", "becomes"),
    [
        (None, "consent"),
        ("login", "consent"),
        ("select_account", "consent"),
        ("consent", "consent"),
        ("create", "create"),
    ],
)
def test_members_are_always_asked_about_public_clients(prompt: str | None, becomes: str) -> None:
    assert admit(client(), prompt=prompt).prompt == becomes


def test_public_clients_cannot_do_without_asking() -> None:
    error = not_admitted(client(), prompt="none")

    assert (error.error, error.message.split(":")[0]) == ("invalid_request", "prompt")


@pytest.mark.parametrize("trusted", [client(is_trusted=True), confidential()])
@pytest.mark.parametrize("prompt", [None, "none", "login", "consent", "select_account", "create"])
def test_prompts_of_known_clients_stay(trusted: Client, prompt: str | None) -> None:
    assert admit(trusted, prompt=prompt).prompt == prompt


def test_what_is_too_long_is_not_sent_back() -> None:
    error = refused(state="s3cret" * 1_000)

    assert "s3cret" not in error.message
