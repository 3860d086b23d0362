"""app.bsky.feed.getFeed: the token is for the service behind the feed."""

from __future__ import annotations

from typing import Any

import pytest

from pds.atproto.service_auth import decode_service_token
from tests.app_view import STRANGER, LaggingAppView
from tests.repo_methods import OTHER_CID

NSID = "app.bsky.feed.getFeed"
GET_RECORD = "com.atproto.repo.getRecord"
FEED = f"at://{STRANGER}/app.bsky.feed.generator/cats"
SERVICE = "did:web:feeds.test"
UNKNOWN = (400, "UnknownFeed", "could not find feed")


def knows(app_view: LaggingAppView, **value: Any) -> None:
    record = {"$type": "app.bsky.feed.generator", "displayName": "Cats", **value}
    app_view.says(GET_RECORD, {"uri": FEED, "cid": OTHER_CID, "value": record})


def lets_in(app_view: LaggingAppView) -> list[Any]:
    """What the app view gets of getFeed; it does not look at tokens for others."""
    got: list[Any] = []

    def answer(asked: Any) -> Any:
        if not asked.path.startswith(f"/xrpc/{NSID}?"):
            return usual(asked)
        got.append(asked)
        return 200, {"content-type": "application/json"}, b'{"feed":[]}'

    server = app_view.proxy.app_view.server
    usual = server.otherwise
    server.otherwise = answer
    return got


def test_the_app_view_gets_a_token_for_the_feeds_service(app_view: LaggingAppView) -> None:
    knows(app_view, did=SERVICE)
    got = lets_in(app_view)

    answer = app_view.proxy.ask(NSID, f"?feed={FEED}&limit=5", Accept_Language="de")

    assert (answer.status, answer.body) == (200, b'{"feed":[]}')
    [asked] = got
    assert asked.path == f"/xrpc/{NSID}?feed={FEED}&limit=5"
    assert asked.headers["accept-language"] == "de"
    token = asked.headers["authorization"].removeprefix("Bearer ")
    claims, _, _ = decode_service_token(token, now=app_view.proxy.services.clock() // 1_000_000)
    assert (claims.iss, claims.aud) == (app_view.proxy.alice.did, SERVICE)
    assert claims.lxm == "app.bsky.feed.getFeedSkeleton"
    [looked_up] = app_view.proxy.app_view.claims
    assert looked_up.lxm == GET_RECORD


@pytest.mark.parametrize("value", [{}, {"did": None}, {"did": "feeds.test"}, {"did": ["a"]}])
def test_a_feed_without_a_service_is_unknown(app_view: LaggingAppView, value: Any) -> None:
    knows(app_view, **value)

    assert app_view.proxy.ask(NSID, f"?feed={FEED}").error == UNKNOWN
    assert len(app_view.proxy.app_view.asked) == 1


@pytest.mark.parametrize("name", ["RecordNotFound", "InvalidRequest"])
def test_a_feed_that_the_app_view_does_not_know_is_unknown(
    app_view: LaggingAppView, name: str
) -> None:
    app_view.says(GET_RECORD, {"error": name, "message": "Could not locate record"}, 400)

    assert app_view.proxy.ask(NSID, f"?feed={FEED}").error == UNKNOWN


@pytest.mark.parametrize(
    "uri", [f"at://{STRANGER}", FEED.rpartition("/")[0], f"at://{STRANGER}/app.bsky.feed.post/a"]
)
def test_what_is_no_feed_is_unknown(app_view: LaggingAppView, uri: str) -> None:
    assert app_view.proxy.ask(NSID, f"?feed={uri}").error == UNKNOWN
    assert app_view.proxy.app_view.asked == []


@pytest.mark.parametrize("body", [b"", b"[]", b'{"uri":1}', b"<html>"])
def test_an_answer_that_makes_no_sense_is_a_failure(app_view: LaggingAppView, body: bytes) -> None:
    app_view.says(GET_RECORD, body)

    assert app_view.proxy.ask(NSID, f"?feed={FEED}").error[:2] == (502, "UpstreamFailure")


def test_other_errors_are_passed_on(app_view: LaggingAppView) -> None:
    app_view.says(GET_RECORD, {"error": "Slow", "message": "Later"}, 429, retry_after="9")

    answer = app_view.proxy.ask(NSID, f"?feed={FEED}")

    assert answer.error == (429, "Slow", "Later")
    assert answer.headers["Retry-After"] == "9"
