"""DID documents: ours as the directory renders them, and everybody's as we read them."""

from __future__ import annotations

from typing import Any

import pytest

from pds.atproto.crypto.keypair import PrivateKey
from pds.atproto.did_document import (
    DidDocumentError,
    Service,
    did_web_document,
    find_key,
    find_service,
    parse_did_document,
    render_plc_document,
)

DID = "did:plc:z72i7hdynmk6r22z27h6tvur"
K256 = PrivateKey.generate("k256").public
P256 = PrivateKey.generate("p256").public
ED25519 = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"
PDS = {"type": "AtprotoPersonalDataServer", "endpoint": "https://pds.example"}


def data(**changes: Any) -> dict[str, Any]:
    return {
        "did": DID,
        "rotationKeys": [K256.did_key],
        "verificationMethods": {"atproto": K256.did_key},
        "alsoKnownAs": ["at://alice.example"],
        "services": {"atproto_pds": PDS},
    } | changes


def document(**changes: Any) -> dict[str, Any]:
    return render_plc_document(DID, data()) | changes


def method(key_id: str = "#atproto", **changes: Any) -> dict[str, Any]:
    return {
        "id": key_id,
        "type": "Multikey",
        "controller": DID,
        "publicKeyMultibase": K256.multibase,
    } | changes


def service(**changes: Any) -> dict[str, Any]:
    return {
        "id": "#atproto_pds",
        "type": "AtprotoPersonalDataServer",
        "serviceEndpoint": "https://pds.example",
    } | changes


def test_rendered_document_has_the_directory_form() -> None:
    assert render_plc_document(DID, data()) == {
        "@context": [
            "https://www.w3.org/ns/did/v1",
            "https://w3id.org/security/multikey/v1",
            "https://w3id.org/security/suites/secp256k1-2019/v1",
        ],
        "id": DID,
        "alsoKnownAs": ["at://alice.example"],
        "verificationMethod": [
            {
                "id": f"{DID}#atproto",
                "type": "Multikey",
                "controller": DID,
                "publicKeyMultibase": K256.multibase,
            }
        ],
        "service": [
            {
                "id": "#atproto_pds",
                "type": "AtprotoPersonalDataServer",
                "serviceEndpoint": "https://pds.example",
            }
        ],
    }


def test_context_follows_the_curves_in_use() -> None:
    keys = {"a": P256.did_key, "b": K256.did_key, "c": P256.did_key, "d": ED25519}

    rendered = render_plc_document(DID, data(verificationMethods=keys))

    assert rendered["@context"][2:] == [
        "https://w3id.org/security/suites/ecdsa-2019/v1",
        "https://w3id.org/security/suites/secp256k1-2019/v1",
    ]
    assert rendered["verificationMethod"][3]["publicKeyMultibase"] == ED25519[8:]


def test_rendered_document_is_read_back() -> None:
    parsed = parse_did_document(document(), DID)

    assert parsed.did == DID
    assert parsed.handle == "alice.example"
    assert parsed.signing_key == K256.did_key
    assert parsed.pds_endpoint == "https://pds.example"
    assert parsed.services == (Service("#atproto_pds", PDS["type"], PDS["endpoint"]),)


def test_server_document_names_its_service() -> None:
    did = "did:web:pds.example"

    plain = did_web_document(did, "https://pds.example")
    full = did_web_document(
        did, "https://pds.example", handle="pds.example", signing_key=P256.did_key
    )

    assert plain["verificationMethod"] == []
    assert parse_did_document(plain, did).pds_endpoint == "https://pds.example"
    assert parse_did_document(plain, did).signing_key is None
    assert parse_did_document(full, did).signing_key == P256.did_key
    assert parse_did_document(full, did).handle == "pds.example"


@pytest.mark.parametrize("broken", [None, [], "", {}, {"id": DID.upper()}, {"id": 1}])
def test_document_of_somebody_else_is_refused(broken: Any) -> None:
    for read in (
        lambda: parse_did_document(broken, DID),
        lambda: find_service(broken, DID, "#atproto_pds"),
        lambda: find_key(broken, DID, "#atproto"),
    ):
        with pytest.raises(DidDocumentError):
            read()


@pytest.mark.parametrize(
    "odd", [None, 1, "text", [None, 1, []], {}, [{}], [{"id": 1}], [{"id": "#"}]]
)
def test_parts_that_make_no_sense_are_passed_over(odd: Any) -> None:
    parsed = parse_did_document(
        {"id": DID, "alsoKnownAs": odd, "verificationMethod": odd, "service": odd}, DID
    )

    assert parsed == parse_did_document({"id": DID}, DID)
    assert (parsed.handle, parsed.signing_key, parsed.pds_endpoint) == (None, None, None)
    assert parsed.services == ()


