from __future__ import annotations

import base64
import json
from types import SimpleNamespace
from typing import Literal

import pytest

from pds.errors import AccountDeactivatedError, AccountTakedownError, PdsError
from pds.services.session_scopes import Scope
from pds.web.authentication import authenticate
from pds.web.dpop import Credentials
from pds.xrpc.method import ANONYMOUS, Auth, Auths, Caller, Method
from tests.web.harness import ALICE, Running, make_services

NSID = "test.web.getPlain"


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def jwt(payload: object) -> str:
    encoded = base64.urlsafe_b64encode(json.dumps(payload).encode()).decode().rstrip("=")
    return f"service.{encoded}.sig"


class FakeAccounts:
    """Whoever asks may write."""

    def get_writable(self, repo: str, caller_did: str) -> SimpleNamespace:
        assert repo == caller_did
        return SimpleNamespace(did=repo)


def call(
    auth: Auth,
    header: str | None,
    *,
    taken_down: bool = False,
    away: bool = False,
    kind: Literal["query", "procedure"] = "procedure",
) -> Caller:
    services = make_services(accounts=FakeAccounts())
    if taken_down:
        services.sessions.taken_down.add(ALICE)
    if away:
        services.sessions.away.add(ALICE)
    method = Method(NSID, kind, auth, lambda _: None)
    return authenticate(method, Credentials(header), services)


def refusal(auth: Auth, header: str | None) -> tuple[int, str, str]:
    with pytest.raises(PdsError) as caught:
        call(auth, header)
    return caught.value.status, caught.value.error, caught.value.message


USER = Caller("user", ALICE, Scope.ACCESS, session_id="session-1")
APP = Caller("user", ALICE, Scope.APP_PASS, None, "session-1", "phone")
TAKEN = Caller("user", ALICE, Scope.TAKENDOWN, session_id="session-1")
REFRESHING = Caller("user", ALICE, Scope.REFRESH, "jti-1", "session-1")


@pytest.mark.parametrize(
    ("auth", "header", "caller"),
    [
        (Auths.NONE, "utter nonsense here", ANONYMOUS),
        (Auths.USER, "Bearer access", USER),
        (Auths.USER, "bEARER access", USER),
        (Auths.USER, "Bearer app", APP),
        (Auths.FULL_USER_OR_TAKEN_DOWN, "Bearer taken", TAKEN),
        (Auths.REFRESH, "Bearer refresh", REFRESHING),
        (Auths.REFRESH_OR_EXPIRED, "Bearer old-refresh", REFRESHING),
        (Auths.ADMIN, basic("admin:pass:with:colons"), Caller("admin")),
        (Auths.MODERATOR, basic("admin:pass:with:colons"), Caller("admin")),
        (Auths.MODERATOR, "Bearer moderator.b.c", Caller("moderator", f"did:web:mod.{NSID}")),
        (Auths.USER_OR_MODERATOR, "Bearer access", USER),
        (Auths.USER_OR_MODERATOR, "Bearer taken", TAKEN),
        (
            Auths.USER_OR_MODERATOR,
            f"Bearer moderator.{jwt({'lxm': NSID}).split('.')[1]}.c",
            Caller("moderator", f"did:web:mod.{NSID}"),
        ),
        (Auths.OPTIONAL, None, ANONYMOUS),
        (Auths.OPTIONAL, "Bearer access", USER),
        (Auths.OPTIONAL, basic("admin:pass:with:colons"), Caller("admin")),
        (Auths.NEW_ACCOUNT, None, ANONYMOUS),
        (Auths.NEW_ACCOUNT, "Bearer service.x.y", Caller("service", f"did:web:{NSID}")),
        (Auths.UPLOAD, "Bearer access", USER),
        (Auths.UPLOAD, f"Bearer {jwt({'lxm': NSID})}", Caller("service", f"did:web:{NSID}")),
    ],
)
def test_callers_are_recognised(auth: Auth, header: str | None, caller: Caller) -> None:
    assert call(auth, header) == caller


def test_moderators_may_use_a_token_again_to_read() -> None:
    read = call(Auths.MODERATOR, "Bearer moderator.b.c", kind="query")

    assert read == Caller("moderator", f"did:web:mod.reads.{NSID}")


MALFORMED = (400, "InvalidToken", "Malformed authorization header")
UNEXPECTED = (400, "InvalidToken", "Unexpected authorization type")
REQUIRED = (401, "AuthenticationRequired", "Authentication Required")


