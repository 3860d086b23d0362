"""What each method takes: a table, and the needs that come of a request."""

from __future__ import annotations

import pytest

from pds.atproto.oauth.scopes.granted import ScopeSet
from pds.atproto.oauth.scopes.methods import (
    SEES_EMAIL,
    AnySession,
    AsksService,
    Fixed,
    NoSession,
    Requirement,
    SignsToken,
    UploadsBlob,
    WritesBatch,
    WritesRecord,
    need_of_token,
    needs_of_batch,
    needs_of_call,
    needs_of_write,
    requirement_of,
)
from pds.atproto.oauth.scopes.missing import missing_scope
from pds.atproto.oauth.scopes.needs import RepoNeed, RpcNeed
from pds.xrpc.loading import load_methods
from pds.xrpc.method import Auths

APP_VIEW = "did:web:api.bsky.app#bsky_appview"

# What a fixed requirement is, by the scope that a refusal names.
FIXED = {
    "com.atproto.repo.importRepo": "account:repo?action=manage",
    "com.atproto.server.requestEmailConfirmation": "account:email?action=manage",
    "com.atproto.server.confirmEmail": "account:email?action=manage",
    "com.atproto.identity.updateHandle": "identity:handle",
    "com.atproto.identity.requestPlcOperationSignature": "identity:*",
    "com.atproto.identity.signPlcOperation": "identity:*",
    "com.atproto.identity.submitPlcOperation": "identity:*",
}
NEVER = [
    "activateAccount", "deactivateAccount", "createAppPassword", "listAppPasswords",
    "revokeAppPassword", "getAccountInviteCodes", "requestAccountDelete", "requestEmailUpdate",
    "updateEmail", "deleteSession", "refreshSession",
]  # fmt: skip
ANY_SESSION = [
    "com.atproto.repo.listMissingBlobs",
    "com.atproto.server.checkAccountStatus",
    "com.atproto.server.getSession",
    "com.atproto.identity.getRecommendedDidCredentials",
    "com.atproto.sync.getRepo",
    "com.atproto.sync.getBlob",
]
# Nobody signs in for these, or somebody who is not a member.
NOT_FOR_MEMBERS = {Auths.NONE, Auths.ADMIN, Auths.MODERATOR, Auths.SERVICE_OR_ADMIN}


@pytest.mark.parametrize(("nsid", "scope"), FIXED.items())
def test_methods_with_one_need(nsid: str, scope: str) -> None:
    requirement = requirement_of(nsid)

    assert isinstance(requirement, Fixed)
    assert missing_scope(requirement.need) == scope


@pytest.mark.parametrize("name", NEVER)
def test_methods_that_no_app_may_call(name: str) -> None:
    assert requirement_of(f"com.atproto.server.{name}") == NoSession()


@pytest.mark.parametrize("nsid", ANY_SESSION)
def test_methods_for_everybody_signed_in(nsid: str) -> None:
    assert requirement_of(nsid) == AnySession()


@pytest.mark.parametrize(
    ("nsid", "requirement"),
    [
        ("com.atproto.temp.checkSignupQueue", NoSession()),
        ("com.atproto.repo.createRecord", WritesRecord(("create",))),
        ("com.atproto.repo.putRecord", WritesRecord(("create", "update"))),
        ("com.atproto.repo.deleteRecord", WritesRecord(("delete",))),
        ("com.atproto.repo.applyWrites", WritesBatch()),
        ("com.atproto.repo.uploadBlob", UploadsBlob()),
        ("com.atproto.server.getServiceAuth", SignsToken()),
        ("app.bsky.actor.getPreferences", AsksService(("app.bsky.actor.getPreferences",))),
        (
            "com.atproto.moderation.createReport",
            AsksService(("com.atproto.moderation.createReport",)),
        ),
        ("com.example.anything", AsksService(("com.example.anything",))),
        # close to a name of the table, and yet somebody else's method
        ("com.atproto.server.getsession", AsksService(("com.atproto.server.getsession",))),
        ("com.atproto.syncing.get", AsksService(("com.atproto.syncing.get",))),
    ],
)
def test_other_requirements(nsid: str, requirement: Requirement) -> None:
    assert requirement_of(nsid) == requirement


