"""Attacks on proofs: signatures that only look like some, keys made to hurt, the same proof twice.

Claims that do not fit, and headers twice: test_oauth_calls.py and tests/web/oauth/test_par.py.
Every form of key: tests/atproto/oauth/test_jwk.py.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pds.atproto.oauth import base64url
from pds.services import build_services
from tests.atproto.oauth.tokens import KeyPair, key_pair, rsa_private
from tests.attack_tools import BACK, Scene, loopback_id
from tests.factories import Person, StillClock
from tests.oauth_client import ASKED, FORM
from tests.stage import Stage, open_stage
from tests.web.harness import Answer

SESSION = "/xrpc/com.atproto.server.getSession"
KEY = key_pair(number=1)
# Good to push a request, good to end a grant, and no request for tokens.
BODY = urlencode({**ASKED, "client_id": loopback_id(), "redirect_uri": BACK, "token": "a"})
PATHS = ["/oauth/par", "/oauth/token", "/oauth/revoke", SESSION]


@pytest.fixture
def scene(stage: Stage, clock: StillClock) -> Scene:
    return Scene(stage, clock)


def send(
    scene: Scene, alice: Person, path: str, proof: Callable[[str, dict[str, Any]], str]
) -> Answer:
    """A request with a proof that ``proof`` makes of path and claims."""
    claims = {
        "jti": secrets.token_hex(8),
        "htm": "POST",
        "htu": scene.issuer + path,
        "iat": scene.clock() // 1_000_000,
        "nonce": scene.nonce(),
    }
    if path == SESSION:
        token = scene.tokens(scene.client(1), alice)["access_token"]
        ath = base64url.encode(hashlib.sha256(token.encode()).digest())
        made = proof(path, {**claims, "htm": "GET", "ath": ath})
        return scene.stage.web.get(path, Authorization=f"DPoP {token}", DPoP=made)
    return scene.stage.web.post(path, BODY, Content_Type=FORM, DPoP=proof(path, claims))


def written(header: Any, claims: Any) -> str:
    parts = (
        part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, claims)
    )
    return ".".join(base64url.encode(part) for part in parts)


def by_key(header: dict[str, Any], claims: Any, key: KeyPair = KEY) -> str:
    """Truly signed by ``key``, whatever the header says."""
    text = written({"typ": "dpop+jwt", "alg": "ES256", "jwk": key.json, **header}, claims)
    return f"{text}.{base64url.encode(raw_signature(text, key))}"


def raw_signature(text: str, key: KeyPair) -> bytes:
    from jwt.algorithms import get_default_algorithms

    signature: bytes = get_default_algorithms()[key.algorithm].sign(text.encode(), key.private)
    return signature


def by_secret(secret: bytes, algorithm: str = "HS256") -> Callable[[str, dict[str, Any]], str]:
    """The public key taken for a shared secret."""

    def make(_path: str, claims: dict[str, Any]) -> str:
        text = written({"typ": "dpop+jwt", "alg": algorithm, "jwk": KEY.json}, claims)
        return f"{text}.{base64url.encode(hmac.digest(secret, text.encode(), 'sha256'))}"

    return make


def unsigned(algorithm: Any, signature: bytes = b"") -> Callable[[str, dict[str, Any]], str]:
    def make(_path: str, claims: dict[str, Any]) -> str:
        text = written({"typ": "dpop+jwt", "alg": algorithm, "jwk": KEY.json}, claims)
        return f"{text}.{base64url.encode(signature)}"

    return make


def with_header(**header: Any) -> Callable[[str, dict[str, Any]], str]:
    return lambda _path, claims: by_key(header, claims)


def with_claims(change: Callable[[bytes], bytes]) -> Callable[[str, dict[str, Any]], str]:
    """The claims as text, changed before they are signed."""
    return lambda _path, claims: by_key({}, change(json.dumps(claims).encode()))


PEM = KEY.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
SMALL = rsa_private(1024, 0).public_key().public_numbers()


def rsa_jwk(n: int, e: int) -> dict[str, str]:
    texts = (base64url.encode(x.to_bytes((x.bit_length() + 7) // 8 or 1, "big")) for x in (n, e))
    return {"kty": "RSA", **dict(zip(("n", "e"), texts, strict=True))}


FORGED: dict[str, Callable[[str, dict[str, Any]], str]] = {
    "none": unsigned("none"),
    "None": unsigned("None"),
    "nOnE with a signature": unsigned("nOnE", b"x" * 64),
    "no algorithm": unsigned(None),
    "a list of algorithms": unsigned(["ES256"]),
    "an object for algorithm": unsigned({"ES256": 1}),
    "empty": unsigned(""),
    "all zeros": unsigned("ES256", bytes(64)),
    "r and s of one": unsigned("ES256", bytes(31) + b"\1" + bytes(31) + b"\1"),
    "r and s too large": unsigned("ES256", b"\xff" * 64),
    "too short": unsigned("ES256", b"\1"),
    "another algorithm of the same length": unsigned("ES256K", bytes(63) + b"\1"),
    "RS256 for a curve": unsigned("RS256", b"\1" * 256),
    "HS256 by the PEM": by_secret(PEM),
    "HS256 by the JSON": by_secret(json.dumps(KEY.json).encode()),
    "HS256 by x": by_secret(KEY.json["x"].encode()),
    "HS256 by nothing": by_secret(b""),
    "HMAC called ES256": by_secret(PEM, "ES256"),
    "a symmetric key": with_header(jwk={"kty": "oct", "k": "c2VjcmV0"}),
    "a small RSA key": with_header(alg="RS256", jwk=rsa_jwk(SMALL.n, SMALL.e)),
    "an exponent of one": with_header(alg="RS256", jwk=rsa_jwk((1 << 2047) | 1, 1)),
    "an even exponent": with_header(alg="RS256", jwk=rsa_jwk((1 << 2047) | 1, 2)),
    "a long exponent": with_header(alg="RS256", jwk=rsa_jwk((1 << 8191) | 1, (1 << 32) - 1)),
    "a huge modulus": with_header(alg="RS256", jwk=rsa_jwk((1 << 16_383) | 1, 65_537)),
    "no point of the curve": with_header(jwk={**KEY.json, "y": KEY.json["x"]}),
    "the point at infinity": with_header(jwk={**KEY.json, "x": "A" * 43, "y": "A" * 43}),
    "another curve": with_header(jwk={**KEY.json, "crv": "P-384"}),
    "a curve nobody knows": with_header(jwk={**KEY.json, "crv": "P-256 "}),
    "a private key": with_header(jwk={**KEY.json, "d": KEY.json["x"]}),
    "another's key": with_header(jwk=key_pair(number=2).json),
    "a key elsewhere": with_header(jwk=None, jku="http://127.0.0.1:1/keys.json", kid="key-1"),
    "a certificate elsewhere": with_header(jwk=None, x5u="http://127.0.0.1:1/", x5c=["AAAA"]),
    "a key that is a file": with_header(jwk=None, kid="../../../../dev/null"),
    "a key that is a query": with_header(jwk=None, kid="' OR 1=1 --"),
    "a list of keys": with_header(jwk=[KEY.json]),
    "extensions": with_header(crit=["b64"], b64=False),
    "no extensions that are critical": with_header(crit=[]),
    "of another kind": with_header(typ="at+jwt"),
    "of no kind": with_header(typ=None),
    "of a list of kinds": with_header(typ=["dpop+jwt"]),
    "doubled claim": with_claims(lambda text: text[:-1] + b', "jti": "another"}'),
    "NaN": with_claims(lambda text: text[:-1] + b', "exp": NaN}'),
    "infinity": with_claims(lambda text: text[:-1] + b', "exp": 1e999}'),
    "digits without end": with_claims(lambda text: text[:-1] + b', "exp": ' + b"9" * 3_000 + b"}"),
    "nested": with_claims(lambda text: text[:-1] + b', "a": ' + b"[" * 1_500 + b"]" * 1_500 + b"}"),
    "cut short": with_claims(lambda text: text[:-1]),
    "a list": with_claims(lambda text: b"[" + text + b"]"),
    "not UTF-8": with_claims(lambda text: text[:-1] + b', "a": "\xff"}'),
    "half a character": with_claims(lambda text: text[:-1] + b', "a": "\\ud800"}'),
    "time of true": with_claims(lambda text: text.replace(b'"iat": ', b'"iat": true, "x": ')),
    "time as text": with_claims(lambda text: text.replace(b'"iat": ', b'"iat": "now", "x": ')),
    "id of an object": with_claims(lambda text: text.replace(b'"jti": ', b'"jti": {}, "x": ')),
    "long id": with_claims(lambda text: text.replace(b'"jti": "', b'"jti": "' + b"a" * 600)),
    "padded": lambda _path, claims: by_key({}, claims) + "==",
    "with a blank": lambda _path, claims: " " + by_key({}, claims).replace(".", ". "),
    "four parts": lambda _path, claims: by_key({}, claims) + ".AAAA",
    "encrypted": lambda _path, claims: by_key({}, claims) + ".AAAA.AAAA",
    "joined": lambda _path, claims: by_key({}, claims) + ", " + by_key({}, claims),
    "huge": lambda _path, claims: by_key({}, {**claims, "x": "x" * 9_000}),
    "not base64url": lambda _path, claims: by_key({}, claims)[:-1] + "+",
    "latin": lambda _path, claims: by_key({}, claims) + "é",
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_proof_is_refused_everywhere(scene: Scene, alice: Person, name: str) -> None:
    for path in PATHS:
        answer = send(scene, alice, path, FORGED[name])

        assert (answer.status, answer.json["error"]) == (401, "invalid_dpop_proof"), (
            path,
            answer.body,
        )
        assert answer.headers["WWW-Authenticate"].startswith("DPoP algs=")


def test_the_same_made_honestly_is_taken(scene: Scene, alice: Person) -> None:
    """Or the test above would show nothing."""
    statuses = [send(scene, alice, path, with_header()).status for path in PATHS]

    assert statuses == [201, 400, 200, 200]


def test_rsa_proofs_cannot_be_made_without_the_key(scene: Scene, alice: Person) -> None:
    """With an exponent of 3 and a sloppy check of the padding one could."""
    n = rsa_private(2048, 0).public_key().public_numbers().n
    assert isinstance(rsa.RSAPublicNumbers(3, n).public_key(), rsa.RSAPublicKey)

    def cube(_path: str, claims: dict[str, Any]) -> str:
        text = written({"typ": "dpop+jwt", "alg": "RS256", "jwk": rsa_jwk(n, 3)}, claims)
        prefix = bytes.fromhex("0001ffffffffffffffff003031300d060960864801650304020105000420")
        block = (prefix + hashlib.sha256(text.encode()).digest()).ljust(256, b"\0")
        return f"{text}.{base64url.encode(cube_root(block).to_bytes(256, 'big'))}"

    answer = send(scene, alice, "/oauth/token", cube)

    assert (answer.status, answer.json["error"]) == (401, "invalid_dpop_proof")


def cube_root(block: bytes) -> int:
    """The whole cube root, rounded up."""
    wanted, low, high = int.from_bytes(block, "big"), 0, 1 << 700
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if middle**3 < wanted else (low, middle)
    return low


def test_a_proof_is_for_one_place(scene: Scene, alice: Person) -> None:
    """What was sent to one endpoint is of no use at another, with or without a token."""
    client = scene.client()
    token = scene.tokens(client, alice)["access_token"]
    for sent_to in PATHS[:3]:
        for replayed_at in PATHS[:3]:
            proof = scene.proof(sent_to, client.machine.key)
            answer = scene.stage.web.post(replayed_at, BODY, Content_Type=FORM, DPoP=proof)
            is_refused = answer.json.get("error") == "invalid_dpop_proof"
            assert is_refused == (sent_to != replayed_at), (sent_to, replayed_at, answer.body)
    proof = scene.proof(SESSION, client.machine.key, htm="GET")
    without = scene.stage.web.get(SESSION, Authorization=f"DPoP {token}", DPoP=proof)
    assert without.json["error"] == "invalid_dpop_proof"
    proof = scene.proof("/oauth/token", client.machine.key, access_token=token)
    bound = scene.stage.web.post("/oauth/token", BODY, Content_Type=FORM, DPoP=proof)
    assert bound.json["error"] == "invalid_dpop_proof"


@pytest.mark.parametrize("header", ["DPoP", "dpop", "DPOP", "dPoP"])
def test_a_header_in_another_case_does_not_make_a_proof_new(scene: Scene, header: str) -> None:
    client = scene.client()
    proof = scene.proof("/oauth/token", client.machine.key)
    first = scene.stage.web.request(
        "POST", "/oauth/token", BODY, {"Content-Type": FORM, "DPoP": proof}
    )
    again = scene.stage.web.request(
        "POST", "/oauth/token", BODY, {"Content-Type": FORM, header: proof}
    )

    assert first.json["error"] == "invalid_request"
    assert (again.status, again.json["error"]) == (401, "invalid_dpop_proof")


def test_a_proof_of_before_a_restart_is_refused_after_it(scene: Scene, clock: StillClock) -> None:
    client = scene.client()
    proof = scene.proof("/oauth/token", client.machine.key)
    assert scene.stage.web.post("/oauth/token", BODY, Content_Type=FORM, DPoP=proof).status == 400

    started_anew = build_services(scene.stage.services.config, clock)
    try:
        with open_stage(started_anew) as stage:
            again = stage.web.post("/oauth/token", BODY, Content_Type=FORM, DPoP=proof)
    finally:
        started_anew.close()

    assert again.json["error"] == "use_dpop_nonce"
