from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import pytest

from pds.oauth_errors import (
    InvalidAccessTokenError,
    InvalidClientError,
    InvalidDpopProofError,
    InvalidGrantError,
    OAuthError,
)
from pds.services.oauth import requests
from pds.services.oauth.client_credentials import ClientAuthentication
from pds.services.oauth.model import AuthorizationParameters, Client, ClientAuth
from pds.services.oauth.requests import REQUEST_URI_PREFIX, PushedRequest, Requests, request_id
from pds.storage import oauth_requests
from pds.storage.database import transaction
from pds.storage.oauth_requests import OAuthRequestRow
from tests.atproto.oauth.tokens import key_pair, signed
from tests.factories import StillClock, race
from tests.fakes.no_permission_sets import NoPermissionSets
from tests.oauth_client import KID, FakeClients, make_assertion, make_metadata

ISSUER = "https://pds.example.com"
PUBLIC = "https://app.example.com/client.json"
CONFIDENTIAL = "https://web.example.com/client.json"
KEY = key_pair(number=7)
JKT = key_pair(number=1).jwk.thumbprint
ASKED = {
    "response_type": "code",
    "redirect_uri": "https://app.example.com/cb",
    "scope": "atproto",
    "state": "s",
    "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    "code_challenge_method": "S256",
}


@pytest.fixture
def clients() -> FakeClients:
    fake = FakeClients()
    fake.add(Client(make_metadata(PUBLIC)))
    fake.add(Client(make_metadata(CONFIDENTIAL, auth_method="private_key_jwt")), KEY.published(KID))
    return fake


@pytest.fixture
def pushing(clients: FakeClients, clock: StillClock, open_database: Path) -> Requests:
    del open_database
    authentication = ClientAuthentication(clients, ISSUER, clock)
    return Requests(authentication, clients, NoPermissionSets(), issuer=ISSUER, clock=clock)


def push(pushing: Requests, client_id: str = PUBLIC, **fields: str) -> PushedRequest:
    """Push a good request but for ``fields``; ``jkt`` is the key of the proof, "" is none."""
    jkt = fields.pop("jkt", JKT)
    return pushing.push(pushing.read({"client_id": client_id, **ASKED, **fields}), jkt or None)


def refused(pushing: Requests, client_id: str = PUBLIC, **fields: str) -> OAuthError:
    with pytest.raises(OAuthError) as caught:
        push(pushing, client_id, **fields)
    assert oauth_requests.count() == 0
    return caught.value


def kept(pushed: PushedRequest) -> OAuthRequestRow:
    found_id = request_id(pushed.request_uri)
    assert found_id is not None
    found = oauth_requests.find(found_id)
    assert found is not None
    return found


def assertion(clock: StillClock, **claims: Any) -> dict[str, str]:
    return make_assertion(CONFIDENTIAL, issuer=ISSUER, now=clock() / 1_000_000, **claims)


