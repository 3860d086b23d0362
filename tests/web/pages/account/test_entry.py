"""``/account``: to the member's pages, a choice between several, or to signing in."""

from __future__ import annotations

import pytest

from pds.services.browsers import FRESH_US
from tests.browser_tools import TestBrowser
from tests.factories import Person, StillClock, take_down
from tests.member_tools import Member, everything
from tests.stage import Stage


def test_stranger_is_asked_to_sign_in_and_leaves_no_trace(stage: Stage) -> None:
    before = everything()

    page = TestBrowser(stage.web).open("/account")

    assert page.address == "/account/sign-in"
    assert page.heading == "Sign in"
    assert everything() == before


def test_member_comes_to_their_own_pages(member: Member) -> None:
    page = member.browser.open("/account")

    assert page.address == member.root
    assert page.heading == "Your account"


@pytest.mark.parametrize("name", ["redirect_uri", "next", "nonce", "login_hint"])
def test_pages_lead_nowhere_that_an_address_says(member: Member, bob: Person, name: str) -> None:
    """Other servers' pages can be embedded, and then lead wherever their address says."""
    query = f"?{name}=https://evil.example/&display=popup"

    assert member.browser.open(f"/account{query}").address == member.root
    newcomer = Member(member.stage, bob)
    page = newcomer.browser.open(f"/account/sign-in{query}")
    form = page.form("/account/sign-in")
    page = newcomer.browser.submit(form, identifier=bob.handle, password=bob.password)
    assert page.address.startswith(newcomer.root)
    assert "evil.example" not in page.html


def test_several_members_choose(member: Member, bob: Person) -> None:
    other = Member(member.stage, bob, member.browser)
    other.sign_in()

    page = member.browser.open("/account")

    assert page.heading == "Choose an account"
    assert {member.root, other.root} <= set(page.links.values())
    assert "/account/sign-in" in page.links.values()


def test_single_member_may_add_another(member: Member) -> None:
    page = member.browser.open("/account?choose")

    assert page.heading == "Choose an account"
    assert "Password needed" not in page.text


def test_choice_says_whose_password_is_needed(
    member: Member, bob: Person, clock: StillClock
) -> None:
    clock.advance(FRESH_US / 1_000_000)
    Member(member.stage, bob, member.browser).sign_in()

    assert member.browser.open("/account").text.count("Password needed") == 1


def test_taken_down_member_is_not_offered(member: Member, bob: Person) -> None:
    other = Member(member.stage, bob, member.browser)
    other.sign_in()
    take_down(bob)

    assert member.browser.open("/account").address == member.root
    assert bob.handle not in member.browser.open("/account?choose").text


def test_one_of_several_signs_out_and_the_other_stays(member: Member, bob: Person) -> None:
    other = Member(member.stage, bob, member.browser)
    other.sign_in()
    page = member.browser.open("/account")
    [form] = [one for one in page.forms if one["did"].value == bob.did]

    left = member.browser.submit(form)

    assert left.address == member.root
    assert member.browser.open(other.root).status == 404


def test_signing_out_keeps_what_apps_may_do(member: Member) -> None:
    member.browser.submit(member.open().form("/account/sign-out"))

    assert member.stage.is_signed_in(member.person)


def test_signing_out_is_not_for_other_sites(member: Member) -> None:
    form = member.open().form("/account/sign-out")
    form["csrf"].value = "0" * 64

    assert member.browser.submit(form).status == 403
    assert member.open().address == member.root


def test_signing_somebody_else_out_does_nothing(member: Member, bob: Person) -> None:
    other = Member(member.stage, bob)
    other.sign_in()
    form = member.open().form("/account/sign-out")
    form["did"].value = bob.did

    member.browser.submit(form)

    assert other.open().address == other.root
    assert member.open().address == member.root
