"""Settings that do not belong to the data are noticed before they do harm."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from pds.atproto.crypto.keypair import PrivateKey
from pds.config import ConfigError
from pds.services import installation
from pds.services.keys import SigningKeys
from tests.factories import Person

if TYPE_CHECKING:
    from pds.services import Services

OTHER_KEY = PrivateKey.from_bytes(bytes(31) + b"\x08")


def test_any_rotation_key_will_do_while_there_is_no_account(services: Services) -> None:
    del services
    installation.check_rotation_key(SigningKeys(OTHER_KEY))


def test_only_the_key_of_the_first_account_will_do_later(services: Services, alice: Person) -> None:
    del alice
    installation.check_rotation_key(SigningKeys(services.identity.rotation_key))

    with pytest.raises(ConfigError, match="PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX"):
        installation.check_rotation_key(SigningKeys(OTHER_KEY))


def test_server_that_starts_notices_another_rotation_key(services: Services, alice: Person) -> None:
    del alice
    wrong = dataclasses.replace(services, keys=SigningKeys(OTHER_KEY))

    with pytest.raises(ConfigError, match="PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX"):
        wrong.resume()


def test_address_is_unknown_before_the_first_start(services: Services) -> None:
    installation.check_address(services.config)

    assert installation.known_port() is None


def test_address_of_the_last_start_is_known(services: Services) -> None:
    services.resume()
    moved = dataclasses.replace(services.config, port=2999)

    assert installation.known_port() == 2583
    installation.check_address(services.config)
    with pytest.raises(ConfigError, match="http://localhost:2583, these settings are for"):
        installation.check_address(moved)
    installation.remember_address(moved)
    installation.check_address(moved)