def request_object(clock: StillClock, **claims: Any) -> str:
    good = {"iss": CONFIDENTIAL, "aud": ISSUER, "jti": secrets.token_hex(8), **ASKED}
    now = {"iat": clock() // 1_000_000}
    key, kid = claims.pop("key", KEY), claims.pop("kid", KID)
    return signed({"kid": kid}, good | now | claims, key)


def test_request_is_kept_for_five_minutes(pushing: Requests, clock: StillClock) -> None:
    pushed = push(pushing)

    assert pushed.request_uri.startswith(REQUEST_URI_PREFIX + "req-")
    assert pushed.expires_in == 300
    row = kept(pushed)
    assert (row.client_id, row.dpop_jkt) == (PUBLIC, JKT)
    assert (row.created_at_us, row.expires_at_us) == (clock(), clock() + 300_000_000)
    assert (row.browser_hash, row.account_id, row.granted_scope, row.code_hash) == (None,) * 4
    assert ClientAuth.from_json(row.client_auth) == ClientAuth("none")
    assert AuthorizationParameters.from_json(row.parameters) == AuthorizationParameters(
        redirect_uri=ASKED["redirect_uri"],
        scope="atproto",
        state="s",
        code_challenge=ASKED["code_challenge"],
        prompt="consent",
    )


def test_each_has_an_address_of_its_own(pushing: Requests) -> None:
    assert len({push(pushing).request_uri for _ in range(10)}) == 10


def test_form_is_checked_before_anybody_is_asked(pushing: Requests, clients: FakeClients) -> None:
    clients.known.clear()

    assert refused(pushing, state="").message == "state: is missing"
    with pytest.raises(InvalidClientError, match="client_id"):
        pushing.read(ASKED)


def test_unknown_client_is_refused(pushing: Requests) -> None:
    error = refused(pushing, "https://nobody.example.com/client.json")

    assert error.error == "invalid_client_metadata"


# --- whose key the tokens will be bound to -------------------------------------------------------


def test_key_may_be_named_instead_of_proven(pushing: Requests) -> None:
    assert kept(push(pushing, jkt="", dpop_jkt=JKT)).dpop_jkt == JKT


def test_key_may_be_named_and_proven(pushing: Requests) -> None:
    assert kept(push(pushing, dpop_jkt=JKT)).dpop_jkt == JKT


def test_one_of_them_is_needed(pushing: Requests) -> None:
    error = refused(pushing, jkt="")

    assert isinstance(error, InvalidDpopProofError)
    assert (error.error, error.status) == ("invalid_dpop_proof", 401)


def test_they_must_agree(pushing: Requests) -> None:
    error = refused(pushing, dpop_jkt="x" * 43)

    assert isinstance(error, InvalidAccessTokenError)
    assert (error.error, error.status) == ("invalid_token", 401)


@pytest.mark.parametrize("how", ["jkt", "dpop_jkt"])
def test_key_is_not_the_one_of_the_assertion(
    pushing: Requests, clock: StillClock, how: str
) -> None:
    fields = {"jkt": ""} | {how: KEY.jwk.thumbprint}

    assert refused(pushing, CONFIDENTIAL, **assertion(clock), **fields).error == "invalid_client"


# --- confidential clients ------------------------------------------------------------------------


def test_how_a_client_has_proven_itself_is_kept(pushing: Requests, clock: StillClock) -> None:
    row = kept(push(pushing, CONFIDENTIAL, **assertion(clock), prompt="none"))

    expected = ClientAuth("private_key_jwt", "ES256", KID, KEY.jwk.thumbprint)
    assert ClientAuth.from_json(row.client_auth) == expected
    assert AuthorizationParameters.from_json(row.parameters).prompt == "none"


def test_client_must_prove_itself(pushing: Requests) -> None:
    assert refused(pushing, CONFIDENTIAL).error == "invalid_client"


def test_assertion_is_good_for_one_request(pushing: Requests, clock: StillClock) -> None:
    fields = assertion(clock)
    with pytest.raises(OAuthError, match="redirect_uri"):
        push(pushing, CONFIDENTIAL, **fields, redirect_uri="https://other.example.com/")

    push(pushing, CONFIDENTIAL, **fields)

    with pytest.raises(InvalidGrantError, match="used already"):
        push(pushing, CONFIDENTIAL, **fields)
    assert oauth_requests.count() == 1


def test_of_two_requests_with_one_assertion_one_is_kept(
    pushing: Requests, clock: StillClock
) -> None:
    fields = assertion(clock)

    outcomes = race([lambda: push(pushing, CONFIDENTIAL, **fields) for _ in range(4)])

    assert sum(isinstance(outcome, PushedRequest) for outcome in outcomes) == 1
    assert oauth_requests.count() == 1


# --- request objects -----------------------------------------------------------------------------


def push_signed(pushing: Requests, clock: StillClock, request: str, **fields: str) -> PushedRequest:
    given = {"client_id": CONFIDENTIAL, "request": request, **assertion(clock), **fields}
    return pushing.push(pushing.read(given), JKT)


def test_signed_parameters_count_and_no_others(pushing: Requests, clock: StillClock) -> None:
    request = request_object(clock, state="signed", max_age=3)

    row = kept(push_signed(pushing, clock, request, state="unsigned", scope="openid"))

    parameters = AuthorizationParameters.from_json(row.parameters)
    assert (parameters.state, parameters.scope) == ("signed", "atproto")


def test_key_may_be_named_in_the_object(pushing: Requests, clock: StillClock) -> None:
    request = request_object(clock, dpop_jkt=JKT)
    fields = {"client_id": CONFIDENTIAL, "request": request, **assertion(clock)}

    assert kept(pushing.push(pushing.read(fields), None)).dpop_jkt == JKT


def test_object_is_good_for_one_request(pushing: Requests, clock: StillClock) -> None:
    request = request_object(clock)
    push_signed(pushing, clock, request)

    with pytest.raises(OAuthError, match=r"request: .*used already"):
        push_signed(pushing, clock, request)

    assert oauth_requests.count() == 1


def test_changed_keys_are_fetched_again(
    pushing: Requests, clients: FakeClients, clock: StillClock
) -> None:
    push_signed(pushing, clock, request_object(clock))
    new_key = key_pair(number=9)
    clients.published[CONFIDENTIAL].append(new_key.published("key-2"))

    push_signed(pushing, clock, request_object(clock, key=new_key, kid="key-2"))

    assert clients.fetched == 2


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"key": key_pair(number=8)}, "request: the signature"),
        ({"kid": "nobody's"}, "request: no key"),
        ({"aud": "https://other.example.com"}, 'request: "aud"'),
        ({"state": None}, "state: is missing"),
        ({"state": ""}, "state: is missing"),
        ({"scope": ["atproto"]}, "scope: must be a string"),
        ({"claims": {"a": 1}}, "claims: must be a string"),
        ({"nonce": "x"}, "nonce: is not supported"),
    ],
)
def test_what_is_signed_is_checked_as_anything_else(
    pushing: Requests, clock: StillClock, claims: dict[str, Any], said: str
) -> None:
    with pytest.raises(OAuthError) as caught:
        push_signed(pushing, clock, request_object(clock, **claims))

    assert (caught.value.error, caught.value.status) == ("invalid_request", 400)
    assert caught.value.message.startswith(said)


