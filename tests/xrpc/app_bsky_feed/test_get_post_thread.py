"""app.bsky.feed.getPostThread: the caller's new replies are there, and their new posts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.app_view import STRANGER, THREAD, LaggingAppView, post_view, write_post

NSID = "app.bsky.feed.getPostThread"
NOT_FOUND = {"error": "NotFound", "message": "Post not found"}


def node(view: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"$type": THREAD, "post": view, **more}


def ref(view: dict[str, Any]) -> dict[str, Any]:
    return {"uri": view["uri"], "cid": view["cid"]}


def reply(root: dict[str, Any], parent: dict[str, Any]) -> dict[str, Any]:
    return {"root": ref(root), "parent": ref(parent)}


def texts(thread: Any) -> Any:
    """The post's text and its replies."""
    below = [texts(answer) for answer in thread.get("replies", ())]
    text = thread["post"]["record"]["text"]
    return (text, below) if below else text


def test_a_new_reply_is_first_below_what_it_answers(app_view: LaggingAppView) -> None:
    root, answer = post_view("root", 0), post_view("answer", 1)
    app_view.says(NSID, {"thread": node(root, replies=[node(answer)])})
    mine = write_post(app_view.proxy, "mine", reply=reply(root, root))
    write_post(app_view.proxy, "deep", reply=reply(root, answer))
    write_post(app_view.proxy, "mine too", reply=reply(root, mine))
    write_post(app_view.proxy, "elsewhere")

    got = app_view.is_asked(NSID, f"?uri={root['uri']}")

    assert texts(got["thread"]) == (
        "root",
        [("mine", ["mine too"]), ("answer", ["deep"])],
    )
    app_view.proxy.services.validator.check_output(NSID, got)


def test_it_is_also_below_a_reply_that_is_looked_at_alone(app_view: LaggingAppView) -> None:
    root, answer = post_view("root", 0), post_view("answer", 1)
    answer["record"]["reply"] = reply(root, root)
    app_view.says(NSID, {"thread": node(answer)})
    write_post(app_view.proxy, "mine", reply=reply(root, answer))

    got = app_view.is_asked(NSID, f"?uri={answer['uri']}")

    assert texts(got["thread"]) == ("answer", ["mine"])


def test_other_threads_are_untouched(app_view: LaggingAppView) -> None:
    root, other = post_view("root", 0), post_view("other", 0)
    body = app_view.says(NSID, {"thread": node(root)})
    write_post(app_view.proxy, "mine", reply=reply(other, other))

    assert app_view.proxy.ask(NSID, f"?uri={root['uri']}").body == body


def test_a_reply_that_is_there_already_is_not_doubled(app_view: LaggingAppView) -> None:
    root = post_view("root", 0)
    mine = write_post(app_view.proxy, "mine", reply=reply(root, root))
    known = {**post_view("mine", 60), "uri": mine["uri"]}
    body = app_view.says(NSID, {"thread": node(root, replies=[node(known)])})

    assert app_view.proxy.ask(NSID, f"?uri={root['uri']}").body == body


@pytest.mark.parametrize("kind", ["notFoundPost", "blockedPost"])
def test_what_is_no_thread_is_untouched(app_view: LaggingAppView, kind: str) -> None:
    uri = post_view("root", 0)["uri"]
    flag = {"notFoundPost": "notFound", "blockedPost": "blocked"}[kind]
    thread = {"$type": f"app.bsky.feed.defs#{kind}", "uri": uri, flag: True}
    if kind == "blockedPost":
        thread["author"] = {"did": STRANGER}
    body = app_view.says(NSID, {"thread": thread})
    write_post(app_view.proxy, "mine")

    assert app_view.proxy.ask(NSID, f"?uri={uri}").body == body


# --- posts that the app view does not know ------------------------------------------------------


@pytest.mark.parametrize("authority", ["did", "handle"])
def test_a_new_post_has_a_thread(app_view: LaggingAppView, authority: str) -> None:
    proxy = app_view.proxy
    app_view.says(NSID, NOT_FOUND, 400, atproto_content_labelers="did:web:labels.test")
    mine = write_post(proxy, "mine")
    write_post(proxy, "more", reply=reply(mine, mine))
    uri = mine["uri"]
    if authority == "handle":
        uri = uri.replace(proxy.alice.did, proxy.alice.handle)

    answer = proxy.ask(NSID, f"?uri={uri}")

    assert answer.status == 200
    assert texts(answer.json["thread"]) == ("mine", ["more"])
    proxy.services.validator.check_output(NSID, answer.json)
    assert answer.headers["Atproto-Upstream-Lag"] == "0"
    assert answer.headers["atproto-content-labelers"] == "did:web:labels.test"
    assert answer.headers["atproto-repo-rev"] == app_view.rev


def test_what_a_new_reply_answers_is_asked_for(app_view: LaggingAppView) -> None:
    proxy, root = app_view.proxy, post_view("root", 0)
    mine = write_post(proxy, "mine", reply=reply(root, root))
    bodies = {True: json.dumps({"thread": node(root)}), False: json.dumps(NOT_FOUND)}

    def answer_by_uri(handler: Any) -> None:
        is_known = "root" in handler.path
        handler.send_response(200 if is_known else 400)
        handler.send_header("content-length", str(len(bodies[is_known])))
        handler.send_header("atproto-repo-rev", app_view.rev)
        handler.end_headers()
        handler.wfile.write(bodies[is_known].encode())

    proxy.app_view.routes[f"/xrpc/{NSID}"] = answer_by_uri

    got = app_view.is_asked(NSID, f"?uri={mine['uri']}&parentHeight=3")

    assert texts(got["thread"]) == "mine"
    assert got["thread"]["parent"]["post"] == root
    assert "depth=0&parentHeight=3" in proxy.app_view.asked[-1].path


def test_without_the_post_above_the_thread_begins_with_the_reply(app_view: LaggingAppView) -> None:
    root = post_view("root", 0)
    app_view.says(NSID, NOT_FOUND, 400)
    mine = write_post(app_view.proxy, "mine", reply=reply(root, root))

    assert "parent" not in app_view.is_asked(NSID, f"?uri={mine['uri']}")["thread"]


def test_what_is_not_new_or_not_ones_own_is_not_found(app_view: LaggingAppView) -> None:
    proxy = app_view.proxy
    old = write_post(proxy, "old")
    app_view.catches_up()
    app_view.says(NSID, NOT_FOUND, 400, retry_after="7")
    write_post(proxy, "new")

    for uri in (
        old["uri"],
        post_view("root", 0)["uri"],
        f"at://{proxy.alice.did}/app.bsky.feed.post/3jzfcijpj2z2a",
        f"at://{proxy.alice.did}",
        "at://nobody.test/app.bsky.feed.post/3jzfcijpj2z2a",
    ):
        answer = proxy.ask(NSID, f"?uri={uri}")
        assert answer.error == (400, "NotFound", "Post not found")
        assert answer.headers["Retry-After"] == "7"


def test_other_errors_are_passed_on(app_view: LaggingAppView) -> None:
    app_view.says(NSID, {"error": "Odd", "message": "No"}, 400)
    mine = write_post(app_view.proxy, "mine")

    assert app_view.proxy.ask(NSID, f"?uri={mine['uri']}").error == (400, "Odd", "No")