def test_every_method_of_this_server_for_members_is_decided_upon() -> None:
    """Only what is answered with another service's help may be left to the rule for all others."""
    undecided = {
        nsid
        for nsid, method in load_methods().items()
        if method.handler.__module__.startswith("pds.")
        and method.auth not in NOT_FOR_MEMBERS
        and nsid.startswith("com.atproto.")
        and requirement_of(nsid) == AsksService((nsid,))
    }

    assert undecided == {
        "com.atproto.moderation.createReport",
        "com.atproto.server.createAccount",  # by a service token, which is no session
    }


def test_a_put_takes_both_actions() -> None:
    requirement = requirement_of("com.atproto.repo.putRecord")
    assert isinstance(requirement, WritesRecord)
    needs = needs_of_write(requirement, "a.b.c")

    def allowed(scope: str) -> bool:
        return all(ScopeSet.parse(scope).permits(need) for need in needs)

    assert allowed("repo:a.b.c")
    assert allowed("repo:a.b.c?action=create repo:*?action=update")
    assert not allowed("repo:a.b.c?action=create")
    assert not allowed("repo:a.b.c?action=update&action=delete")
    assert not allowed("repo:d.e.f")


def test_a_batch_takes_each_action_on_its_collection_once() -> None:
    needs = needs_of_batch(
        [("create", "a.b.c"), ("delete", "d.e.f"), ("create", "a.b.c"), ("create", "d.e.f")]
    )

    assert needs == (
        RepoNeed("a.b.c", "create"),
        RepoNeed("d.e.f", "delete"),
        RepoNeed("d.e.f", "create"),
    )


def test_a_feed_takes_its_skeleton_too() -> None:
    requirement = requirement_of("app.bsky.feed.getFeed")
    assert isinstance(requirement, AsksService)

    assert needs_of_call(requirement, APP_VIEW) == (
        RpcNeed("app.bsky.feed.getFeed", APP_VIEW),
        RpcNeed("app.bsky.feed.getFeedSkeleton", APP_VIEW),
    )


@pytest.mark.parametrize("name", ["registerPush", "unregisterPush"])
def test_push_is_at_the_notification_service_of_a_did(name: str) -> None:
    nsid = f"app.bsky.notification.{name}"
    requirement = requirement_of(nsid)
    assert isinstance(requirement, AsksService)

    assert needs_of_call(requirement, "did:web:push.example.com") == (
        RpcNeed(nsid, "did:web:push.example.com#bsky_notif"),
    )


@pytest.mark.parametrize(
    ("scope", "audience", "method", "allowed"),
    [
        (f"rpc:a.b.c?aud={APP_VIEW}", APP_VIEW, "a.b.c", True),
        (f"rpc:a.b.c?aud={APP_VIEW}", APP_VIEW, "a.b.d", False),
        (f"rpc:a.b.c?aud={APP_VIEW}", APP_VIEW, None, False),
        (f"rpc:*?aud={APP_VIEW}", APP_VIEW, None, True),
        # a bare DID is no service: only "any" holds it
        (f"rpc:a.b.c?aud={APP_VIEW}", "did:web:api.bsky.app", "a.b.c", False),
        ("rpc:a.b.c?aud=*", "did:web:api.bsky.app", "a.b.c", True),
        ("transition:generic", "did:web:api.bsky.app", "a.b.c", True),
        ("transition:generic", APP_VIEW, None, True),
        ("transition:generic", APP_VIEW, "chat.bsky.convo.getLog", False),
        ("transition:chat.bsky", APP_VIEW, "chat.bsky.convo.getLog", True),
        ("transition:chat.bsky", APP_VIEW, None, False),
    ],
)
def test_service_tokens(scope: str, audience: str, method: str | None, allowed: bool) -> None:
    assert ScopeSet.parse(scope).permits(need_of_token(audience, method)) is allowed


@pytest.mark.parametrize(
    ("scope", "sees"),
    [
        ("atproto", False),
        ("transition:generic", False),
        ("transition:email", True),
        ("account:email", True),
        ("account:email?action=manage", True),
        ("account:repo", False),
    ],
)
def test_who_sees_the_address_in_a_session(scope: str, sees: bool) -> None:
    assert ScopeSet.parse(scope).permits(SEES_EMAIL) is sees
