"""Handles and at-identifiers."""

from __future__ import annotations

import pytest

from pds.atproto.syntax.at_identifier import is_at_identifier
from pds.atproto.syntax.handle import DISALLOWED_TLDS, INVALID_HANDLE, Handle, is_handle


def test_handles_keep_their_case_until_normalized() -> None:
    handle = Handle.parse("Alice.Example.COM")

    assert handle == "Alice.Example.COM"
    assert handle.normalized() == "alice.example.com"
    assert isinstance(handle.normalized(), Handle)


@pytest.mark.parametrize(
    ("text", "disallowed"),
    [
        ("a.LOCAL", True),
        ("a.onion", True),
        (INVALID_HANDLE, True),
        ("a.test", False),
        ("a.com", False),
    ],
)
def test_top_level_domains_that_never_resolve_are_known(text: str, disallowed: bool) -> None:
    assert (Handle.parse(text).tld in DISALLOWED_TLDS) is disallowed


def test_labels_have_at_most_63_and_handles_253_characters() -> None:
    label = "a" * 63

    assert is_handle(f"{label}.{label}.{label}.{'a' * 57}.com")
    assert not is_handle(f"{label}.{label}.{label}.{'a' * 58}.com")
    assert not is_handle(f"{label}a.com")


@pytest.mark.parametrize("text", ["ä.com", "a.cöm", "a.com．", "\u212a.com"])
def test_other_scripts_are_refused(text: str) -> None:
    assert not is_handle(text)


def test_an_at_identifier_is_a_did_or_a_handle() -> None:
    assert is_at_identifier("did:plc:abc")
    assert is_at_identifier("alice.test")
