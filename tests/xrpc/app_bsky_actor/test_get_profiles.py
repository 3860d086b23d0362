"""app.bsky.actor.getProfiles: the caller's own among them is as it is here."""

from __future__ import annotations

import pytest

from tests.app_view import STRANGER, LaggingAppView, author, write_profile

NSID = "app.bsky.actor.getProfiles"


def test_only_ones_own_is_changed(app_view: LaggingAppView) -> None:
    did = app_view.proxy.alice.did
    app_view.says(NSID, {"profiles": [author(displayName="Other"), author(did), author(did)]})
    write_profile(app_view.proxy, displayName="Alice")

    reply = app_view.is_asked(NSID, f"?actors={STRANGER}&actors={did}&actors=alice.test")

    assert [profile["displayName"] for profile in reply["profiles"]] == ["Other", "Alice", "Alice"]


@pytest.mark.parametrize("spelling", ["actors[]", "actors[0]", "actors%5B%5D", "actors%5b1%5d"])
def test_brackets_after_the_name_are_taken_and_not_passed_on(
    app_view: LaggingAppView, spelling: str
) -> None:
    app_view.says(NSID, {"profiles": []})

    app_view.is_asked(NSID, f"?x=a[]&{spelling}={STRANGER}&{spelling}=a.test&actors=b.test")

    [asked] = app_view.proxy.app_view.asked
    assert asked.path == f"/xrpc/{NSID}?x=a[]&actors={STRANGER}&actors=a.test&actors=b.test"


def test_more_than_25_are_refused_here(app_view: LaggingAppView) -> None:
    query = "?" + "&".join(f"actors=a{number}.test" for number in range(26))

    assert app_view.proxy.ask(NSID, query).status == 400
    assert app_view.proxy.app_view.asked == []
