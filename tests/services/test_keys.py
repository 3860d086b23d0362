"""Signing keys: encrypted at rest, cached, replaced at once."""

from __future__ import annotations

import pytest

from pds.atproto.crypto.did_key import Curve
from pds.atproto.crypto.keypair import PrivateKey
from pds.services import keys
from pds.services.keys import SigningKeys
from pds.storage import accounts, signing_keys
from pds.storage.accounts import NewAccountRow
from pds.storage.database import execute, transaction
from tests.factories import ROTATION_KEY

pytestmark = pytest.mark.usefixtures("open_database")


def make_account(number: int = 1) -> int:
    created_at = "2026-01-01T00:00:00.000Z"
    with transaction():
        return accounts.insert(
            NewAccountRow(f"did:plc:{number}", f"a{number}.test", None, None, created_at)
        )


def store(signing: SigningKeys, account_id: int, key: PrivateKey) -> None:
    with transaction():
        signing.store(account_id, key)


@pytest.mark.parametrize("curve", ["k256", "p256"])
def test_stored_key_comes_back_after_a_restart(curve: Curve) -> None:
    account_id, key = make_account(), PrivateKey.generate(curve)
    store(SigningKeys(ROTATION_KEY), account_id, key)

    again = SigningKeys(ROTATION_KEY).get(account_id)

    assert (again.to_bytes(), again.curve) == (key.to_bytes(), curve)


def test_new_keys_are_k256_and_different() -> None:
    signing = SigningKeys(ROTATION_KEY)
    first, second = signing.create(), signing.create()

    assert first.curve == "k256"
    assert first.did_key != second.did_key


def test_key_is_nowhere_in_the_row() -> None:
    account_id, key = make_account(), PrivateKey.generate()
    store(SigningKeys(ROTATION_KEY), account_id, key)

    row = signing_keys.find_key(account_id)
    assert row is not None
    assert key.to_bytes() not in row.encrypted


def test_loaded_key_is_kept_until_it_is_replaced() -> None:
    signing, account_id = SigningKeys(ROTATION_KEY), make_account()
    store(signing, account_id, PrivateKey.generate())
    assert signing.get(account_id) is signing.get(account_id)

    replacement = PrivateKey.generate()
    store(signing, account_id, replacement)
    assert signing.get(account_id).did_key == replacement.did_key


def test_cache_stays_within_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "CACHED_KEYS", 2)
    signing = SigningKeys(ROTATION_KEY)
    ids = [make_account(number) for number in range(4)]
    for account_id in ids:
        store(signing, account_id, PrivateKey.generate())

    loaded = [signing.get(account_id) for account_id in ids]

    assert signing.get(ids[3]) is loaded[3]
    assert signing.get(ids[0]) is not loaded[0]
    assert signing.get(ids[0]).did_key == loaded[0].did_key


def test_other_rotation_key_is_named_as_the_cause() -> None:
    account_id = make_account()
    store(SigningKeys(ROTATION_KEY), account_id, PrivateKey.generate())

    with pytest.raises(RuntimeError, match="PDS_PLC_ROTATION_KEY"):
        SigningKeys(PrivateKey.generate()).get(account_id)


def test_key_moved_to_another_row_is_not_usable_as_that_rows_key() -> None:
    signing, account_id = SigningKeys(ROTATION_KEY), make_account()
    store(signing, account_id, PrivateKey.generate())
    with transaction():
        execute("UPDATE signing_key SET did_key = 'did:key:other'")

    with pytest.raises(RuntimeError, match="cannot decrypt"):
        signing.get(account_id)


def test_missing_key_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="has no signing key"):
        SigningKeys(ROTATION_KEY).get(make_account())
