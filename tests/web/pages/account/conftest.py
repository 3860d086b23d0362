"""A member who has just signed in."""

from __future__ import annotations

import pytest

from tests.factories import Person
from tests.member_tools import Member
from tests.stage import Stage


@pytest.fixture
def member(stage: Stage, alice: Person) -> Member:
    found = Member(stage, alice)
    assert found.sign_in().status == 200
    return found
