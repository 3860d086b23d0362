"""The account at a glance."""

from __future__ import annotations

from tests.member_tools import Member


def test_home_says_who_one_is(member: Member) -> None:
    page = member.open()

    for text in (f"@{member.person.handle}", member.person.did, member.person.email):
        assert text in page.text
    assert "21 September 2026" in page.text
    assert "is paused" not in page.text


def test_home_leads_to_every_page(member: Member) -> None:
    page = member.open()

    for at in ("handle", "email", "password", "devices", "apps", "app-passwords", "export"):
        assert f"{member.root}/{at}" in page.links.values()


def test_home_asks_to_confirm_the_address_until_it_is(member: Member) -> None:
    assert "not confirmed" in member.open().text

    member.stage.services.email_addresses.confirm_by_operator(member.person.did)

    assert "not confirmed" not in member.open().text


def test_home_says_when_a_paused_account_goes(member: Member) -> None:
    member.stage.services.accounts.deactivate(member.person.did, "2027-01-02T03:04:05.000Z")

    assert "will be deleted on 2 January 2027" in member.open().text
