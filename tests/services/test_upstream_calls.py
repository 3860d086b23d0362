"""Calls of this server's own: what is sent, and what counts as an answer."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pds.errors import AccountNotFoundError, UpstreamFailureError, UpstreamReplyError
from tests.app_view import LaggingAppView, lagging_app_view
from tests.factories import StillClock

if TYPE_CHECKING:
    from pds.services.upstream_targets import Target

QUERY = "app.bsky.video.getUploadLimits"
PUSH = "app.bsky.notification.registerPush"


@pytest.fixture
def app_view(tmp_path: Path, clock: StillClock, open_database: Path) -> Iterator[LaggingAppView]:
    del open_database
    with lagging_app_view(tmp_path, clock) as lagging:
        yield lagging


def target(app_view: LaggingAppView) -> Target:
    return app_view.proxy.services.proxying.target(QUERY, None)


def ask(app_view: LaggingAppView, did: str | None = None) -> Any:
    calls, own = app_view.proxy.services.upstream_calls, app_view.proxy.alice.did
    headers = {"accept-language": "de", "cookie": "a=b", "accept-encoding": "br"}
    return calls.query(did or own, QUERY, {"a": "é &"}, target(app_view), headers)


def test_a_query_is_asked_in_the_members_name(app_view: LaggingAppView) -> None:
    app_view.says(QUERY, {"canUpload": True})

    assert ask(app_view) == {"canUpload": True}

    [asked] = app_view.proxy.app_view.asked
    assert asked.path == f"/xrpc/{QUERY}?a=%C3%A9+%26"
    assert asked.headers["accept-language"] == "de"
    assert asked.headers["accept-encoding"] == "identity"
    assert "cookie" not in asked.headers
    [claims] = app_view.proxy.app_view.claims
    assert (claims.iss, claims.lxm) == (app_view.proxy.alice.did, QUERY)


def test_an_answer_may_be_encoded(app_view: LaggingAppView) -> None:
    app_view.says(QUERY, gzip.compress(b'{"canUpload":false}'), content_encoding="gzip")

    assert ask(app_view) == {"canUpload": False}


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"canUpload":"yes"}', b"{}", b"[" * 50_000, b'{"a":1.5}']
)
def test_what_does_not_fit_the_lexicon_is_no_answer(app_view: LaggingAppView, body: bytes) -> None:
    app_view.says(QUERY, body)

    with pytest.raises(UpstreamFailureError, match=f"unusable answer to {QUERY}"):
        ask(app_view)


def test_a_refusal_is_told(app_view: LaggingAppView) -> None:
    app_view.says(QUERY, {"error": "Full", "message": "no"}, 400)

    with pytest.raises(UpstreamReplyError, match="no") as caught:
        ask(app_view)
    assert (caught.value.status, caught.value.error) == (400, "Full")


def test_somebody_without_an_account_asks_nothing(app_view: LaggingAppView) -> None:
    with pytest.raises(AccountNotFoundError):
        ask(app_view, "did:plc:zzzzzzzzzzzzzzzzzzzzzzzz")
    assert app_view.proxy.app_view.asked == []


def test_what_has_no_answer_is_not_read(app_view: LaggingAppView) -> None:
    app_view.says(PUSH, b"whatever")
    calls, did = app_view.proxy.services.upstream_calls, app_view.proxy.alice.did

    calls.send(did, PUSH, {"token": "é"}, target(app_view))

    [asked] = app_view.proxy.app_view.asked
    assert (asked.method, json.loads(asked.body)) == ("POST", {"token": "é"})
    assert asked.headers["content-type"] == "application/json"
