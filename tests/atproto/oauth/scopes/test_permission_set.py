"""Permission sets: what a document grants, and that one mistake costs one permission."""

from __future__ import annotations

from typing import Any

import pytest

from pds.atproto.lexicon.catalog import Catalog
from pds.atproto.oauth.scopes.granted import ScopeSet
from pds.atproto.oauth.scopes.needs import RepoNeed, RpcNeed
from pds.atproto.oauth.scopes.permission_set import (
    MAX_NAMES,
    InvalidPermissionSetError,
    OversizedSetsError,
    PermissionSet,
    UnknownPermissionSetError,
    expand,
    read_permission_set,
)
from pds.atproto.syntax.nsid import Nsid
from tests.vectors import INTEROP, load_json

NSID = Nsid("com.example.calendar.auth")
EVENT, OTHER = "com.example.calendar.event", "com.example.calendar.sub.thing"
SERVICE = "did:web:example.com#svc"


def document(*permissions: dict[str, Any], **fields: Any) -> dict[str, Any]:
    entries = [{"type": "permission", **permission} for permission in permissions]
    main = {"type": "permission-set", "permissions": entries, **fields}
    return {"lexicon": 1, "id": str(NSID), "defs": {"main": main}}


def granted(permission: dict[str, Any], audience: str | None = SERVICE) -> str:
    """What a set with this permission grants, beside one that is in order."""
    fine = {"resource": "repo", "collection": ["com.example.calendar.zone"]}
    found = read_permission_set(document(permission, fine), NSID)
    scopes = [str(scope) for scope in found.scopes(audience)]
    assert scopes.pop() == "repo:com.example.calendar.zone"
    return " ".join(scopes)


def repo(*collections: Any, **fields: Any) -> dict[str, Any]:
    return {"resource": "repo", "collection": list(collections), **fields}


def rpc(*methods: Any, **fields: Any) -> dict[str, Any]:
    return {"resource": "rpc", "lxm": list(methods), **fields}


@pytest.mark.parametrize(
    ("permission", "scope"),
    [
        (repo(EVENT), f"repo:{EVENT}"),
        (repo(OTHER, EVENT, EVENT), f"repo?collection={EVENT}&collection={OTHER}"),
        (repo(EVENT, action=["delete", "create"]), f"repo:{EVENT}?action=create&action=delete"),
        (rpc(EVENT, aud="*"), f"rpc:{EVENT}?aud=*"),
        (rpc(EVENT, inheritAud=True), f"rpc:{EVENT}?aud=did:web:example.com%23svc"),
    ],
)
def test_a_permission_becomes_a_scope(permission: dict[str, Any], scope: str) -> None:
    assert granted(permission) == scope


def test_methods_without_a_service_are_granted_to_none() -> None:
    assert granted(rpc(EVENT, inheritAud=True), audience=None) == ""
    assert granted(rpc(EVENT, aud="*"), audience=None) == f"rpc:{EVENT}?aud=*"


@pytest.mark.parametrize(
    "permission",
    [
        # other resources
        {"resource": "blob", "accept": ["image/*"]},
        {"resource": "account", "attr": "email"},
        {"resource": "identity", "attr": "*"},
        {"resource": "include", "nsid": EVENT},
        {"resource": "unheard-of"},
        {"resource": "permission"},
        # beyond the set's group
        repo("*"),
        repo("com.example.other"),
        repo("com.example.calendar"),
        repo("com.examplecalendar.x"),
        repo("com.example.calendarx.y"),
        repo("app.bsky.feed.post"),
        repo(EVENT, "app.bsky.feed.post"),
        rpc("*", inheritAud=True),
        rpc("*", aud="*"),
        rpc(EVENT, "com.example.other", aud="*"),
        # malformed
        {"resource": "repo"},
        {"resource": "repo", "collection": EVENT},
        repo(),
        repo(1),
        repo(None),
        repo("com.example.calendar.*"),
        repo("com.example.calendar."),
        repo(EVENT, action="create"),
        repo(EVENT, action=[]),
        repo(EVENT, action=["read"]),
        repo(EVENT, action=["create", ["delete"]]),
        repo(EVENT, description="Events"),
        repo(EVENT, aud="*"),
        {"resource": "rpc", "lxm": EVENT, "aud": "*"},
        rpc(EVENT),
        rpc(EVENT, aud=["*"]),
        rpc(EVENT, aud=SERVICE),
        rpc(EVENT, aud="*", inheritAud=True),
        rpc(EVENT, aud="*", inheritAud=False),
        rpc(EVENT, inheritAud=False),
        rpc(EVENT, inheritAud="true"),
        rpc(EVENT, inheritAud=1),
        rpc(EVENT, inheritAud=[True]),
        rpc(EVENT, inheritAud=True, extra=1),
        rpc(inheritAud=True),
    ],
)
def test_a_permission_that_goes_too_far_or_makes_no_sense_is_left_out(
    permission: dict[str, Any],
) -> None:
    assert granted(permission) == ""


