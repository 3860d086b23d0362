"""Where a key belongs in the tree: its layer, and what it shares with its neighbour."""

from __future__ import annotations

from hashlib import sha256

MAX_LAYER = 128
"""The layer of a key whose hash is all zero bits: no valid tree is deeper."""


def key_layer(key: bytes) -> int:
    """Return the layer of ``key``: half the leading zero bits of its SHA-256, rounded down.

    Two bits a layer give nodes of four entries on average.
    Spec: https://atproto.com/specs/repository#mst-structure
    """
    return (256 - int.from_bytes(sha256(key).digest(), "big").bit_length()) >> 1


def common_prefix_length(a: bytes, b: bytes) -> int:
    """Return how many leading bytes ``a`` and ``b`` share."""
    shorter = min(len(a), len(b))
    a = a[:shorter]
    b = b[:shorter]
    if a == b:
        return shorter
    # The highest differing bit, found by big integers in C, is quicker than any loop over bytes.
    difference = int.from_bytes(a, "big") ^ int.from_bytes(b, "big")
    return shorter - ((difference.bit_length() + 7) >> 3)
