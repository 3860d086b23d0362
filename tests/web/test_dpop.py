from __future__ import annotations

from types import SimpleNamespace

import pytest
from flask import Response

from pds.errors import AccountDeactivatedError
from pds.oauth_errors import InvalidDpopProofError
from pds.web.dpop import Credentials, challenge, complete, is_dpop
from pds.web.request_log import ENVIRON_KEY

ALGS = "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES256K ES384 ES512"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, False),
        ("", False),
        ("DPoP x", True),
        ("dpop x", True),
        ("DPoP", True),
        ("DPoPx y", False),
        ("Bearer DPoP", False),
    ],
)
def test_scheme_decides(header: str | None, expected: bool) -> None:
    assert is_dpop(header) is expected
    assert Credentials(header).is_dpop is expected


def test_credentials_are_read_from_the_request() -> None:
    info = SimpleNamespace(method="POST", path="/XRPC/a.b.c")
    environ = {
        ENVIRON_KEY: info,
        "HTTP_AUTHORIZATION": "DPoP token",
        "HTTP_DPOP": "proof",
        "PATH_INFO": "/xrpc/a.b.c",
    }

    assert Credentials.of(environ) == Credentials("DPoP token", ("proof",), "POST", "/XRPC/a.b.c")
    del environ["HTTP_DPOP"]
    assert Credentials.of(environ).proofs == ()


def test_challenge_names_the_error_in_words_that_need_no_escapes() -> None:
    error = InvalidDpopProofError('the "htm" is a \\ or\r\nworse é')

    assert challenge(error) == (
        f'DPoP algs="{ALGS}", error="invalid_dpop_proof",'
        " error_description=\"the 'htm' is a ? or??worse ?\""
    )


def test_other_errors_have_no_name_that_would_make_clients_refresh() -> None:
    assert challenge(AccountDeactivatedError()) == f'DPoP algs="{ALGS}"'


def test_caching_that_a_method_has_decided_stays() -> None:
    response = Response(headers={"Cache-Control": "private, no-store", "Vary": "Accept-Encoding"})

    complete(response, "the nonce")

    assert response.headers["DPoP-Nonce"] == "the nonce"
    assert response.headers["Cache-Control"] == "private, no-store"
    assert set(response.vary) == {"Accept-Encoding", "Authorization"}