def test_unsigned_object_is_refused(pushing: Requests, clock: StillClock) -> None:
    with pytest.raises(OAuthError, match="request: ") as caught:
        push_signed(pushing, clock, "eyJhbGciOiJub25lIn0.e30.")

    assert caught.value.error == "invalid_request"


@pytest.mark.parametrize("request_object", ["eyJhbGciOiJub25lIn0.e30.", "a.b.c", "x"])
def test_public_client_has_nothing_to_sign_with(pushing: Requests, request_object: str) -> None:
    with pytest.raises(OAuthError, match="request: ") as caught:
        pushing.push(pushing.read({"client_id": PUBLIC, "request": request_object}), JKT)

    assert (caught.value.error, caught.value.status) == ("invalid_request", 400)


# --- bounds --------------------------------------------------------------------------------------


def test_there_are_never_more_than_so_many(
    pushing: Requests, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "MAX_OPEN_REQUESTS", 3)
    worked_on = kept(push(pushing))
    with transaction():
        oauth_requests.bind_browser(worked_on.id, "browser", clock() + 400_000_000)
    ids = []
    for _ in range(10):
        clock.advance(1)
        ids.append(kept(push(pushing)).id)

    assert oauth_requests.count() == 3
    left = [name for name in [worked_on.id, *ids] if oauth_requests.find(name)]
    assert left == [worked_on.id, *ids[-2:]]


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "req-" + "0" * 32,
        REQUEST_URI_PREFIX,
        REQUEST_URI_PREFIX + "req-" + "0" * 31,
        REQUEST_URI_PREFIX + "req-" + "0" * 33,
        REQUEST_URI_PREFIX + "req-" + "A" * 32,
        REQUEST_URI_PREFIX + "req-" + "0" * 32 + "\n",
    ],
)
def test_other_addresses_are_not_of_requests(uri: str) -> None:
    assert request_id(uri) is None


def test_address_holds_the_id() -> None:
    assert request_id(f"{REQUEST_URI_PREFIX}req-{'0a' * 16}") == "req-" + "0a" * 16
