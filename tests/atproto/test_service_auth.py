"""Service tokens: what we make verifies, what is wrong is named."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from pds.atproto.crypto.keypair import PrivateKey
from pds.atproto.service_auth import (
    LIFETIME_S,
    ServiceAuthError,
    check_service_claims,
    create_service_token,
    decode_service_token,
    verify_service_signature,
)

NOW = 1_700_000_000
DID = "did:plc:z72i7hdynmk6r22z27h6tvur"
PDS = "did:web:pds.example"
LXM = "com.atproto.server.createAccount"
KEY = PrivateKey.generate("k256")
P256_KEY = PrivateKey.generate("p256")
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def token(**changes: Any) -> str:
    fields: dict[str, Any] = {
        "iss": DID,
        "aud": PDS,
        "lxm": LXM,
        "key": KEY,
        "now": NOW,
        "jti": "once",
    }
    return create_service_token(**(fields | changes))


def part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def forged(header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A token with other header fields or claims; None removes one. The signature is a dummy."""
    head = {"typ": "JWT", "alg": "ES256K"} | (header or {})
    body = {"iss": DID, "aud": PDS, "lxm": LXM, "exp": NOW + 60, "iat": NOW, "jti": "x"} | claims
    parts = [{k: v for k, v in fields.items() if v is not None} for fields in (head, body)]
    return f"{part(parts[0])}.{part(parts[1])}.{part(bytes(64))}"


def error_of(text: str) -> str:
    with pytest.raises(ServiceAuthError) as caught:
        decode_service_token(text, now=NOW)
    return caught.value.error


@pytest.mark.parametrize("key", [KEY, P256_KEY], ids=["k256", "p256"])
def test_token_is_read_and_verified(key: PrivateKey) -> None:
    claims, signing_input, signature = decode_service_token(token(key=key), now=NOW)

    assert (claims.iss, claims.aud, claims.lxm, claims.jti) == (DID, PDS, LXM, "once")
    assert (claims.iat, claims.exp) == (NOW, NOW + LIFETIME_S)
    assert claims.issuer_did == DID
    check_service_claims(claims, audiences={PDS}, lxm=LXM)
    assert verify_service_signature(key.public, signing_input, signature)
    assert not verify_service_signature(PrivateKey.generate().public, signing_input, signature)
    assert not verify_service_signature(key.public, signing_input + b"x", signature)


def test_token_has_the_form_peers_expect() -> None:
    header, payload, _ = (
        part_ + "=" * (-len(part_) % 4) for part_ in token(lxm=None, exp=NOW + 5).split(".")
    )

    assert json.loads(base64.urlsafe_b64decode(header)) == {"typ": "JWT", "alg": "ES256K"}
    assert json.loads(base64.urlsafe_b64decode(payload)) == {
        "iat": NOW,
        "iss": DID,
        "aud": PDS,
        "exp": NOW + 5,
        "jti": "once",
    }


def test_signatures_we_make_are_low_s_and_high_s_is_tolerated() -> None:
    _, signing_input, signature = decode_service_token(token(key=P256_KEY), now=NOW)
    s = int.from_bytes(signature[32:], "big")
    high = signature[:32] + (P256_ORDER - s).to_bytes(32, "big")

    assert s <= P256_ORDER // 2
    assert verify_service_signature(P256_KEY.public, signing_input, high)


def test_token_lives_until_its_expiry() -> None:
    decode_service_token(token(), now=NOW + LIFETIME_S)

    with pytest.raises(ServiceAuthError, match="expired") as caught:
        decode_service_token(token(), now=NOW + LIFETIME_S + 1)
    assert caught.value.error == "JwtExpired"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "..",
        "a.b",
        "a.b.c.d",
        forged() + "=",
        forged() + "\n",
        forged().replace(".", "..", 1),
        "ä.ä.ä",
        f"{part(b'[]')}.{part(b'{}')}.{part(b'x')}",
        f"{part(b'{')}.{part(b'{}')}.{part(b'x')}",
        f"{part(b'[' * 5000)}.{part(b'{}')}.{part(b'x')}",
        forged().rpartition(".")[0] + ".",
        forged(padding="x" * 10_000),
        forged({"alg": "none"}),
        forged({"alg": "HS256"}),
        forged({"alg": ["ES256K"]}),
        forged({"alg": None}),
        forged(iss=None),
        forged(iss=7),
        forged(aud=None),
        forged(aud=[PDS]),
        forged(exp=None),
        forged(exp="1800000000"),
        forged(exp=True),
        forged(lxm=7),
        forged(jti=7),
        forged(iat="now"),
    ],
)
def test_malformed_token_is_a_bad_jwt(text: str) -> None:
    assert error_of(text) == "BadJwt"


@pytest.mark.parametrize("kind", ["at+jwt", "refresh+jwt", "dpop+jwt"])
def test_token_of_another_kind_is_refused(kind: str) -> None:
    assert error_of(forged({"typ": kind})) == "BadJwtType"


@pytest.mark.parametrize("iss", ["alice.example", "", "did:plc:", f"{DID}#", f"{DID}#other"])
def test_issuer_must_be_a_did(iss: str) -> None:
    assert error_of(forged(iss=iss)) == "BadJwtIss"


@pytest.mark.parametrize("header", [{}, {"kid": "2024-key"}, {"kid": 7}, {"typ": None}])
@pytest.mark.parametrize("iss", [DID, f"{DID}#atproto_labeler"])
def test_issuer_may_be_a_service_of_the_did(header: dict[str, Any], iss: str) -> None:
    claims, _, _ = decode_service_token(forged(header, iss=iss), now=NOW)

    assert claims.iss == iss
    assert claims.issuer_did == DID


def test_optional_claims_may_be_absent() -> None:
    claims, _, _ = decode_service_token(forged(lxm=None, iat=None, jti=None), now=NOW)

    assert (claims.lxm, claims.iat, claims.jti) == (None, None, None)


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({"lxm": None}, "BadJwtLexiconMethod"),
        ({"lxm": "com.atproto.server.createAccounts"}, "BadJwtLexiconMethod"),
        ({"lxm": "*"}, "BadJwtLexiconMethod"),
        ({"aud": "did:web:other.example"}, "BadJwtAudience"),
        ({"aud": f"{PDS}#other"}, "BadJwtAudience"),
    ],
)
def test_claims_must_be_meant_for_us(claims: dict[str, Any], error: str) -> None:
    decoded, _, _ = decode_service_token(forged(**claims), now=NOW)

    with pytest.raises(ServiceAuthError) as caught:
        check_service_claims(decoded, audiences={PDS, f"{PDS}#atproto_pds"}, lxm=LXM)

    assert caught.value.error == error


def test_audience_with_service_is_ours_too() -> None:
    decoded, _, _ = decode_service_token(forged(aud=f"{PDS}#atproto_pds"), now=NOW)

    check_service_claims(decoded, audiences={PDS, f"{PDS}#atproto_pds"}, lxm=LXM)
