"""Rows of signing keys."""

from __future__ import annotations

import pytest

from pds.storage import accounts, signing_keys
from pds.storage.accounts import NewAccountRow
from pds.storage.database import transaction
from pds.storage.signing_keys import SigningKeyRow

pytestmark = pytest.mark.usefixtures("open_database")


def test_key_is_replaced_and_goes_with_the_account() -> None:
    with transaction():
        account_id = accounts.insert(
            NewAccountRow("did:plc:a", "a.test", None, None, "2026-01-01T00:00:00.000Z")
        )
        assert signing_keys.find_key(account_id) is None
        signing_keys.save_key(account_id, "did:key:one", b"1")
    assert signing_keys.find_key(account_id) == SigningKeyRow("did:key:one", b"1")

    with transaction():
        signing_keys.save_key(account_id, "did:key:two", b"2")
    assert signing_keys.find_key(account_id) == SigningKeyRow("did:key:two", b"2")

    with transaction():
        accounts.delete(account_id)
    assert signing_keys.find_key(account_id) is None
