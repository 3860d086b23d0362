"""The age file of a passphrase, written with a cost that a small machine can pay.

pyrage measures what takes this machine a second, and then needs 512 MiB of memory to write the file
and, worse, to read it: more than a small server has. Here it is 64 MiB and a quarter of a second:
half of what OWASP recommends for passwords, because it must fit beside the server itself, and
enough for words drawn at random. What this writes is read by ``pyrage`` and by ``age``.
Format: https://age-encryption.org/v1 (header, scrypt recipient stanza, payload of one chunk).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import b64encode
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

LOG_N: Final = 16
_MEMORY_BYTES: Final = 128 * 8 * 2**LOG_N
_SALT_LABEL: Final = b"age-encryption.org/v1/scrypt"
_CHUNK_BYTES: Final = 65_536
_ONLY_CHUNK: Final = bytes(11) + b"\x01"  # its nonce: counter 0, and the last there is


def seal(content: bytes, passphrase: str) -> bytes:
    """An age file of at most 64 KiB, which only ``passphrase`` opens."""
    assert len(content) <= _CHUNK_BYTES  # noqa: S101 # more would be chunks
    file_key, salt, nonce = (secrets.token_bytes(16) for _ in range(3))
    wrapping_key = hashlib.scrypt(
        passphrase.encode(),
        salt=_SALT_LABEL + salt,
        n=2**LOG_N,
        r=8,
        p=1,
        maxmem=_MEMORY_BYTES + 2**20,
        dklen=32,
    )
    wrapped = ChaCha20Poly1305(wrapping_key).encrypt(bytes(12), file_key, None)
    header = (
        f"age-encryption.org/v1\n-> scrypt {_base64(salt)} {LOG_N}\n{_base64(wrapped)}\n---"
    ).encode()
    mac = hmac.digest(_derived(file_key, b"", b"header"), header, "sha256")
    key = _derived(file_key, nonce, b"payload")
    sealed = ChaCha20Poly1305(key).encrypt(_ONLY_CHUNK, content, None)
    return header + f" {_base64(mac)}\n".encode() + nonce + sealed


def _derived(key: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt, info).derive(key)


def _base64(content: bytes) -> str:
    return b64encode(content).decode().rstrip("=")
