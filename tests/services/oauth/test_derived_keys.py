from __future__ import annotations

from pds.services.oauth.derived_keys import ACCESS_TOKENS, REFRESH_TOKENS, derive_key

SECRET = "0123456789abcdef" * 2


def test_a_key_never_changes() -> None:
    """Another value would end all tokens with an update of the server."""
    assert (
        derive_key(SECRET, ACCESS_TOKENS).hex()
        == "5f184ce52f58b59a8bc938ab79bffbe57d89a85fbce27d1182b28a5bd3877214"
    )


def test_keys_differ_by_secret_and_by_purpose() -> None:
    keys = {
        derive_key(SECRET, ACCESS_TOKENS),
        derive_key(SECRET, REFRESH_TOKENS),
        derive_key(SECRET + "0", ACCESS_TOKENS),
        SECRET.encode(),
    }

    assert len(keys) == 4
    assert {len(key) for key in keys} == {32}
