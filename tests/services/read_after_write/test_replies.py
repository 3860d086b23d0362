"""Replies are completed where they can be, and otherwise passed on byte for byte."""

from __future__ import annotations

import gzip
import json
import logging
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pds.services.read_after_write import local_views
from pds.storage.database import execute, transaction
from tests.app_view import (
    PROFILE_OF,
    THREAD,
    TIMELINE,
    LaggingAppView,
    item,
    lagging_app_view,
    write_post,
    write_profile,
)
from tests.factories import StillClock
from tests.proxy_stage import open_proxy_stage

METHODS = {
    "app.bsky.actor.getProfile": "?actor=a.test",
    "app.bsky.actor.getProfiles": "?actors=a.test",
    "app.bsky.feed.getTimeline": "",
    "app.bsky.feed.getAuthorFeed": "?actor=a.test",
    "app.bsky.feed.getActorLikes": "?actor=a.test",
    "app.bsky.feed.getPostThread": "?uri=at://a.test/app.bsky.feed.post/3jzfcijpj2z2a",
}
FEED = {"feed": [item("old", 0)]}


def deflated(body: bytes) -> bytes:
    return zlib.compress(body)


def texts(body: bytes) -> list[str]:
    return [entry["post"]["record"]["text"] for entry in json.loads(body)["feed"]]


# --- headers and encodings ----------------------------------------------------------------------


def test_a_completed_reply_keeps_the_headers_of_a_plain_one(app_view: LaggingAppView) -> None:
    sent: dict[str, Any] = {
        "atproto_content_labelers": "did:web:labels.test",
        "content_language": "de",
        "retry_after": "3",
        "set_cookie": "a=b",
        "ratelimit_limit": "9",
    }
    app_view.says(TIMELINE, FEED, **sent)
    plain = app_view.proxy.ask(TIMELINE).headers
    write_post(app_view.proxy, "mine")

    completed = app_view.proxy.ask(TIMELINE).headers

    kept = ("atproto-repo-rev", "atproto-content-labelers", "content-language", "retry-after")
    for name in kept:
        assert completed[name] == plain[name] is not None
    assert completed["Content-Type"].startswith("application/json")
    assert completed["Cache-Control"] == plain["Cache-Control"] == "private"
    assert "Set-Cookie" not in completed
    assert "ratelimit-limit" not in completed


@pytest.mark.parametrize(("encoding", "encode"), [("gzip", gzip.compress), ("deflate", deflated)])
def test_an_encoded_reply_is_completed(
    app_view: LaggingAppView, encoding: str, encode: Callable[[bytes], bytes]
) -> None:
    write_post(app_view.proxy, "mine")
    app_view.says(TIMELINE, encode(json.dumps(FEED).encode()), content_encoding=encoding)

    answer = app_view.proxy.ask(TIMELINE, Accept_Encoding=encoding)

    assert "Content-Encoding" not in answer.headers
    assert texts(answer.body) == ["mine", "old"]


def test_a_large_completed_reply_is_compressed_for_who_takes_it(app_view: LaggingAppView) -> None:
    write_post(app_view.proxy, "mine")
    app_view.says(TIMELINE, {"feed": [item(f"p{number}", 0) for number in range(50)]})

    answer = app_view.proxy.ask(TIMELINE, Accept_Encoding="gzip")

    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(texts(gzip.decompress(answer.body))) == 51
    assert answer.headers["atproto-repo-rev"] == app_view.rev


@pytest.mark.parametrize(
    ("accepted", "asked"),
    [
        ("br, gzip", "identity, gzip;q=0.3"),
        ("br", "identity"),
        ("identity;q=0, gzip", "gzip;q=0.3"),
        ("*", "identity, gzip;q=0.3, deflate;q=0.2"),
    ],
)
def test_only_what_can_be_decoded_here_is_asked_for(
    app_view: LaggingAppView, accepted: str, asked: str
) -> None:
    app_view.says(TIMELINE, FEED)
    app_view.is_asked(TIMELINE, Accept_Encoding=accepted)

    assert app_view.proxy.app_view.asked[-1].headers["accept-encoding"] == asked


def test_what_cannot_be_met_or_read_is_refused(app_view: LaggingAppView) -> None:
    ask = app_view.proxy.ask

    assert ask(TIMELINE, Accept_Encoding="br, identity;q=0").error[:2] == (406, "NotAcceptable")
    assert ask(TIMELINE, Accept_Encoding="gzip;q=x").error[:2] == (400, "InvalidRequest")
    assert app_view.proxy.app_view.asked == []


