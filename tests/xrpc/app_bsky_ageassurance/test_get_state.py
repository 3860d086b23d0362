"""app.bsky.ageassurance.getState: the app view says, or the operator does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.app_view import LaggingAppView, lagging_app_view
from tests.factories import StillClock

NSID = "app.bsky.ageassurance.getState"
OLDER = "app.bsky.unspecced.getAgeAssuranceState"
UNKNOWN = {"state": {"status": "unknown", "access": "unknown"}, "metadata": {}}
QUERY = "?countryCode=GB"


@pytest.fixture
def vouching(tmp_path: Path, clock: StillClock, open_database: Path) -> Iterator[LaggingAppView]:
    """A server whose operator vouches for all members."""
    del open_database
    with lagging_app_view(tmp_path, clock, age_assurance="assured") as lagging:
        yield lagging


def born(app_view: LaggingAppView, date: str) -> None:
    kind = "app.bsky.actor.defs#personalDetailsPref"
    preference: Any = {"$type": kind, "birthDate": f"{date}T00:00:00.000Z"}
    services, alice = app_view.proxy.services, app_view.proxy.alice
    services.preferences.put(alice.row, [preference], full_access=True)


def test_the_app_view_is_asked_by_default(app_view: LaggingAppView) -> None:
    app_view.says(NSID, UNKNOWN)

    assert app_view.is_asked(NSID, QUERY) == UNKNOWN
    assert app_view.proxy.app_view.asked[0].path == f"/xrpc/{NSID}{QUERY}"


@pytest.mark.parametrize("date", [None, "1990-01-01"])
def test_an_operator_may_vouch_for_members(vouching: LaggingAppView, date: str | None) -> None:
    if date is not None:
        born(vouching, date)
    reply = vouching.is_asked(NSID, QUERY, to=f"{vouching.proxy.app_view.did}#bsky_appview")

    assert reply == {
        "state": {"status": "assured", "access": "full"},
        "metadata": {"accountCreatedAt": vouching.proxy.alice.row.created_at},
    }
    vouching.proxy.services.validator.check_output(NSID, reply)
    assert vouching.proxy.app_view.asked == []


def test_nobody_vouches_for_members_who_say_they_are_minors(vouching: LaggingAppView) -> None:
    born(vouching, "2012-01-01")
    vouching.says(NSID, UNKNOWN)

    assert vouching.is_asked(NSID, QUERY) == UNKNOWN


def test_another_service_speaks_for_itself(vouching: LaggingAppView) -> None:
    proxy = vouching.proxy
    proxy.stranger.services["bsky_appview"] = ""

    got = proxy.echo(NSID, QUERY, to=f"{proxy.stranger.did}#bsky_appview")

    assert got["path"] == f"/xrpc/{NSID}{QUERY}"


def test_the_country_must_be_said(vouching: LaggingAppView) -> None:
    assert vouching.proxy.ask(NSID).error[:2] == (400, "InvalidRequest")
