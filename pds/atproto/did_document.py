"""DID documents: render those of did:plc and of servers, read anybody's.

Readers are strict about whose document it is and lenient about the rest: entries that are not
understood are passed over. Ids of entries are written relative (``#atproto``) or in full.

Spec: https://atproto.com/specs/did and https://www.w3.org/TR/did-1.0/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from pds.atproto.crypto.did_key import DID_KEY_PREFIX, Curve, InvalidKeyError
from pds.atproto.crypto.keypair import PublicKey
from pds.atproto.syntax.handle import is_handle

PDS_SERVICE_ID: Final = "#atproto_pds"
PDS_SERVICE_TYPE: Final = "AtprotoPersonalDataServer"
SIGNING_KEY_ID: Final = "#atproto"

_CONTEXT: Final = ("https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1")
_CURVE_CONTEXTS: Final[Mapping[Curve, str]] = {
    "p256": "https://w3id.org/security/suites/ecdsa-2019/v1",
    "k256": "https://w3id.org/security/suites/secp256k1-2019/v1",
}
_LEGACY_TYPES: Final[Mapping[str, Curve]] = {
    "EcdsaSecp256r1VerificationKey2019": "p256",
    "EcdsaSecp256k1VerificationKey2019": "k256",
}


class DidDocumentError(ValueError):
    """Not a DID document, or not that of the DID asked for."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service entry; ``id`` is relative, ``endpoint`` an http(s) URL."""

    id: str
    type: str
    endpoint: str


@dataclass(frozen=True, slots=True)
class DidDocument:
    """What this protocol takes from a document; None where it says nothing usable.

    ``handle`` is a claim, to be checked by resolving it. ``pds_endpoint`` has no trailing slash.
    """

    did: str
    handle: str | None
    signing_key: str | None
    pds_endpoint: str | None
    services: tuple[Service, ...]