# --- what is passed on as it came ---------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'"text"',
        b"[]",
        b'{"feed": 7}',
        b'{"feed": [{"post": {}}]}',
        b'{"feed": [], "feed": [], "x": NaN}',
        b"[" * 100_000,
        b'{"feed": [], "x": "\xff"}',
        json.dumps({"feed": [{"post": {**item("a", 0)["post"], "indexedAt": "now"}}]}).encode(),
    ],
)
def test_a_body_that_does_not_fit_is_untouched(app_view: LaggingAppView, body: bytes) -> None:
    write_post(app_view.proxy, "mine")
    app_view.says(TIMELINE, body)

    answer = app_view.proxy.ask(TIMELINE)

    assert (answer.status, answer.body) == (200, body)
    assert "Atproto-Upstream-Lag" not in answer.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"content_type": "text/html"},
        {"atproto_repo_rev": ""},
        {"atproto_repo_rev": "0"},
        {"atproto_repo_rev": "2222222222222"},  # before all that is here: it has just moved in
        {"content_encoding": "zstd"},
        {"content_encoding": "gzip"},  # it is not
    ],
)
def test_a_reply_that_cannot_be_compared_or_read_is_untouched(
    app_view: LaggingAppView, headers: dict[str, Any]
) -> None:
    write_post(app_view.proxy, "mine")
    body = app_view.says(TIMELINE, FEED, **headers)

    assert app_view.proxy.ask(TIMELINE).body == body


def test_a_repo_that_is_newer_as_a_whole_changes_nothing(app_view: LaggingAppView) -> None:
    body = app_view.says(TIMELINE, FEED)
    write_post(app_view.proxy, "mine")
    with transaction():
        execute("UPDATE record SET rev = (SELECT rev FROM repo_root)")

    assert app_view.proxy.ask(TIMELINE).body == body


def test_a_reply_that_is_too_large_is_untouched(
    tmp_path: Path, clock: StillClock, open_database: Path
) -> None:
    del open_database
    with lagging_app_view(tmp_path, clock, proxy_max_response_size="100000") as app_view:
        write_post(app_view.proxy, "mine")
        small = app_view.says(TIMELINE, b" " * 90_000 + json.dumps(FEED).encode())
        assert app_view.proxy.ask(TIMELINE).body != small

        for encoding, encode in (("identity", bytes), ("gzip", gzip.compress)):
            body = encode(b" " * 200_000 + json.dumps(FEED).encode())
            app_view.says(TIMELINE, body, content_encoding=encoding)
            answer = app_view.proxy.ask(TIMELINE, Accept_Encoding="gzip")
            assert answer.body == body
            assert answer.headers["Content-Encoding"] == encoding


