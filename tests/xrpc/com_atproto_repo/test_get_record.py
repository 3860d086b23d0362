"""getRecord: read one record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pds.atproto.cid import cid_for_cbor
from pds.errors import InvalidRequestError, RecordNotFoundError
from pds.storage.database import execute, transaction
from tests.app_view import STRANGER, LaggingAppView
from tests.factories import Person, take_down
from tests.fakes.upstream import Upstream
from tests.repo_methods import NOTE, OTHER_CID, read, repo_call, write_note

if TYPE_CHECKING:
    from pds.services import Services


def test_record_comes_with_its_name_and_version(services: Services, alice: Person) -> None:
    value = {
        "$type": NOTE,
        "bytes": b"\x00\xff",
        "link": cid_for_cbor(b"\xa0"),
        "list": [None, True, -(2**53) + 1, "é", {}],
    }
    written = repo_call(
        services, alice, "createRecord", collection=NOTE, rkey="a", record=value
    )  # fmt: skip

    for repo in (alice.did, alice.handle, alice.handle.upper()):
        found = read(services, "getRecord", repo=repo, collection=NOTE, rkey="a")
        assert found == {"uri": written["uri"], "cid": written["cid"], "value": value}


def test_only_the_current_version_is_kept(services: Services, alice: Person) -> None:
    old = write_note(services, alice, "a", "old")["cid"]
    new = write_note(services, alice, "a", "new")["cid"]

    found = read(services, "getRecord", repo=alice.did, collection=NOTE, rkey="a", cid=new)
    assert found["value"]["text"] == "new"
    for cid in (old, OTHER_CID):
        with pytest.raises(RecordNotFoundError, match=f"{NOTE}/a"):
            read(services, "getRecord", repo=alice.did, collection=NOTE, rkey="a", cid=cid)


def test_missing_record_is_named(services: Services, alice: Person, bob: Person) -> None:
    write_note(services, bob, "a")

    with pytest.raises(RecordNotFoundError, match=f"at://{alice.did}/{NOTE}/a"):
        read(services, "getRecord", repo=alice.did, collection=NOTE, rkey="a")


def test_record_that_was_taken_down_is_hidden(services: Services, alice: Person) -> None:
    write_note(services, alice, "a")
    with transaction():
        execute("UPDATE record SET takedown_ref = 'bad'")

    with pytest.raises(RecordNotFoundError):
        read(services, "getRecord", repo=alice.did, collection=NOTE, rkey="a")


def test_repo_that_is_not_here_or_not_active_is_not_found(
    services: Services, alice: Person, bob: Person
) -> None:
    for person in (alice, bob):
        write_note(services, person, "a")
    services.accounts.deactivate(alice.did)
    take_down(bob)

    for repo in (alice.did, bob.handle, "nobody.test"):
        with pytest.raises(InvalidRequestError, match=f"Could not find repo: {repo}"):
            read(services, "getRecord", repo=repo, collection=NOTE, rkey="a")


# --- of somebody elsewhere ----------------------------------------------------------------------

NSID = "com.atproto.repo.getRecord"
QUERY = f"?repo={STRANGER}&collection={NOTE}&rkey=a"
FOUND = b'{"uri": "at://x", "value": {}}'


def knows(service: Upstream, query: str = QUERY) -> None:
    """Answers without a token, as getRecord is."""
    headers = {"content-type": "application/json", "etag": "x"}
    service.server.routes[f"/xrpc/{NSID}{query}"] = (200, headers, FOUND)


def test_a_record_of_somebody_elsewhere_is_the_app_views(app_view: LaggingAppView) -> None:
    knows(app_view.proxy.app_view)

    answer = app_view.proxy.stage.web.get(f"/xrpc/{NSID}{QUERY}")

    assert (answer.status, answer.body) == (200, FOUND)
    [asked] = app_view.proxy.app_view.asked
    assert "authorization" not in asked.headers
    assert "Cache-Control" not in answer.headers


def test_who_asks_is_not_told_to_the_app_view(app_view: LaggingAppView) -> None:
    knows(app_view.proxy.app_view)

    assert app_view.proxy.ask(NSID, QUERY, Cookie="a=b").body == FOUND
    assert app_view.proxy.ask(NSID, QUERY, Authorization="nonsense").body == FOUND
    for asked in app_view.proxy.app_view.asked:
        assert {"authorization", "cookie"} & set(asked.headers) == set()


def test_a_configured_service_may_be_named(app_view: LaggingAppView) -> None:
    proxy = app_view.proxy
    knows(proxy.moderation)

    answer = proxy.ask(NSID, QUERY, to=f"{proxy.moderation.did}#atproto_labeler")

    assert answer.body == FOUND


def test_nobody_else_is_asked_for_strangers(app_view: LaggingAppView) -> None:
    proxy = app_view.proxy
    knows(proxy.stranger)

    for to in (f"{proxy.stranger.did}#atproto_labeler", f"{proxy.app_view.did}#other"):
        message = "only services that are configured here are asked without an account"
        assert proxy.ask(NSID, QUERY, to=to).error == (400, "InvalidRequest", message)
    assert proxy.ask(NSID, QUERY, to="nonsense").error[:2] == (400, "InvalidRequest")
    assert [service.server.asked for service in proxy.upstreams] == [[], [], []]


def test_accounts_here_are_answered_for_here(app_view: LaggingAppView) -> None:
    proxy = app_view.proxy
    alice = proxy.alice
    query = f"?repo={alice.did}&collection={NOTE}&rkey=a"
    assert proxy.ask(NSID, query).error[:2] == (400, "RecordNotFound")

    proxy.services.accounts.deactivate(alice.did)
    for to in (None, f"{proxy.app_view.did}#bsky_appview"):
        message = f"Could not find repo: {alice.did}"
        assert proxy.ask(NSID, query, to=to).error == (400, "InvalidRequest", message)
    assert proxy.app_view.asked == []


def test_what_the_app_view_does_not_know_is_told(app_view: LaggingAppView) -> None:
    refusal = b'{"error":"RecordNotFound","message":"gone"}'
    app_view.proxy.app_view.server.routes[f"/xrpc/{NSID}{QUERY}"] = (400, {}, refusal)

    assert app_view.proxy.ask(NSID, QUERY).error == (400, "RecordNotFound", "gone")
