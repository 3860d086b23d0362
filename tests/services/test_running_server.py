"""What is made of a listening address, and of an answer."""

from __future__ import annotations

import pytest

from pds.services.running_server import loopback_address, version_in


@pytest.mark.parametrize(
    ("bound", "reached"),
    [
        ("*", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),  # read, not bound
        ("::", "[::1]"),
        ("::1", "[::1]"),
        ("fd00::7", "[fd00::7]"),
        ("127.0.0.1", "127.0.0.1"),
    ],
)
def test_address_is_one_that_can_be_asked(bound: str, reached: str) -> None:
    assert loopback_address(bound) == reached


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"version": 1}', b"null", b"[" * 100_000]
)
def test_answer_of_something_else_has_no_version(body: bytes) -> None:
    assert version_in(body) is None


def test_answer_of_a_server_has_one() -> None:
    assert version_in(b'{"version": "0.1.0", "error": "Service Unavailable"}') == "0.1.0"