def test_a_failure_here_costs_no_more_than_a_line_in_the_log(
    app_view: LaggingAppView, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> dict[str, Any]:
        raise RuntimeError("broken")

    monkeypatch.setattr(local_views.LocalViews, "post", fail)
    write_post(app_view.proxy, "mine")
    body = app_view.says(TIMELINE, FEED)

    with caplog.at_level(logging.INFO, "pds.read_after_write"):
        answer = app_view.proxy.ask(TIMELINE)

    assert (answer.status, answer.body) == (200, body)
    assert len(caplog.records) == 1


def test_head_gets_the_headers_of_the_upstream(app_view: LaggingAppView) -> None:
    write_post(app_view.proxy, "mine")
    body = app_view.says(TIMELINE, FEED)

    answer = app_view.proxy.ask(TIMELINE, verb="HEAD")

    assert answer.status == 200
    assert answer.body == b""
    assert answer.headers["Content-Length"] == str(len(body))


def test_what_is_not_changed_stays_as_it_is(app_view: LaggingAppView) -> None:
    odd = item("old", 0, feedContext="é\u2028", somethingNew={"n": [1, None, True]})
    odd["post"]["record"]["$blob"] = {"later": {"$type": "a.b.c"}}
    app_view.says(TIMELINE, {"feed": [odd], "extra": {"unknown": []}})
    write_post(app_view.proxy, "mine")

    reply = app_view.is_asked(TIMELINE)

    assert reply["feed"][1] == odd
    assert reply["extra"] == {"unknown": []}


# --- what is here -------------------------------------------------------------------------------


def test_records_that_fit_no_lexicon_are_left_out(app_view: LaggingAppView) -> None:
    app_view.says(TIMELINE, FEED)
    write_post(app_view.proxy, "mine")
    write_post(app_view.proxy, "odd")
    with transaction():
        execute("UPDATE record SET content = x'a0' WHERE rkey = (SELECT max(rkey) FROM record)")

    assert texts(app_view.proxy.ask(TIMELINE).body) == ["mine", "old"]


def test_what_is_taken_down_or_deleted_is_not_shown(app_view: LaggingAppView) -> None:
    body = app_view.says(TIMELINE, FEED)
    write_post(app_view.proxy, "bad")
    with transaction():
        execute("UPDATE record SET takedown_ref = 'x' WHERE rkey = (SELECT max(rkey) FROM record)")
    assert app_view.proxy.ask(TIMELINE).body == body

    with transaction():
        execute("DELETE FROM record WHERE rkey = (SELECT max(rkey) FROM record)")
    assert app_view.proxy.ask(TIMELINE).body == body


def test_the_author_is_who_they_are_now(app_view: LaggingAppView) -> None:
    app_view.says(TIMELINE, FEED)
    write_profile(app_view.proxy, displayName="Alice", description="not in a feed")
    write_post(app_view.proxy, "mine")

    [mine, _] = app_view.is_asked(TIMELINE)["feed"]

    did = app_view.proxy.alice.did
    assert mine["post"]["author"] == {
        "did": did,
        "handle": "alice.test",
        "displayName": "Alice",
    }


# --- errors, and nobody to ask ------------------------------------------------------------------


@pytest.mark.parametrize(("nsid", "query"), METHODS.items())
def test_errors_are_passed_on(app_view: LaggingAppView, nsid: str, query: str) -> None:
    write_post(app_view.proxy, "mine")
    app_view.says(nsid, {"error": "Slow", "message": "Later"}, 429, retry_after="30")

    answer = app_view.proxy.ask(nsid, query)

    assert answer.error == (429, "Slow", "Later")
    assert answer.headers["Retry-After"] == "30"


@pytest.mark.parametrize(("nsid", "query"), METHODS.items())
def test_without_an_app_view_nobody_answers(
    tmp_path: Path, clock: StillClock, open_database: Path, nsid: str, query: str
) -> None:
    del open_database
    with open_proxy_stage(tmp_path, clock, configured=False) as proxy:
        message = f"No service configured for {nsid}"
        assert proxy.ask(nsid, query).error == (400, "InvalidRequest", message)
        assert proxy.ask(nsid, query, Authorization="Basic x").status == 400


@pytest.mark.parametrize(("nsid", "query"), METHODS.items())
def test_a_named_app_view_is_asked_and_completed(
    app_view: LaggingAppView, nsid: str, query: str
) -> None:
    proxy = app_view.proxy
    proxy.stranger.services["bsky_appview"] = ""
    write_post(proxy, "mine")

    proxy.echo(nsid, query, to=f"{proxy.stranger.did}#bsky_appview")

    [claims] = proxy.stranger.claims
    assert (claims.aud, claims.lxm) == (proxy.stranger.did, nsid)


def test_a_reply_that_breaks_off_is_a_failure(app_view: LaggingAppView) -> None:
    write_profile(app_view.proxy, displayName="Alice")

    def break_off(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("content-length", "1000")
        handler.send_header("atproto-repo-rev", app_view.rev)
        handler.end_headers()
        handler.wfile.write(b'{"did":')
        handler.close_connection = True

    app_view.proxy.app_view.routes[f"/xrpc/{PROFILE_OF}"] = break_off

    assert app_view.proxy.ask(PROFILE_OF, "?actor=a.test").error[:2] == (502, "UpstreamFailure")


def test_deep_threads_are_read(app_view: LaggingAppView) -> None:
    nsid = "app.bsky.feed.getPostThread"
    thread = {"$type": THREAD, "post": item("top", 0)["post"]}
    for number in range(80):
        view = item(f"p{number}", 0)["post"]
        thread = {"$type": THREAD, "post": view, "parent": thread}
    app_view.says(nsid, {"thread": thread})
    root = {"uri": thread["post"]["uri"], "cid": thread["post"]["cid"]}
    write_post(app_view.proxy, "mine", reply={"root": root, "parent": root})

    got = app_view.is_asked(nsid, f"?uri={root['uri']}")

    assert got["thread"]["replies"][0]["post"]["record"]["text"] == "mine"
