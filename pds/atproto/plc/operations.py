"""did:plc operations: build, sign, hash to a DID, and the limits for new ones.

An operation is the JSON object that the directory stores. Its signature covers the DAG-CBOR of all
but ``sig``; its CID, and for the first one the DID, the DAG-CBOR with ``sig``. Operations of the
retired type ``create`` are read, hashed in their original form, and never made.

Spec: https://web.plc.directory/spec/v0.1/did-plc
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

from pds.atproto import dag_cbor
from pds.atproto.cid import Cid, cid_for_cbor
from pds.atproto.crypto.keypair import PrivateKey

Operation = dict[str, Any]

PDS_SERVICE_TYPE: Final = "AtprotoPersonalDataServer"

_FIELDS: Final[dict[str, frozenset[str]]] = {
    "plc_operation": frozenset(
        ["type", "rotationKeys", "verificationMethods", "alsoKnownAs", "services", "prev"]
    ),
    "plc_tombstone": frozenset(["type", "prev"]),
    "create": frozenset(["type", "signingKey", "recoveryKey", "handle", "service", "prev"]),
}
_SIGNATURE: Final = re.compile(r"[A-Za-z0-9_-]{86}")


class PlcError(ValueError):
    """An operation or a log breaks the rules of did:plc. The message is safe to show."""


class InvalidOperationError(PlcError):
    """The operation itself is malformed, beyond a limit, or does not belong to the DID."""


class InvalidSignatureError(PlcError):
    """No key that may sign the operation did sign it."""


class MisorderedOperationError(PlcError):
    """The operation does not follow an operation that is still valid."""


class TombstonedError(PlcError):
    """The DID has ended."""


class LateRecoveryError(PlcError):
    """The 72 hours in which an operation can be undone are over."""


def build_genesis(
    *,
    rotation_keys: Sequence[str],
    signing_key: str,
    handle: str,
    pds_endpoint: str,
    signer: PrivateKey,
) -> tuple[str, Operation]:
    """The DID and the operation that starts it; keys are did:key texts.

    Raises:
        InvalidOperationError: the signer is not among the rotation keys.
    """
    if signer.did_key not in rotation_keys:
        raise InvalidOperationError("the first operation must be signed by a rotation key")
    operation = sign_operation(
        {
            "type": "plc_operation",
            "rotationKeys": list(rotation_keys),
            "verificationMethods": {"atproto": signing_key},
            "alsoKnownAs": [f"at://{handle}"],
            "services": {"atproto_pds": {"type": PDS_SERVICE_TYPE, "endpoint": pds_endpoint}},
            "prev": None,
        },
        signer,
    )
    return did_for(operation), operation


def build_update(
    last_op: Operation,
    *,
    signer: PrivateKey,
    rotation_keys: Sequence[str] | None = None,
    also_known_as: Sequence[str] | None = None,
    verification_methods: Mapping[str, str] | None = None,
    services: Mapping[str, Mapping[str, str]] | None = None,
) -> Operation:
    """The operation that follows ``last_op`` and changes what is given.

    Whether the signer may sign is for the directory to judge.

    Raises:
        TombstonedError: ``last_op`` ended the DID.
        InvalidOperationError: ``last_op`` is not a signed operation.
    """
    operation = normalize(last_op)
    del operation["sig"]
    operation["prev"] = str(operation_cid(last_op))
    if rotation_keys is not None:
        operation["rotationKeys"] = list(rotation_keys)
    if also_known_as is not None:
        operation["alsoKnownAs"] = list(also_known_as)
    if verification_methods is not None:
        operation["verificationMethods"] = dict(verification_methods)
    if services is not None:
        operation["services"] = {name: dict(service) for name, service in services.items()}
    return sign_operation(operation, signer)


def build_tombstone(last_op: Operation, signer: PrivateKey) -> Operation:
    """The operation that ends the DID after ``last_op``. Raises as ``build_update``."""
    normalize(last_op)
    return sign_operation({"type": "plc_tombstone", "prev": str(operation_cid(last_op))}, signer)


def sign_operation(unsigned: Operation, signer: PrivateKey) -> Operation:
    """A copy with ``sig``; one that is there already is replaced."""
    payload = {name: value for name, value in unsigned.items() if name != "sig"}
    signature = base64.urlsafe_b64encode(signer.sign(encode(payload))).rstrip(b"=")
    return payload | {"sig": signature.decode("ascii")}


def signed_bytes(operation: Operation) -> bytes:
    """What the signature of an operation covers."""
    return encode({name: value for name, value in operation.items() if name != "sig"})


def decode_signature(operation: Operation) -> bytes:
    """The 64 bytes of ``sig``, which has one spelling only: base64url, unpadded, spare bits zero.

    Raises:
        InvalidSignatureError: any other spelling.
    """
    text = operation["sig"]
    if _SIGNATURE.fullmatch(text) is not None:
        raw = base64.urlsafe_b64decode(text + "==")
        if base64.urlsafe_b64encode(raw) == (text + "==").encode("ascii"):
            return raw
    raise InvalidSignatureError("sig must be 64 bytes in unpadded base64url")


def operation_cid(operation: Operation) -> Cid:
    """The CID of a signed operation.

    Raises:
        InvalidOperationError: it holds what DAG-CBOR cannot.
    """
    return cid_for_cbor(encode(operation))


def did_for(operation: Operation) -> str:
    """The DID that a signed first operation makes. Raises as ``operation_cid``."""
    digest = base64.b32encode(sha256(encode(operation)).digest()).decode("ascii").lower()
    return f"did:plc:{digest[:24]}"


def normalize(operation: Operation) -> Operation:
    """A copy in ``plc_operation`` form, ``sig`` as it was; legacy operations are translated.

    Raises:
        TombstonedError: a tombstone, which has no such form.
        InvalidOperationError: not a signed operation.
    """
    check_structure(operation)
    if operation["type"] == "plc_tombstone":
        raise TombstonedError("the DID is tombstoned")
    if operation["type"] == "plc_operation":
        return dict(operation)
    endpoint, handle = operation["service"], operation["handle"]
    if not endpoint.startswith(("http://", "https://")):
        endpoint = f"https://{endpoint}"
    if not handle.startswith("at://"):
        handle = "at://" + handle.removeprefix("https://").removeprefix("http://")
    return {
        "type": "plc_operation",
        "rotationKeys": [operation["recoveryKey"], operation["signingKey"]],
        "verificationMethods": {"atproto": operation["signingKey"]},
        "alsoKnownAs": [handle],
        "services": {"atproto_pds": {"type": PDS_SERVICE_TYPE, "endpoint": endpoint}},
        "prev": None,
        "sig": operation["sig"],
    }


def data_of(did: str, operation: Operation) -> dict[str, Any]:
    """What the operation says about the DID, as the directory's ``/data`` shows it.

    Raises as ``normalize``.
    """
    current = normalize(operation)
    names = ("rotationKeys", "verificationMethods", "alsoKnownAs", "services")
    return {"did": did} | {name: current[name] for name in names}


def check_structure(operation: Any) -> None:
    """Check that all fields of a signed operation are there, of the right type, and no others.

    Raises:
        InvalidOperationError: with the field.
    """
    kind = operation.get("type") if isinstance(operation, dict) else None
    if not isinstance(kind, str) or kind not in _FIELDS:
        raise InvalidOperationError("not a PLC operation")
    if operation.keys() != _FIELDS[kind] | {"sig"}:
        odd = sorted(map(str, operation.keys() ^ (_FIELDS[kind] | {"sig"})))
        raise InvalidOperationError(f"missing or additional fields: {', '.join(odd)[:200]}")
    for name, value in operation.items():
        if not _has_type(kind, name, value):
            raise InvalidOperationError(f"{name} has the wrong type")


def _has_type(kind: str, name: str, value: Any) -> bool:
    if name == "prev":
        if kind == "create":
            return value is None
        return isinstance(value, str) or (value is None and kind == "plc_operation")
    if name in ("rotationKeys", "alsoKnownAs"):
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    if name == "verificationMethods":
        return _is_text_map(value)
    if name == "services":
        return isinstance(value, dict) and all(
            isinstance(key, str) and _is_service(service) for key, service in value.items()
        )
    return isinstance(value, str)


def _is_service(value: Any) -> bool:
    return _is_text_map(value) and value.keys() == {"type", "endpoint"}


def _is_text_map(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(key, str) and isinstance(item, str) for key, item in value.items()
    )


def encode(value: Operation) -> bytes:
    """DAG-CBOR.

    Raises:
        InvalidOperationError: it holds what DAG-CBOR cannot.
    """
    try:
        return dag_cbor.encode(value)
    except dag_cbor.DagCborError as error:
        raise InvalidOperationError("the operation cannot be encoded") from error
