"""app.bsky.unspecced.getAgeAssuranceState: the app view says, or the operator does."""

from __future__ import annotations

from pathlib import Path

from tests.app_view import LaggingAppView, lagging_app_view
from tests.factories import StillClock

NSID = "app.bsky.unspecced.getAgeAssuranceState"


def test_the_app_view_is_asked_by_default(app_view: LaggingAppView) -> None:
    app_view.says(NSID, {"status": "pending"})

    assert app_view.is_asked(NSID) == {"status": "pending"}


def test_an_operator_may_vouch_for_members(
    tmp_path: Path, clock: StillClock, open_database: Path
) -> None:
    del open_database
    with lagging_app_view(tmp_path, clock, age_assurance="assured") as vouching:
        assert vouching.is_asked(NSID) == {"status": "assured"}
        assert vouching.proxy.app_view.asked == []
