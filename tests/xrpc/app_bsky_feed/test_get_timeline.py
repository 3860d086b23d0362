"""app.bsky.feed.getTimeline: a member who has just posted sees it."""

from __future__ import annotations

from typing import Any

from tests.app_view import TIMELINE, LaggingAppView, item, write_post
from tests.factories import StillClock


def texts(reply: Any) -> list[str]:
    return [entry["post"]["record"]["text"] for entry in reply["feed"]]


def test_a_new_post_is_where_it_will_be(app_view: LaggingAppView, clock: StillClock) -> None:
    app_view.says(TIMELINE, {"feed": [item("young", 120), item("old", 30)], "cursor": "c"})
    written = write_post(app_view.proxy, "mine")
    clock.advance(5)

    answer = app_view.proxy.ask(TIMELINE, "?limit=10")

    assert texts(answer.json) == ["young", "mine", "old"]
    assert answer.json["cursor"] == "c"
    mine = answer.json["feed"][1]["post"]
    assert (mine["uri"], mine["cid"]) == (written["uri"], written["cid"])
    assert mine["author"] == {"did": app_view.proxy.alice.did, "handle": "alice.test"}
    assert mine["likeCount"] == mine["replyCount"] == mine["repostCount"] == mine["quoteCount"] == 0
    app_view.proxy.services.validator.check_output(TIMELINE, answer.json)
    assert answer.headers["Atproto-Upstream-Lag"] == "5000"


def test_posts_are_newest_first(app_view: LaggingAppView, clock: StillClock) -> None:
    app_view.says(TIMELINE, {"feed": [item("old", 0)]})
    for text in ("one", "two", "three"):
        write_post(app_view.proxy, text)
        clock.advance(1)

    assert texts(app_view.is_asked(TIMELINE)) == ["three", "two", "one", "old"]


def test_an_empty_timeline_has_what_is_new(app_view: LaggingAppView) -> None:
    app_view.says(TIMELINE, {"feed": []})
    write_post(app_view.proxy, "mine")

    assert texts(app_view.is_asked(TIMELINE)) == ["mine"]


def test_later_pages_do_not_begin_with_it_again(app_view: LaggingAppView) -> None:
    app_view.says(TIMELINE, {"feed": [item("old", 30), item("older", 0)]})
    write_post(app_view.proxy, "mine")

    assert texts(app_view.is_asked(TIMELINE, "?cursor=c")) == ["old", "older"]

    app_view.says(TIMELINE, {"feed": [item("young", 90), item("old", 30)]})
    assert texts(app_view.is_asked(TIMELINE, "?cursor=c")) == ["young", "mine", "old"]


def test_a_post_older_than_the_page_is_for_the_next(app_view: LaggingAppView) -> None:
    app_view.says(TIMELINE, {"feed": [item("younger", 130), item("young", 120)]})
    write_post(app_view.proxy, "mine")

    assert texts(app_view.is_asked(TIMELINE)) == ["younger", "young"]


def test_a_post_that_is_there_already_is_not_doubled(app_view: LaggingAppView) -> None:
    written = write_post(app_view.proxy, "mine")
    known = item("mine", 60, app_view.proxy.alice.did)
    known["post"]["uri"] = written["uri"]
    body = app_view.says(TIMELINE, {"feed": [known, item("old", 0)]})

    assert app_view.proxy.ask(TIMELINE).body == body


def test_once_the_app_view_has_caught_up_its_reply_is_untouched(app_view: LaggingAppView) -> None:
    write_post(app_view.proxy, "mine")
    app_view.catches_up()
    body = app_view.says(TIMELINE, {"feed": [item("old", 0)]})

    answer = app_view.proxy.ask(TIMELINE)

    assert answer.body == body
    assert "Atproto-Upstream-Lag" not in answer.headers
