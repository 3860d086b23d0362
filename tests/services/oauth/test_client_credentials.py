from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pds.oauth_errors import (
    InvalidClientError,
    InvalidClientMetadataError,
    InvalidGrantError,
    OAuthError,
)
from pds.services.oauth.client_credentials import (
    AuthenticatedClient,
    ClientAuthentication,
    ClientCredentials,
)
from pds.services.oauth.model import Client, ClientAuth
from pds.storage import oauth_seen
from pds.storage.database import transaction
from tests.atproto.oauth.tokens import KeyPair, key_pair
from tests.factories import StillClock, race
from tests.oauth_client import KID, FakeClients, make_assertion, make_metadata

ISSUER = "https://pds.example.com"
PUBLIC = "https://app.example.com/client.json"
CONFIDENTIAL = "https://web.example.com/client.json"
KEY = key_pair(number=7)


@pytest.fixture
def clients() -> FakeClients:
    fake = FakeClients()
    fake.add(Client(make_metadata(PUBLIC)))
    fake.add(
        Client(make_metadata(CONFIDENTIAL, auth_method="private_key_jwt")),
        KEY.published(KID),
    )
    return fake


@pytest.fixture
def authentication(clients: FakeClients, clock: StillClock) -> ClientAuthentication:
    return ClientAuthentication(clients, ISSUER, clock)


def assertion(clock: StillClock, client_id: str = CONFIDENTIAL, **changes: Any) -> dict[str, str]:
    return make_assertion(client_id, issuer=ISSUER, now=clock() / 1_000_000, **changes)


def show(
    authentication: ClientAuthentication, client_id: str, jkt: str | None = None, **fields: str
) -> AuthenticatedClient:
    credentials = ClientCredentials.of({"client_id": client_id, **fields})
    return authentication.authenticate(credentials, jkt)


def refused(
    authentication: ClientAuthentication, client_id: str, jkt: str | None = None, **fields: str
) -> OAuthError:
    with pytest.raises(OAuthError) as caught:
        show(authentication, client_id, jkt, **fields)
    return caught.value


@pytest.mark.parametrize("fields", [{}, {"client_id": ""}])
def test_client_id_is_needed(fields: dict[str, str]) -> None:
    with pytest.raises(InvalidClientError, match="client_id"):
        ClientCredentials.of(fields)


def test_public_client_is_known_by_its_id(authentication: ClientAuthentication) -> None:
    found = show(authentication, PUBLIC)

    assert (found.client.id, found.auth) == (PUBLIC, ClientAuth("none"))


def test_assertion_of_a_public_client_is_ignored(
    authentication: ClientAuthentication, open_database: Path
) -> None:
    found = show(authentication, PUBLIC, client_assertion="x", client_assertion_type="y")

    assert found.auth == ClientAuth("none")
    for _ in range(2):
        with transaction():
            found.use_up(0)
    found.check_dpop_key(KEY.jwk.thumbprint)


def test_unknown_client_is_told_so(authentication: ClientAuthentication) -> None:
    error = refused(authentication, "https://nobody.example.com/client.json")

    assert isinstance(error, InvalidClientMetadataError)


def test_confidential_client_proves_who_it_is(
    authentication: ClientAuthentication, clock: StillClock
) -> None:
    found = show(authentication, CONFIDENTIAL, "another key", **assertion(clock))

    assert found.client.id == CONFIDENTIAL
    assert found.auth == ClientAuth("private_key_jwt", "ES256", KID, KEY.jwk.thumbprint)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"client_assertion": None, "client_assertion_type": None}, "client_assertion_type"),
        ({"client_assertion_type": None}, "client_assertion_type"),
        ({"client_assertion_type": "urn:other"}, "client_assertion_type"),
        ({"client_assertion": None}, "client_assertion: is missing"),
        ({"client_assertion": "no jwt"}, "not a signed JWT"),
    ],
)
def test_confidential_client_must_prove_it(
    authentication: ClientAuthentication,
    clock: StillClock,
    fields: dict[str, str | None],
    said: str,
) -> None:
    shown = {name: text for name, text in (assertion(clock) | fields).items() if text is not None}
    error = refused(authentication, CONFIDENTIAL, **shown)

    assert (error.error, error.status) == ("invalid_client", 400)
    assert said in error.message


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": PUBLIC},
        {"sub": PUBLIC},
        {"aud": "https://other.example.com"},
        {"aud": f"{ISSUER}/oauth/token"},
        {"jti": None},
        {"iat": None},
        {"iat": 1_790_000_000 - 91},
        {"iat": 1_790_000_000 + 31},
        {"exp": 1_790_000_000 - 31},
        {"header": {"kid": None}},
        {"header": {"kid": "unknown"}},
        {"key": key_pair(number=8)},
    ],
)
def test_wrong_assertion_proves_nothing(
    authentication: ClientAuthentication, clock: StillClock, changes: dict[str, Any]
) -> None:
    error = refused(authentication, CONFIDENTIAL, **assertion(clock, **changes))

    assert isinstance(error, InvalidClientError)
    assert error.message.startswith("client_assertion: ")