@pytest.mark.parametrize(
    ("broken", "where"),
    [
        (None, "document"),
        ({"lexicon": 2, "id": str(NSID), "defs": {}}, "lexicon"),
        (document() | {"id": "com.example.calendar.other"}, "id"),
        (document() | {"defs": {"other": {"type": "string"}}}, "defs/main"),
        (document() | {"defs": {"main": {"type": "string"}}}, "defs/main"),
        (document(permissions="all"), "permissions"),
        (document(permissions=[{"type": "other", "resource": "repo"}]), "permissions"),
        (document(permissions=[{"type": "permission", "resource": ["repo"]}]), "permissions"),
        (document(*[repo(EVENT)] * (MAX_NAMES + 1)), "permissions"),
    ],
)
def test_what_is_no_permission_set_is_refused(broken: Any, where: str) -> None:
    with pytest.raises(InvalidPermissionSetError, match=where):
        read_permission_set(broken, NSID)


def test_titles_are_read_in_the_languages_there_are() -> None:
    found = read_permission_set(
        document(
            title="Calendar",
            **{
                "title:lang": {"fr": "Agenda", "x y": "no language"},
                "detail": 5,
                "detail:lang": [],
            },
        ),
        NSID,
    )

    assert found.title.best(["fr-CA"]) == "Agenda"
    assert found.title.best(["de"]) == "Calendar"
    assert found.detail.best(["fr"]) is None


def calendar(*permissions: dict[str, Any]) -> dict[str, PermissionSet]:
    return {str(NSID): read_permission_set(document(*permissions), NSID)}


def test_included_sets_are_replaced_by_what_they_grant() -> None:
    requested = ScopeSet.parse(
        f"include:{NSID}?aud=did:web:example.com%23svc atproto repo:com.example.calendar.event"
    )
    expanded = expand(requested, calendar(repo(EVENT), rpc(OTHER, inheritAud=True)))

    assert str(expanded) == (f"atproto repo:{EVENT} rpc:{OTHER}?aud=did:web:example.com%23svc")


def test_a_set_may_be_included_for_several_services() -> None:
    requested = ScopeSet.parse(
        f"include:{NSID}?aud={SERVICE} include:{NSID} include:{NSID}?aud={SERVICE}2"
    )
    expanded = expand(requested, calendar(rpc(OTHER, inheritAud=True)))

    assert expanded.permits(RpcNeed(OTHER, SERVICE))
    assert expanded.permits(RpcNeed(OTHER, SERVICE + "2"))
    assert not expanded.permits(RpcNeed(OTHER, SERVICE + "3"))
    assert len(expanded.scopes) == 2


def test_all_sets_together_have_a_largest_size() -> None:
    names = [f"com.example.calendar.e{n:04}{'x' * 20}" for n in range(MAX_NAMES)]
    sets = calendar(rpc(*names, inheritAud=True))
    once = f"include:{NSID}?aud=did:web:example.com%23a"
    twice = f"{once} include:{NSID}?aud=did:web:example.com%23b"

    assert len(expand(ScopeSet.parse(once), sets).scopes) == 1
    with pytest.raises(OversizedSetsError):
        expand(ScopeSet.parse(twice), sets)


def test_a_set_that_is_not_at_hand_is_an_error() -> None:
    with pytest.raises(UnknownPermissionSetError) as caught:
        expand(ScopeSet.parse("atproto include:com.example.other.auth"), calendar())
    assert caught.value.nsid == "com.example.other.auth"


# --- documents in the world ---------------------------------------------------------------------


def test_bluesky_s_own_set_is_understood() -> None:
    nsid = Nsid("app.bsky.authCreatePosts")
    found = read_permission_set(Catalog.installed().find(nsid), nsid)
    app_view = "did:web:api.bsky.app#bsky_appview"
    scopes = ScopeSet.of(found.scopes(app_view))

    assert found.title.best([]) == "Create Bluesky Posts"
    assert scopes.permits(RepoNeed("app.bsky.feed.post", "create"))
    assert not scopes.permits(RepoNeed("app.bsky.feed.post", "delete"))
    assert scopes.permits(RpcNeed("app.bsky.video.uploadVideo", app_view))
    assert not scopes.permits(RpcNeed("app.bsky.video.uploadVideo", "did:web:other.com#x"))


def test_of_the_interop_catalog_s_set_nothing_is_in_its_own_group() -> None:
    raw = load_json(INTEROP / "lexicon/catalog/permission-set.json")
    nsid = Nsid("example.lexicon.permissionset")
    found = read_permission_set(raw, nsid)

    assert found.title.best(["fr"]) == "Example for Modération"
    assert found.detail.best(["fr"]) == "Créer des rapports de modération"
    assert found.scopes(SERVICE) == ()


def test_of_the_interop_vector_the_methods_are_in_its_group() -> None:
    raw = load_json(INTEROP / "lexicon/lexicon-valid.json")[-1]["lexicon"]
    found = read_permission_set(raw, Nsid(raw["id"]))

    assert [str(scope) for scope in found.scopes(SERVICE)] == [
        "rpc:example.lexicon.endpoint?aud=*",
        "rpc:example.lexicon.endpointTwo?aud=did:web:example.com%23svc",
    ]
