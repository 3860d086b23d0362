"""Taking up what was cut off, with a directory that is silent."""

from __future__ import annotations

import pytest

from pds.errors import UpstreamFailureError
from pds.services.resuming import resume_each


def test_each_is_resumed_once() -> None:
    done: list[int] = []

    resume_each(range(20), done.append)

    assert sorted(done) == list(range(20))


def test_single_failures_hold_nobody_up() -> None:
    done: list[int] = []

    def resume(item: int) -> None:
        if item < 2:
            raise UpstreamFailureError
        done.append(item)

    resume_each(range(10), resume)

    assert sorted(done) == list(range(2, 10))


def test_silent_directory_is_asked_three_times(caplog: pytest.LogCaptureFixture) -> None:
    asked: list[int] = []

    def resume(item: int) -> None:
        asked.append(item)
        raise UpstreamFailureError

    resume_each(range(10), resume)

    assert len(asked) == 3
    assert "left 7 cut-off changes" in caplog.text