@pytest.mark.parametrize(
    ("names", "handle"),
    [
        (["https://x.example", "at://alice.example", "at://bob.example"], "alice.example"),
        (["at://nodot", "at://did:plc:abc", "at://bob.example"], "bob.example"),
        (["at://alice.example/path"], None),
        (["AT://alice.example"], None),
        ([], None),
    ],
)
def test_handle_is_the_first_that_is_one(names: list[str], handle: str | None) -> None:
    assert parse_did_document(document(alsoKnownAs=names), DID).handle == handle


@pytest.mark.parametrize(
    ("methods", "found"),
    [
        ([method()], True),
        ([method(f"{DID}#atproto")], True),
        (method(), True),
        ([method("#other"), method()], True),
        ([method("did:plc:other#atproto")], False),
        ([method("atproto")], False),
        ([method(controller="did:plc:other")], False),
        ([method(controller="did:plc:other"), method()], True),
        ([method(type="Ed25519VerificationKey2020")], False),
        ([method(type=["Multikey"])], False),
        ([method(publicKeyMultibase=None)], False),
        ([method(publicKeyMultibase="zzz")], False),
        ([method(publicKeyMultibase="")], False),
        ([method(publicKeyMultibase=ED25519[8:]), method()], False),
    ],
)
def test_signing_key_is_the_first_with_its_id(methods: Any, found: bool) -> None:
    parsed = parse_did_document(document(verificationMethod=methods), DID)

    assert parsed.signing_key == (K256.did_key if found else None)


def test_legacy_key_types_are_read() -> None:
    legacy = (
        "zQYEBzXeuTM9UR3rfvNag6L3RNAs5pQZyYPsomTsgQhsxLdEgCrPTLgFna8yqCnxPpNT7DBk6Ym3dgPKNu86vt9GR"
    )
    entry = method(type="EcdsaSecp256k1VerificationKey2019", publicKeyMultibase=legacy)

    parsed = parse_did_document(document(verificationMethod=[entry]), DID)

    assert parsed.signing_key == "did:key:zQ3shXjHeiBuRCKmM36cuYnm7YEMzhGnCmCyW92sRJ9pribSF"


@pytest.mark.parametrize(
    ("changes", "endpoint"),
    [
        ({}, "https://pds.example"),
        ({"id": f"{DID}#atproto_pds"}, "https://pds.example"),
        ({"id": "did:plc:other#atproto_pds"}, None),
        ({"type": "Other"}, None),
        ({"serviceEndpoint": "https://pds.example/"}, "https://pds.example"),
        ({"serviceEndpoint": "http://localhost:2583"}, "http://localhost:2583"),
        ({"serviceEndpoint": "http://[::1]:2583"}, "http://[::1]:2583"),
        ({"serviceEndpoint": "https://pds.example/path"}, None),
        ({"serviceEndpoint": "https://pds.example//"}, None),
        ({"serviceEndpoint": "https://pds.example?"}, None),
        ({"serviceEndpoint": "https://pds.example#"}, None),
        ({"serviceEndpoint": "https://me:pw@pds.example"}, None),
        ({"serviceEndpoint": "https://pds.example:x"}, None),
        ({"serviceEndpoint": "https://pds.example:99999"}, None),
        ({"serviceEndpoint": "https://[::1"}, None),
        ({"serviceEndpoint": "https://pds.exa mple"}, None),
        ({"serviceEndpoint": "https://pds.example\n"}, None),
        ({"serviceEndpoint": "https://pds.example\\@evil.example"}, None),
        ({"serviceEndpoint": "https://"}, None),
        ({"serviceEndpoint": "ftp://pds.example"}, None),
        ({"serviceEndpoint": "pds.example"}, None),
        ({"serviceEndpoint": {"uri": "https://pds.example"}}, None),
    ],
)
def test_pds_endpoint_must_be_an_origin(changes: dict[str, Any], endpoint: str | None) -> None:
    parsed = parse_did_document(document(service=[service(**changes)]), DID)

    assert parsed.pds_endpoint == endpoint


def test_service_is_found_by_id() -> None:
    view = service(id="#view", type="BskyAppView", serviceEndpoint="https://view.example/base")
    found = document(service=[service(), view, view | {"serviceEndpoint": "https://late.example"}])

    assert find_service(found, DID, "#view") == "https://view.example/base"
    assert find_service(found, DID, "view") == "https://view.example/base"
    assert find_service(found, DID, "#absent") is None


def test_key_is_found_by_id() -> None:
    found = document(
        verificationMethod=[method(), method("#label", publicKeyMultibase=P256.multibase)]
    )

    assert find_key(found, DID, "#label") == P256
    assert find_key(found, DID, "atproto") == K256
    assert find_key(found, DID, "#absent") is None
