"""What the tests of these services may ask for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app_view import LaggingAppView, lagging_app_view
from tests.factories import StillClock


@pytest.fixture
def app_view(tmp_path: Path, clock: StillClock, open_database: Path) -> Iterator[LaggingAppView]:
    del open_database
    with lagging_app_view(tmp_path, clock) as lagging:
        yield lagging