@pytest.mark.parametrize("iat", [1_790_000_000 - 90, 1_790_000_000 + 30])
def test_clocks_may_differ_by_half_a_minute(
    authentication: ClientAuthentication, clock: StillClock, iat: int
) -> None:
    found = show(authentication, CONFIDENTIAL, **assertion(clock, iat=iat, exp=None))

    assert found.auth.method == "private_key_jwt"


def test_changed_keys_are_fetched_again_once(
    authentication: ClientAuthentication, clients: FakeClients, clock: StillClock
) -> None:
    show(authentication, CONFIDENTIAL, **assertion(clock))
    new_key = key_pair(number=9)
    clients.published[CONFIDENTIAL] = [new_key.published("key-2")]

    with_new = assertion(clock, key=new_key, header={"kid": "key-2"})
    assert show(authentication, CONFIDENTIAL, **with_new).auth.kid == "key-2"
    assert clients.fetched == 2

    error = refused(authentication, CONFIDENTIAL, **assertion(clock))  # its key is gone
    assert isinstance(error, InvalidClientError)
    assert clients.fetched == 3


def test_wrong_signature_does_not_make_us_fetch(
    authentication: ClientAuthentication, clients: FakeClients, clock: StillClock
) -> None:
    refused(authentication, CONFIDENTIAL, **assertion(clock, key=key_pair(number=8)))

    assert clients.fetched == 1


def test_keys_of_tokens_and_assertions_differ(
    authentication: ClientAuthentication, clock: StillClock
) -> None:
    same = KEY.jwk.thumbprint

    error = refused(authentication, CONFIDENTIAL, same, **assertion(clock))
    assert isinstance(error, InvalidClientError)

    found = show(authentication, CONFIDENTIAL, **assertion(clock))
    with pytest.raises(InvalidClientError, match="DPoP"):
        found.check_dpop_key(same)
    found.check_dpop_key(key_pair(number=1).jwk.thumbprint)


def use_up(found: AuthenticatedClient, clock: StillClock) -> None:
    with transaction():
        found.use_up(clock())


def test_assertion_is_good_for_one_success(
    authentication: ClientAuthentication, clock: StillClock, open_database: Path
) -> None:
    fields = assertion(clock, jti="1")
    first = show(authentication, CONFIDENTIAL, **fields)

    def fail_after_all() -> None:
        with transaction():
            first.use_up(clock())
            raise RuntimeError("what it was for has failed")

    with pytest.raises(RuntimeError):
        fail_after_all()
    use_up(first, clock)

    with pytest.raises(InvalidGrantError, match="used already"):
        use_up(show(authentication, CONFIDENTIAL, **fields), clock)


def test_of_two_uses_at_once_one_wins(
    authentication: ClientAuthentication, clock: StillClock, open_database: Path
) -> None:
    fields = assertion(clock)
    shown = [show(authentication, CONFIDENTIAL, **fields) for _ in range(4)]

    outcomes = race([lambda one=one: use_up(one, clock) for one in shown])  # type: ignore[misc]

    assert outcomes.count(None) == 1
    assert sum(isinstance(outcome, InvalidGrantError) for outcome in outcomes) == 3


def test_ids_are_each_clients_own(
    authentication: ClientAuthentication,
    clients: FakeClients,
    clock: StillClock,
    open_database: Path,
) -> None:
    other_key: KeyPair = key_pair(number=2)
    other = "https://other.example.com/client.json"
    clients.add(
        Client(make_metadata(other, auth_method="private_key_jwt")),
        other_key.published(KID),
    )

    use_up(show(authentication, CONFIDENTIAL, **assertion(clock, jti="1")), clock)
    use_up(show(authentication, other, **assertion(clock, other, jti="1", key=other_key)), clock)


def test_id_is_remembered_for_as_long_as_the_assertion_is_good(
    authentication: ClientAuthentication, clock: StillClock, open_database: Path
) -> None:
    fields = assertion(clock)
    use_up(show(authentication, CONFIDENTIAL, **fields), clock)

    clock.advance(89)
    with transaction():
        oauth_seen.delete_expired(clock())
    with pytest.raises(InvalidGrantError):
        use_up(show(authentication, CONFIDENTIAL, **fields), clock)

    clock.advance(2)
    assert isinstance(refused(authentication, CONFIDENTIAL, **fields), InvalidClientError)


def test_credentials_do_not_show_the_assertion() -> None:
    shown = repr(ClientCredentials("client", "s3cret", "type"))

    assert "s3cret" not in shown