def render_plc_document(did: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """The document of a did:plc from the values its log has come to (``plc.data_of``)."""
    keys: Mapping[str, str] = data["verificationMethods"]
    context = list(_CONTEXT)
    for key in keys.values():
        curve = _curve_of(key)
        if curve is not None and _CURVE_CONTEXTS[curve] not in context:
            context.append(_CURVE_CONTEXTS[curve])
    return {
        "@context": context,
        "id": did,
        "alsoKnownAs": list(data["alsoKnownAs"]),
        "verificationMethod": [
            {
                "id": f"{did}#{name}",
                "type": "Multikey",
                "controller": did,
                "publicKeyMultibase": key.removeprefix(DID_KEY_PREFIX),
            }
            for name, key in keys.items()
        ],
        "service": [
            {"id": f"#{name}", "type": service["type"], "serviceEndpoint": service["endpoint"]}
            for name, service in data["services"].items()
        ],
    }


def did_web_document(
    did: str, pds_endpoint: str, *, handle: str | None = None, signing_key: str | None = None
) -> dict[str, Any]:
    """The document a server publishes for itself, or a user for a did:web that lives there.

    ``signing_key`` is a did:key; a server that signs nothing has none.
    """
    service = {"type": PDS_SERVICE_TYPE, "endpoint": pds_endpoint}
    return render_plc_document(
        did,
        {
            "alsoKnownAs": [] if handle is None else [f"at://{handle}"],
            "verificationMethods": {} if signing_key is None else {"atproto": signing_key},
            "services": {"atproto_pds": service},
        },
    )


def parse_did_document(document: Any, did: str) -> DidDocument:
    """Read what the protocol needs.

    Raises:
        DidDocumentError: not an object, or its ``id`` is not ``did``.
    """
    _require_document(document, did)
    key = find_key(document, did, SIGNING_KEY_ID)
    return DidDocument(
        did=did,
        handle=_find_handle(document),
        signing_key=None if key is None else key.did_key,
        pds_endpoint=_find_pds_endpoint(document, did),
        services=tuple(_services(document, did)),
    )


def find_service(document: Any, did: str, service_id: str) -> str | None:
    """The endpoint of the first service with this id (``#bsky_appview``).

    Raises:
        DidDocumentError: as ``parse_did_document``.
    """
    _require_document(document, did)
    wanted = "#" + service_id.removeprefix("#")
    for service in _services(document, did):
        if service.id == wanted:
            return service.endpoint
    return None


def find_key(document: Any, did: str, key_id: str) -> PublicKey | None:
    """The key of the first verification method with this id (``#atproto_label``).

    None as well when it is of a type or on a curve that is not supported.

    Raises:
        DidDocumentError: as ``parse_did_document``.
    """
    _require_document(document, did)
    for method in _entries(document, "verificationMethod"):
        if _relative_id(method, did) == "#" + key_id.removeprefix("#"):
            if method.get("controller") != did:
                continue
            return _read_key(method)
    return None


def _require_document(document: Any, did: str) -> None:
    if not isinstance(document, dict):
        raise DidDocumentError("a DID document must be an object")
    if document.get("id") != did:
        raise DidDocumentError("the DID document belongs to another DID")


def _curve_of(did_key: str) -> Curve | None:
    try:
        return PublicKey.from_did_key(did_key).curve
    except InvalidKeyError:
        return None  # a key for something other than this protocol


def _entries(document: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    """The objects of a list, or the one object that some write in its place."""
    value = document.get(name)
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            yield item


def _relative_id(entry: Mapping[str, Any], did: str) -> str | None:
    entry_id = entry.get("id")
    if not isinstance(entry_id, str):
        return None
    relative = entry_id.removeprefix(did)
    return relative if relative.startswith("#") else None


def _read_key(method: Mapping[str, Any]) -> PublicKey | None:
    kind, text = method.get("type"), method.get("publicKeyMultibase")
    if not isinstance(text, str) or not isinstance(kind, str):
        return None
    try:
        if kind == "Multikey":
            return PublicKey.from_multibase(text)
        if kind in _LEGACY_TYPES:
            return PublicKey.from_legacy_multibase(text, _LEGACY_TYPES[kind])
    except InvalidKeyError:
        pass  # as good as absent: nothing can be verified with it
    return None


def _find_handle(document: Mapping[str, Any]) -> str | None:
    names = document.get("alsoKnownAs")
    for name in names if isinstance(names, list) else []:
        if isinstance(name, str) and name.startswith("at://"):
            handle = name.removeprefix("at://")
            if is_handle(handle):
                return handle
    return None


def _find_pds_endpoint(document: Mapping[str, Any], did: str) -> str | None:
    for service in _services(document, did):
        if service.id == PDS_SERVICE_ID and service.type == PDS_SERVICE_TYPE:
            parts = urlsplit(service.endpoint)
            is_origin = parts.path in ("", "/") and "?" not in service.endpoint
            return service.endpoint.rstrip("/") if is_origin else None
    return None


def _services(document: Mapping[str, Any], did: str) -> Iterator[Service]:
    for entry in _entries(document, "service"):
        service_id, kind = _relative_id(entry, did), entry.get("type")
        endpoint = entry.get("serviceEndpoint")
        if service_id is None or not isinstance(kind, str) or not isinstance(endpoint, str):
            continue
        if _is_http_url(endpoint):
            yield Service(service_id, kind, endpoint)


def _is_http_url(text: str) -> bool:
    """Whether it is safe to hand to an HTTP client: a host, no credentials, nothing invisible."""
    if not (text.isascii() and text.isprintable()) or any(char in text for char in " \\#"):
        return False
    try:
        return _has_plain_host(urlsplit(text))
    except ValueError:  # a port that is no number, half an IPv6 address
        return False


def _has_plain_host(parts: SplitResult) -> bool:
    plain = "@" not in parts.netloc and parts.port != 0
    return parts.scheme in ("http", "https") and bool(parts.hostname) and plain
