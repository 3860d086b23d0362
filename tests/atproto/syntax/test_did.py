"""DIDs: the method, the length, what looks like one."""

from __future__ import annotations

import pytest

from pds.atproto.syntax.did import Did, InvalidDidError, is_did


@pytest.mark.parametrize(
    ("text", "method"),
    [("did:plc:abc", "plc"), ("did:web:localhost%3A1234", "web"), ("did:m:a:b:c", "m")],
)
def test_the_method_is_the_second_part(text: str, method: str) -> None:
    assert Did.parse(text).method == method


def test_dids_are_limited_to_2048_characters() -> None:
    assert is_did("did:m:" + "a" * 2042)
    with pytest.raises(InvalidDidError):
        Did.parse("did:m:" + "a" * 2043)


@pytest.mark.parametrize("text", ["did:plc:ä", "did:plc:١", "dіd:plc:abc", "did:plc:a%", "did:m:"])
def test_lookalikes_and_open_ends_are_refused(text: str) -> None:
    assert not is_did(text)
