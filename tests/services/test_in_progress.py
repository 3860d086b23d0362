"""What is being worked on is worked on by one."""

from __future__ import annotations

import pytest

from pds.services.in_progress import InProgress


def test_a_name_is_held_by_one_at_a_time() -> None:
    at_work = InProgress()

    with at_work.claim("a") as first, at_work.claim("a") as second, at_work.claim("b") as other:
        assert (first, second, other) == (True, False, True)
    with at_work.claim("a") as again:
        assert again


def test_a_refused_claim_does_not_end_the_other() -> None:
    at_work = InProgress()

    with at_work.claim("a"):
        with at_work.claim("a") as second:
            assert not second
        with at_work.claim("a") as third:
            assert not third


def test_a_failure_gives_the_name_back() -> None:
    at_work = InProgress()

    with pytest.raises(ValueError, match="no"), at_work.claim("a"):
        raise ValueError("no")
    with at_work.claim("a") as again:
        assert again