@pytest.mark.parametrize(
    ("auth", "header", "expected"),
    [
        (Auths.USER, None, (401, "AuthMissing", "Authentication Required")),
        (Auths.USER, "Bearer", MALFORMED),
        (Auths.USER, "Bearer ", MALFORMED),
        (Auths.USER, "Bearer a b", MALFORMED),
        (Auths.USER, "Bearer  access", MALFORMED),
        (Auths.USER, "Digest x", (400, "InvalidToken", "Unsupported authorization type: Digest")),
        (Auths.USER, basic("admin:pass:with:colons"), UNEXPECTED),
        (Auths.REFRESH, "DPoP refresh", UNEXPECTED),
        (Auths.ADMIN, "DPoP app", REQUIRED),
        (Auths.MODERATOR, "DPoP app", REQUIRED),
        (Auths.SERVICE_OR_ADMIN, "DPoP app", UNEXPECTED),
        (
            Auths.NEW_ACCOUNT,
            "DPoP app",
            (401, "AuthenticationRequired", "Invalid authorization header"),
        ),
        (Auths.USER, "DPoP", MALFORMED),
        (Auths.USER, "DPoP a b", MALFORMED),
        (Auths.USER, "Bearer forged", (400, "InvalidToken", "Token could not be verified")),
        (Auths.USER, "Bearer expired", (400, "ExpiredToken", "Token has expired")),
        (Auths.USER, "Bearer taken", (400, "InvalidToken", "Bad token scope")),
        (Auths.FULL_USER, "Bearer app", (400, "InvalidToken", "Bad token scope")),
        (Auths.REFRESH, None, (401, "AuthMissing", "Authentication Required")),
        (Auths.REFRESH, "Bearer old-refresh", (400, "ExpiredToken", "Token has expired")),
        (Auths.ADMIN, None, REQUIRED),
        (Auths.ADMIN, "Bearer access", REQUIRED),
        (Auths.ADMIN, basic("admin:wrong"), REQUIRED),
        (Auths.ADMIN, basic("root:pass:with:colons"), REQUIRED),
        (Auths.ADMIN, basic("admin"), REQUIRED),
        (Auths.ADMIN, "Basic !!!", REQUIRED),
        (Auths.ADMIN, "Basic " + base64.b64encode(b"\xff:\xff").decode(), REQUIRED),
        (Auths.MODERATOR, None, REQUIRED),
        (Auths.MODERATOR, basic("admin:wrong"), REQUIRED),
        (Auths.MODERATOR, "Bearer service.b.c", (401, "UntrustedIss", "Untrusted issuer")),
        (Auths.USER_OR_MODERATOR, None, (401, "AuthMissing", "Authentication Required")),
        (Auths.USER_OR_MODERATOR, basic("admin:pass:with:colons"), UNEXPECTED),
        (
            Auths.USER_OR_MODERATOR,
            f"Bearer {jwt({'lxm': NSID})}",
            (401, "UntrustedIss", "Untrusted issuer"),
        ),
        (Auths.OPTIONAL, basic("admin:wrong"), REQUIRED),
        (Auths.OPTIONAL, "Bearer forged", (400, "InvalidToken", "Token could not be verified")),
        (
            Auths.NEW_ACCOUNT,
            basic("a:b"),
            (401, "AuthenticationRequired", "Invalid authorization header"),
        ),
        (Auths.NEW_ACCOUNT, "Bearer nonsense", (401, "BadJwt", "poorly formatted jwt")),
        (Auths.UPLOAD, None, (401, "AuthMissing", "Authentication Required")),
        (Auths.UPLOAD, "Bearer word", (400, "InvalidToken", "Token could not be verified")),
        (Auths.UPLOAD, "Bearer a.b.c", (400, "InvalidToken", "Token could not be verified")),
        (Auths.UPLOAD, "Bearer a.W10.c", (400, "InvalidToken", "Token could not be verified")),
        (
            Auths.UPLOAD,
            "Bearer a." + base64.urlsafe_b64encode(b"[" * 20_001).decode().rstrip("=") + ".c",
            (400, "InvalidToken", "Token could not be verified"),
        ),
    ],
)
def test_refusals_have_the_names_clients_know(
    auth: Auth, header: str | None, expected: tuple[int, str, str]
) -> None:
    assert refusal(auth, header) == expected


def test_account_status_is_checked_where_the_method_asks_for_it() -> None:
    assert call(Auths.USER, "Bearer access", taken_down=True, away=True) == USER
    assert call(Auths.USER_NOT_TAKEN_DOWN, "Bearer access", away=True) == USER
    with pytest.raises(AccountTakedownError):
        call(Auths.USER_NOT_TAKEN_DOWN, "Bearer access", taken_down=True)
    with pytest.raises(AccountDeactivatedError):
        call(Auths.USER_ACTIVE, "Bearer access", away=True)


def test_401_names_the_scheme_to_use(web: Running) -> None:
    answer = web.get("/xrpc/test.web.getPlain")

    assert answer.error == (401, "AuthMissing", "Authentication Required")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
