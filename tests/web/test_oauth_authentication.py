from __future__ import annotations

import pytest

from pds.errors import AccountDeactivatedError, PdsError
from pds.oauth_errors import InvalidAccessTokenError, InvalidDpopProofError, UseDpopNonceError
from pds.web.authentication import authenticate
from pds.web.dpop import Credentials
from pds.xrpc.method import ANONYMOUS, Auth, Auths, Caller, Method
from tests.web.harness import ALICE, OAUTH_ACCESS, make_services

NSID = "test.web.getPlain"
PATH = f"/xrpc/{NSID}"
APP = Caller(
    "user",
    ALICE,
    scopes=OAUTH_ACCESS.scopes,
    grant_id=OAUTH_ACCESS.grant_id,
    client_id=OAUTH_ACCESS.client_id,
)
OF_USERS = {
    name: auth
    for name, auth in vars(Auths).items()
    if isinstance(auth, Auth) and auth.kind in ("access", "optional", "user_or_moderator", "upload")
}


def call(auth: Auth, token: str, *proofs: str) -> Caller:
    method = Method(NSID, "procedure", auth, lambda _: None)
    given = Credentials(f"DPoP {token}", proofs or ("proof",), "POST", PATH)
    return authenticate(method, given, make_services())


@pytest.mark.parametrize("auth", OF_USERS.values(), ids=OF_USERS)
def test_apps_may_call_what_users_may(auth: Auth) -> None:
    """What they may do there is for their scopes to say."""
    assert call(auth, "app") == APP


def test_methods_for_nobody_ignore_the_header() -> None:
    assert call(Auths.NONE, "app", "nonsense") == ANONYMOUS


def test_proof_is_about_this_request() -> None:
    services = make_services()
    method = Method(NSID, "procedure", Auths.USER, lambda _: None)

    authenticate(method, Credentials("dpop app", ("proof",), "POST", PATH), services)

    assert services.oauth.checked == [("POST", PATH, "app")]


@pytest.mark.parametrize(
    ("token", "proof", "error"),
    [
        ("app", "old proof", UseDpopNonceError),
        ("app", "forged", InvalidDpopProofError),
        ("access", "proof", InvalidAccessTokenError),
        ("access", "old proof", InvalidAccessTokenError),
        ("app.bare", "proof", InvalidAccessTokenError),
        ("app.taken", "proof", InvalidAccessTokenError),
    ],
)
def test_refusals(token: str, proof: str, error: type[PdsError]) -> None:
    with pytest.raises(error):
        call(Auths.USER, token, proof)


def test_taken_down_accounts_apps_may_not_even_what_their_owners_may() -> None:
    with pytest.raises(InvalidAccessTokenError):
        call(Auths.USER_OR_TAKEN_DOWN, "app.taken")


def test_deactivated_accounts_are_refused_where_the_method_asks_for_it() -> None:
    assert call(Auths.USER, "app.away") == APP
    with pytest.raises(AccountDeactivatedError):
        call(Auths.USER_ACTIVE, "app.away")


def test_proofs_of_strangers_are_not_even_looked_at() -> None:
    """What is looked at is remembered, and the memory for it has an end."""
    services = make_services()
    method = Method(NSID, "query", Auths.USER, lambda _: None)

    with pytest.raises(InvalidAccessTokenError):
        authenticate(method, Credentials("DPoP stranger", ("proof",)), services)

    assert services.oauth.checked == []
