"""What may be submitted as a did:plc operation: its shape and its limits."""

from __future__ import annotations

from typing import Any

import pytest

from pds.atproto import plc
from pds.atproto.crypto.keypair import PrivateKey

KEY = PrivateKey.generate()
KEYS = [PrivateKey.generate().did_key for _ in range(6)]
ED25519 = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"


def operation(**changes: Any) -> plc.Operation:
    return {
        "type": "plc_operation",
        "rotationKeys": [KEY.did_key],
        "verificationMethods": {"atproto": KEY.did_key},
        "alsoKnownAs": ["at://alice.example"],
        "services": {},
        "prev": None,
        "sig": "A" * 86,
    } | changes


def service(**changes: str) -> dict[str, str]:
    return {"type": "Other", "endpoint": "https://other.example"} | changes


def problem(candidate: Any) -> str | None:
    try:
        plc.check_limits(candidate)
    except plc.InvalidOperationError as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"rotationKeys": KEYS[:5]},
        {"rotationKeys": [PrivateKey.generate("p256").did_key]},
        {"verificationMethods": {}},
        {"verificationMethods": {"x" * 32: ED25519}},
        {"verificationMethods": {str(n): ED25519 for n in range(10)}},
        {"alsoKnownAs": []},
        {"alsoKnownAs": ["at://" + "x" * 253]},
        {"alsoKnownAs": [str(n) for n in range(10)]},
        {"services": {str(n): service() for n in range(10)}},
        {"services": {"x" * 32: service(type="t" * 256, endpoint="e" * 512)}},
    ],
)
def test_operation_at_the_limits_is_accepted(changes: dict[str, Any]) -> None:
    assert problem(operation(**changes)) is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"rotationKeys": []}, "rotationKeys: 1 to 5 keys"),
        ({"rotationKeys": KEYS}, "rotationKeys: 1 to 5 keys"),
        ({"rotationKeys": [KEYS[0]] * 2}, "rotationKeys: duplicates"),
        ({"rotationKeys": [ED25519]}, "rotationKeys: only k256 and p256"),
        ({"rotationKeys": ["did:key:z"]}, "rotationKeys: "),
        ({"rotationKeys": ["alice"]}, "rotationKeys: "),
        ({"rotationKeys": [1]}, "rotationKeys has the wrong type"),
        ({"rotationKeys": None}, "rotationKeys has the wrong type"),
        ({"verificationMethods": {str(n): ED25519 for n in range(11)}}, "verificationMethods: "),
        ({"verificationMethods": {"x" * 33: ED25519}}, "verificationMethods: names"),
        ({"verificationMethods": {"": ED25519}}, "verificationMethods: names"),
        ({"verificationMethods": {"#atproto": ED25519}}, "verificationMethods: names"),
        ({"verificationMethods": {"a": "did:key:z" + "1" * 248}}, "verificationMethods: not a"),
        ({"verificationMethods": {"a": "did:key:z0"}}, "verificationMethods: not a"),
        ({"verificationMethods": {"a": "did:web:x.example"}}, "verificationMethods: not a"),
        ({"verificationMethods": {"a": 1}}, "verificationMethods has the wrong type"),
        ({"alsoKnownAs": ["at://" + "x" * 254]}, "alsoKnownAs: longer than 258"),
        ({"alsoKnownAs": [str(n) for n in range(11)]}, "alsoKnownAs: more than 10"),
        ({"alsoKnownAs": ["a", "a"]}, "alsoKnownAs: duplicates"),
        ({"alsoKnownAs": "a"}, "alsoKnownAs has the wrong type"),
        ({"services": {str(n): service() for n in range(11)}}, "services: more than 10"),
        ({"services": {"x" * 33: service()}}, "services: names"),
        ({"services": {"x": service(type="t" * 257)}}, "services: type too long"),
        ({"services": {"x": service(endpoint="e" * 513)}}, "services: endpoint too long"),
        ({"services": {"x": service(extra="e")}}, "services has the wrong type"),
        ({"services": {"x": {"type": "t"}}}, "services has the wrong type"),
        ({"services": []}, "services has the wrong type"),
        ({"prev": 1}, "prev has the wrong type"),
        ({"sig": None}, "sig has the wrong type"),
        ({"extra": 1}, "missing or additional fields: extra"),
        ({"type": "plc_tombstone"}, "missing or additional fields: "),
        ({"type": "other"}, "not a PLC operation"),
        ({"type": ["plc_operation"]}, "not a PLC operation"),
        ({"alsoKnownAs": ["\ud800"]}, "the operation cannot be encoded"),
    ],
)
def test_operation_beyond_a_limit_is_named(changes: dict[str, Any], field: str) -> None:
    assert (problem(operation(**changes)) or "").startswith(field)


def test_size_of_the_whole_is_limited() -> None:
    def sized(extra: int) -> plc.Operation:
        services = {str(n): service(endpoint="e" * 400) for n in range(8)}
        return operation(services=services | {"8": service(endpoint="e" * extra)})

    missing = 4000 - len_cbor(sized(100)) + 100
    assert problem(sized(missing)) is None
    assert problem(sized(missing + 1)) == "larger than 4000 bytes"


def len_cbor(candidate: plc.Operation) -> int:
    from pds.atproto import dag_cbor

    return len(dag_cbor.encode(candidate))


def test_missing_field_is_named() -> None:
    incomplete = operation()
    del incomplete["sig"]

    assert problem(incomplete) == "missing or additional fields: sig"


@pytest.mark.parametrize("candidate", [None, [], "plc_operation", {}, {1: 2}])
def test_what_is_no_operation_is_refused(candidate: Any) -> None:
    assert problem(candidate) == "not a PLC operation"


def test_legacy_operation_is_not_taken_any_more() -> None:
    legacy = {
        "type": "create",
        "signingKey": KEY.did_key,
        "recoveryKey": KEY.did_key,
        "handle": "alice.example",
        "service": "https://pds.example",
        "prev": None,
        "sig": "A" * 86,
    }

    plc.check_structure(legacy)
    assert problem(legacy) == "operations of type create are no longer accepted"
    assert problem(legacy | {"prev": "x"}) == "prev has the wrong type"


def test_tombstone_is_accepted_only_with_a_prev() -> None:
    tombstone = {"type": "plc_tombstone", "prev": "bafy", "sig": "A" * 86}

    assert problem(tombstone) is None
    assert problem(tombstone | {"prev": None}) == "prev has the wrong type"
