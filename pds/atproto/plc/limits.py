"""What a new did:plc operation may hold; old ones in a log may go beyond.

Where the directory's code and the text of the specification differ, the narrower limit is kept: an
operation that passes here is accepted everywhere.

Spec: https://web.plc.directory/spec/v0.1/did-plc
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from pds.atproto.crypto.did_key import InvalidKeyError
from pds.atproto.crypto.keypair import PublicKey
from pds.atproto.plc.operations import InvalidOperationError, Operation, check_structure, encode

MAX_OPERATION_BYTES: Final = 4000
MAX_ROTATION_KEYS: Final = 5
MAX_ENTRIES: Final = 10
MAX_ALIAS_LENGTH: Final = 258
MAX_NAME_LENGTH: Final = 32
MAX_SERVICE_TYPE_LENGTH: Final = 256
MAX_ENDPOINT_LENGTH: Final = 512
MAX_KEY_LENGTH: Final = 256

_DID_KEY: Final = re.compile(r"did:key:z[1-9A-HJ-NP-Za-km-z]+")


def check_limits(operation: Any) -> None:
    """Check a signed operation that is about to be submitted.

    Raises:
        InvalidOperationError: it breaks a limit, or is of the retired type ``create``.
    """
    check_structure(operation)
    if operation["type"] == "create":
        raise InvalidOperationError("operations of type create are no longer accepted")
    size_bytes = len(encode(operation))
    _require(size_bytes <= MAX_OPERATION_BYTES, f"larger than {MAX_OPERATION_BYTES} bytes")
    if operation["type"] == "plc_operation":
        _check_rotation_keys(operation["rotationKeys"])
        _check_aliases(operation["alsoKnownAs"])
        _check_verification_methods(operation["verificationMethods"])
        _check_services(operation)


def _require(condition: bool, problem: str) -> None:  # noqa: FBT001 (an assertion)
    if not condition:
        raise InvalidOperationError(problem)


def _check_rotation_keys(keys: list[str]) -> None:
    # No keys at all would be valid and lock the DID for ever.
    _require(1 <= len(keys) <= MAX_ROTATION_KEYS, f"rotationKeys: 1 to {MAX_ROTATION_KEYS} keys")
    _require(len(set(keys)) == len(keys), "rotationKeys: duplicates")
    for key in keys:
        try:
            PublicKey.from_did_key(key)
        except InvalidKeyError as error:
            raise InvalidOperationError(f"rotationKeys: {error}") from error


def _check_aliases(aliases: list[str]) -> None:
    _require(len(aliases) <= MAX_ENTRIES, f"alsoKnownAs: more than {MAX_ENTRIES}")
    _require(len(set(aliases)) == len(aliases), "alsoKnownAs: duplicates")
    longest = max(map(len, aliases), default=0)
    _require(longest <= MAX_ALIAS_LENGTH, f"alsoKnownAs: longer than {MAX_ALIAS_LENGTH}")


def _check_names(field: str, entries: Mapping[str, Any]) -> None:
    _require(len(entries) <= MAX_ENTRIES, f"{field}: more than {MAX_ENTRIES}")
    for name in entries:
        fits = 1 <= len(name) <= MAX_NAME_LENGTH and "#" not in name
        _require(fits, f"{field}: names are 1 to {MAX_NAME_LENGTH} characters, without #")


def _check_verification_methods(methods: Mapping[str, str]) -> None:
    """Keys of any type: a DID may serve more than this protocol."""
    _check_names("verificationMethods", methods)
    for key in methods.values():
        fits = len(key) <= MAX_KEY_LENGTH and _DID_KEY.fullmatch(key) is not None
        _require(fits, "verificationMethods: not a did:key")


def _check_services(operation: Operation) -> None:
    services = operation["services"]
    _check_names("services", services)
    for service in services.values():
        _require(len(service["type"]) <= MAX_SERVICE_TYPE_LENGTH, "services: type too long")
        _require(len(service["endpoint"]) <= MAX_ENDPOINT_LENGTH, "services: endpoint too long")
