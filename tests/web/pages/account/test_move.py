"""What it takes to move away: told, without a secret."""

from __future__ import annotations

import pytest

from pds.storage import email_tokens
from tests.member_tools import Member, everything
from tests.stage import code_of


def test_page_says_what_a_tool_asks_for(member: Member) -> None:
    text = member.open("/move").text

    for shown in ("http://localhost:2583", member.person.handle, member.person.did):
        assert shown in text


def test_code_is_issued_and_not_shown(member: Member) -> None:
    page = member.send("/move", "/move/code")

    assert page.address == f"{member.root}/move?done=code"
    assert code_of(member.person, "plc_operation") not in page.html


def test_paused_member_may_move(member: Member) -> None:
    member.stage.services.accounts.deactivate(member.person.did, None)

    assert member.send("/move", "/move/code").status == 200
    assert email_tokens.find_token(member.person.row.id, "plc_operation") is not None


def test_code_is_not_issued_over_and_over(member: Member) -> None:
    member.stage.services.rate_limits.enabled = True
    answers = [member.send("/move", "/move/code") for _ in range(5)]
    before = everything()

    refused = member.send("/move", "/move/code")

    assert {answer.status for answer in answers} == {200}
    assert refused.status == 429
    assert everything() == before


@pytest.mark.parametrize("secret", ["rotation", "private", "scrypt", "signingKey"])
def test_page_shows_no_secret(member: Member, secret: str) -> None:
    assert secret not in member.open("/move").html
