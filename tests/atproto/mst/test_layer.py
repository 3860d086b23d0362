"""Layers of keys and common prefixes, against the public vectors and the plain definition."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pds.atproto.mst.layer import common_prefix_length, key_layer
from tests.vectors import INTEROP, load_json


def test_layers_match_the_vectors():
    cases = load_json(INTEROP / "mst" / "key_heights.json")

    assert len(cases) == 9
    for case in cases:
        assert key_layer(case["key"].encode()) == case["height"], case


@pytest.mark.parametrize(("key", "layer"), [("key1", 0), ("key7", 1), ("key515", 4)])
def test_layers_match_the_draft_standard(key, layer):
    assert key_layer(key.encode()) == layer


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=40))
def test_layer_is_half_the_leading_zero_bits(key):
    bits = "".join(f"{byte:08b}" for byte in sha256(key).digest())

    assert key_layer(key) == (len(bits) - len(bits.lstrip("0"))) // 2


def test_prefixes_match_the_vectors():
    cases = load_json(INTEROP / "mst" / "common_prefix.json")

    assert len(cases) == 13
    for case in cases:
        left, right = case["left"].encode(), case["right"].encode()
        assert common_prefix_length(left, right) == case["len"], case


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=6), st.binary(max_size=6), st.binary(max_size=6))
def test_prefix_is_the_longest_that_both_begin_with(start, a, b):
    a, b = start + a, start + b

    shared = common_prefix_length(a, b)

    assert a[:shared] == b[:shared]
    assert shared in (len(a), len(b)) or a[shared] != b[shared]
