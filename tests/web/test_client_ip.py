from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pds.web.client_ip import ClientIp, parse_address

TRUSTED = tuple(ipaddress.ip_network(text) for text in ("127.0.0.0/8", "10.0.0.0/8", "::1/128"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "198.51.100.1, 10.1.2.3", "198.51.100.1"),
        ("127.0.0.1", "10.9.9.9,10.1.2.3", "10.9.9.9"),
        ("127.0.0.1", "198.51.100.1, nonsense", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.1, nonsense, 10.1.2.3", "10.1.2.3"),
        ("127.0.0.1", ",,", "127.0.0.1"),
        ("::1", "2001:DB8::7", "2001:db8::7"),
        ("::ffff:127.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("::ffff:203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("127.0.0.1", "[2001:db8::7]:80", "2001:db8::7"),
        ("fe80::1%eth0", "", "fe80::1"),
        ("not an address", "198.51.100.1", "not an address"),
    ],
)
def test_rightmost_untrusted_address_is_the_caller(
    peer: str, forwarded: str, expected: str
) -> None:
    assert ClientIp(TRUSTED).of(peer, forwarded) == expected


def test_long_header_is_read_from_its_right_end_only() -> None:
    assert ClientIp(TRUSTED).of("127.0.0.1", "1.1.1.1," * 10_000 + "198.51.100.1") == "198.51.100.1"


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_survived(text: str) -> None:
    parse_address(text)
    parse_address(ClientIp(TRUSTED).of("127.0.0.1", text))
