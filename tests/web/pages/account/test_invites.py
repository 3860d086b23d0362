"""The invite codes of a member, where a sign-up takes one."""

from __future__ import annotations

from pathlib import Path

import pytest

from pds.config import Config
from pds.services import Services
from tests.factories import Person, make_account, make_code, make_config
from tests.member_tools import Member
from tests.stage import Stage


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return make_config(tmp_path, invite_required="true")


@pytest.fixture
def alice(services: Services) -> Person:
    return make_account(services, "alice", invite_code=make_code(services))


def give(services: Services, person: Person, uses: int = 1) -> str:
    [(_, [code])] = services.invites.create(uses, [person.did])
    return code


def test_codes_are_listed_with_what_is_left(member: Member) -> None:
    services = member.stage.services
    once, often, spent = (give(services, member.person, uses) for uses in (1, 3, 1))
    make_account(services, "carol", invite_code=spent)
    make_account(services, "dave", invite_code=often)

    text = member.open("/invites").text

    assert f"{once} not used yet" in text
    assert f"{often} 2 of 3 left" in text
    assert f"{spent} used up" in text


def test_codes_of_others_and_closed_ones_are_not_shown(member: Member) -> None:
    services = member.stage.services
    carol = make_account(services, "carol", invite_code=make_code(services))
    theirs, closed = give(services, carol), give(services, member.person)
    services.invites.disable([closed], [])

    text = member.open("/invites").text

    assert theirs not in text
    assert closed not in text
    assert "You have no codes." in text


def test_page_is_among_the_others(member: Member) -> None:
    assert f"{member.root}/invites" in member.open().links.values()


class TestOpenServer:
    """Who needs no code has none to give."""

    @pytest.fixture
    def config(self, tmp_path: Path) -> Config:
        return make_config(tmp_path)

    @pytest.fixture
    def alice(self, services: Services) -> Person:
        return make_account(services, "alice")

    def test_there_is_no_such_page(self, member: Member, stage: Stage) -> None:
        assert member.open("/invites").status == 404
        assert f"{member.root}/invites" not in member.open().links.values()
