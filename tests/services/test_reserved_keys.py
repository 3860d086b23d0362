"""Keys promised to DIDs: one each, encrypted, not for ever, not without end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pds.errors import AlreadyExistsError, NotEnoughResourcesError
from pds.services import reserved_keys
from pds.services.keys import SigningKeys
from pds.storage.database import rows
from tests.factories import Person, StillClock, race

if TYPE_CHECKING:
    from pds.services import Services

CAROL = "did:plc:z72i7hdynmk6r22z27h6tvur"
DORA = "did:web:dora.example.com"


def test_did_is_promised_one_key_however_often_it_asks(services: Services) -> None:
    outcomes = race([lambda: services.reserved_keys.reserve(CAROL)] * 3)

    assert len(set(outcomes)) == 1
    assert services.reserved_keys.reserve(CAROL) == outcomes[0]
    assert services.reserved_keys.reserve(DORA) != outcomes[0]
    assert rows("SELECT count(*) FROM reserved_key") == [(2,)]


def test_promised_key_is_kept_encrypted(services: Services) -> None:
    promised = services.reserved_keys.reserve(CAROL)

    key = SigningKeys(services.identity.rotation_key).create_for(CAROL)
    assert key.did_key == promised
    [(encrypted,)] = rows("SELECT encrypted FROM reserved_key")
    assert key.to_bytes() not in encrypted


def test_account_that_is_here_has_its_key(services: Services, alice: Person) -> None:
    with pytest.raises(AlreadyExistsError):
        services.reserved_keys.reserve(alice.did)
    assert rows("SELECT * FROM reserved_key") == []


def test_promise_lapses_after_a_week(services: Services, clock: StillClock) -> None:
    first = services.reserved_keys.reserve(CAROL)
    clock.advance(7 * 24 * 3_600)
    assert services.reserved_keys.expire() == 0

    clock.advance(1)
    assert services.reserved_keys.expire() == 1
    assert services.reserved_keys.reserve(CAROL) != first


def test_there_is_an_end_to_promises(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reserved_keys, "MAX_RESERVED", 1)
    promised = services.reserved_keys.reserve(CAROL)

    with pytest.raises(NotEnoughResourcesError):
        services.reserved_keys.reserve(DORA)
    assert services.reserved_keys.reserve(CAROL) == promised
