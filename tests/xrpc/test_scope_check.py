"""The scopes of an app against what a call needs. The whole table is in ``scenarios``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pds.atproto.oauth.scopes.granted import ScopeSet
from pds.atproto.oauth.scopes.methods import AsksService, requirement_of
from pds.config import Config
from pds.errors import ForbiddenError, InvalidRequestError
from pds.oauth_errors import MissingScopeError
from pds.services.session_scopes import Scope
from pds.xrpc.loading import load_methods
from pds.xrpc.method import Call, Caller
from pds.xrpc.scope_check import NOT_SUPPORTED, check_blob, check_proxied_scopes, check_scopes
from tests.factories import make_call, make_config

if TYPE_CHECKING:
    from pathlib import Path

    from pds.services import Services

DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
APP_VIEW = "did:web:api.bsky.app#bsky_appview"
REPO = "com.atproto.repo"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return make_config(
        tmp_path, bsky_app_view_url="https://api.bsky.app", bsky_app_view_did="did:web:api.bsky.app"
    )


def app(scope: str) -> Caller:
    return Caller("user", DID, scopes=ScopeSet.parse(f"atproto {scope}"))


def call_of(services: Services, scope: str, **fields: Any) -> Call:
    return make_call(services, app(scope), **fields)


def missing(services: Services, nsid: str, scope: str = "", **fields: Any) -> str | None:
    """The scope that a refusal names; None when there is no refusal."""
    try:
        check_scopes(call_of(services, scope, **fields), nsid)
    except MissingScopeError as error:
        return error.message.removeprefix('Missing required scope "').removesuffix('"')
    return None


def write(action: str, collection: str) -> dict[str, str]:
    return {"$type": f"{REPO}.applyWrites#{action}", "collection": collection}


@pytest.mark.parametrize(
    ("nsid", "fields", "scope"),
    [
        (f"{REPO}.createRecord", {"input": {"collection": "a.b.c"}}, "repo:a.b.c?action=create"),
        (f"{REPO}.putRecord", {"input": {"collection": "a.b.c"}}, "repo:a.b.c?action=create"),
        (f"{REPO}.deleteRecord", {"input": {"collection": "a.b.c"}}, "repo:a.b.c?action=delete"),
        (
            f"{REPO}.applyWrites",
            {"input": {"writes": [write("update", "a.b.c"), write("delete", "d.e.f")]}},
            "repo:a.b.c?action=update",
        ),
        (f"{REPO}.applyWrites", {"input": {"writes": []}}, "repo:*"),
        (f"{REPO}.uploadBlob", {"content_type": "Image/PNG; q=1"}, "blob:image/png"),
        (f"{REPO}.uploadBlob", {"content_type": "*/*"}, "blob:application/octet-stream"),
        (f"{REPO}.importRepo", {}, "account:repo?action=manage"),
        ("com.atproto.identity.updateHandle", {}, "identity:handle"),
        ("com.atproto.identity.submitPlcOperation", {}, "identity:*"),
        ("com.atproto.server.confirmEmail", {}, "account:email?action=manage"),
        (
            "com.atproto.server.getServiceAuth",
            {"params": {"aud": APP_VIEW, "lxm": "a.b.c"}},
            "rpc:a.b.c?aud=did:web:api.bsky.app%23bsky_appview",
        ),
        (
            "com.atproto.server.getServiceAuth",
            {"params": {"aud": APP_VIEW}},
            "rpc:*?aud=did:web:api.bsky.app%23bsky_appview",
        ),
        (
            "app.bsky.feed.getTimeline",
            {},
            "rpc:app.bsky.feed.getTimeline?aud=did:web:api.bsky.app%23bsky_appview",
        ),
        (
            "app.bsky.actor.putPreferences",
            {"headers": {"atproto-proxy": "did:web:other.test#svc"}},
            "rpc:app.bsky.actor.putPreferences?aud=did:web:other.test%23svc",
        ),
        (
            "app.bsky.notification.registerPush",
            {"input": {"serviceDid": "did:web:push.test"}},
            "rpc:app.bsky.notification.registerPush?aud=did:web:push.test%23bsky_notif",
        ),
    ],
)
def test_refusal_names_the_scope_that_would_do(
    services: Services, nsid: str, fields: dict[str, Any], scope: str
) -> None:
    """And with that scope, or as many of them as it takes, the call is permitted."""
    found, held = missing(services, nsid, **fields), ""
    assert found == scope
    while found is not None:
        assert found not in held.split()
        held += f" {found}"
        found = missing(services, nsid, held, **fields)


def test_password_sessions_have_no_scopes_to_look_at(services: Services) -> None:
    caller = Caller("user", DID, Scope.ACCESS)
    call = make_call(services, caller, input={"collection": "a.b.c"})

    check_scopes(call, f"{REPO}.createRecord")
    check_scopes(call, "com.atproto.server.deactivateAccount")
    check_blob(call, "image/png")
    check_proxied_scopes(services, caller, "a.b.c", "nonsense")


@pytest.mark.parametrize(
    ("name", "error", "wire_name"),
    [
        ("activateAccount", ForbiddenError, "Forbidden"),
        ("requestAccountDelete", ForbiddenError, "Forbidden"),
        ("deactivateAccount", MissingScopeError, "ScopeMissingError"),
    ],
)
def test_what_no_app_may_do(
    services: Services, name: str, error: type[ForbiddenError], wire_name: str
) -> None:
    call = call_of(services, "transition:generic account:status?action=manage identity:*")

    with pytest.raises(error) as caught:
        check_scopes(call, f"com.atproto.server.{name}")

    found = caught.value
    assert (found.status, found.error, found.message) == (403, wire_name, NOT_SUPPORTED)


def test_empty_batch_takes_any_right_to_write(services: Services) -> None:
    """It makes a commit all the same."""
    fields: dict[str, Any] = {"input": {"writes": []}}

    assert missing(services, f"{REPO}.applyWrites", "blob:*/*", **fields) == "repo:*"
    assert missing(services, f"{REPO}.applyWrites", "repo:a.b.c?action=delete", **fields) is None
    assert missing(services, f"{REPO}.applyWrites", "transition:generic", **fields) is None


def test_upload_without_a_type_is_refused_as_such(services: Services) -> None:
    with pytest.raises(InvalidRequestError, match="Content-Type"):
        check_scopes(
            call_of(services, "blob:*/*", content_type="image/*"), "com.atproto.repo.uploadBlob"
        )


def test_malformed_proxy_header_is_refused_as_such(services: Services) -> None:
    with pytest.raises(InvalidRequestError, match="no service id"):
        check_scopes(
            call_of(services, "", headers={"atproto-proxy": "did:web:a.test"}),
            "app.bsky.feed.getTimeline",
        )
    with pytest.raises(InvalidRequestError, match="no service id"):
        check_proxied_scopes(services, app(""), "a.b.c", "did:web:a.test")


@pytest.mark.parametrize(
    ("nsid", "scope"),
    [
        ("com.example.getStuff", "rpc:com.example.getStuff?aud=did:web:other.test%23svc"),
        ("COM.Example.getStuff", "rpc:com.example.getStuff?aud=did:web:other.test%23svc"),
        # Here it would take no more than a session.
        ("com.atproto.sync.getX", "rpc:com.atproto.sync.getX?aud=did:web:other.test%23svc"),
    ],
)
def test_calls_of_other_services_need_their_method_there(
    services: Services, nsid: str, scope: str
) -> None:
    header = "did:web:other.test#svc"

    with pytest.raises(MissingScopeError) as caught:
        check_proxied_scopes(services, app(""), nsid, header)
    assert caught.value.message == f'Missing required scope "{scope}"'
    check_proxied_scopes(services, app(scope), nsid, header)


def test_chat_is_chat_however_it_is_written(services: Services) -> None:
    with pytest.raises(MissingScopeError):
        check_proxied_scopes(services, app("transition:generic"), "Chat.bsky.convo.getLog", None)
    wanted = {"params": {"aud": APP_VIEW, "lxm": "CHAT.bsky.convo.getLog"}}
    assert missing(services, "com.atproto.server.getServiceAuth", "transition:generic", **wanted)


class TestWithoutAnAppView:
    """This server stands in for it where it can."""

    @pytest.fixture
    def config(self, tmp_path: Path) -> Config:
        return make_config(tmp_path)

    def test_a_scope_for_another_one_does_not_do(self, services: Services) -> None:
        nsid = "app.bsky.actor.getPreferences"

        assert missing(services, nsid, f"rpc:{nsid}?aud=did:web:api.bsky.app%23bsky_appview")
        assert missing(services, nsid, f"rpc:{nsid}?aud=*") is None
        assert missing(services, nsid, "transition:generic") is None


def test_what_is_left_to_the_rule_for_other_services_asks_other_services() -> None:
    """A method that is answered here needs a row of its own, or the rule would decide on it."""
    of_users = {
        nsid: method
        for nsid, method in load_methods().items()
        if method.handler.__module__.startswith("pds.")
        and method.auth.kind in ("access", "optional", "user_or_moderator", "upload")
    }
    left = {nsid for nsid in of_users if isinstance(requirement_of(nsid), AsksService)}

    assert {nsid for nsid in left if not of_users[nsid].asks_others} == set()
