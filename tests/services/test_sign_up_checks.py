"""Which e-mail addresses, passwords and keys a sign-up may have."""

from __future__ import annotations

import pytest

from pds.atproto.crypto.keypair import PrivateKey
from pds.errors import InvalidRequestError
from pds.services.sign_up_checks import check_email, check_recovery_key


@pytest.mark.parametrize(
    ("email", "stored"),
    [
        ("alice@example.com", "alice@example.com"),
        ("Alice.Smith+pds@Example.COM", "alice.smith+pds@example.com"),
        ("jürgen@müller.example.org", "jürgen@müller.example.org"),
        ("alice@pds.test", "alice@pds.test"),
        ("o'brien@example.com", "o'brien@example.com"),
        ("x@sub.mailinator.com", "x@sub.mailinator.com"),
    ],
)
def test_address_is_stored_in_lower_case(email: str, stored: str) -> None:
    assert check_email(email) == stored


@pytest.mark.parametrize(
    "email",
    [
        "alice",
        "alice@",
        "@example.com",
        "alice@example",
        "alice@localhost",
        "alice@example.com ",
        "al ice@example.com",
        "alice@example..com",
        ".alice@example.com",
        "alice@-example.com",
        "alice@example.123",
        "alice@[127.0.0.1]",
        '"alice"@example.com',
        "alice@bob@example.com",
        "Alice <alice@example.com>",
        "alice\n@example.com",
        "a" * 65 + "@example.com",
        "alice@" + "a" * 64 + ".com",
        "alice@" + "a." * 124 + "com",
        "alice@mailinator.com",
        "alice@MAILINATOR.com",
    ],
)
def test_unusable_address_is_refused(email: str) -> None:
    with pytest.raises(InvalidRequestError, match="This email address is not supported"):
        check_email(email)


@pytest.mark.parametrize("email", [None, ""])
def test_missing_address_is_refused(email: str | None) -> None:
    with pytest.raises(InvalidRequestError, match="Email is required"):
        check_email(email)


@pytest.mark.parametrize("curve", ["k256", "p256"])
def test_both_kinds_of_recovery_keys_are_accepted(curve: str) -> None:
    key = PrivateKey.generate("k256" if curve == "k256" else "p256")

    check_recovery_key(key.did_key)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "did:plc:ewvi7nxzyoun6zhxrhs64oiz",
        "did:key:z",
        "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",  # Ed25519
        "zQ3shXjHeiBuRCKmM36cuYnm7YEMzhGnCmCyW92sRJ9pribSF",
    ],
)
def test_other_keys_are_refused(key: str) -> None:
    with pytest.raises(InvalidRequestError, match="recoveryKey"):
        check_recovery_key(key)
