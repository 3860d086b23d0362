"""Choosing among those who are signed in."""

from __future__ import annotations

from urllib.parse import urlsplit

from tests.authorizing import PUBLIC
from tests.browser_tools import Page
from tests.factories import Person, StillClock
from tests.stage import Stage
from tests.web.pages.authorize.conftest import Member
from tests.web.pages.authorize.outcomes import error_of, granted

ACCOUNTS = "/oauth/authorize/accounts"


def choose(member: Member, page: Page, person: Person) -> Page:
    return member.browser.submit(page.form(ACCOUNTS), button=person.did)


def test_all_are_offered(member: Member, alice: Person, bob: Person, clock: StillClock) -> None:
    member.remembered(alice)
    clock.advance(7 * 24 * 3600)
    member.remembered(bob)

    page = member.arrive()

    buttons = [button.value for button in page.form(ACCOUNTS).buttons]
    assert buttons == [bob.did, alice.did]
    assert page.text.count("Password needed") == 1
    assert page.headers["Cache-Control"] == "no-store"


def test_known_app_needs_no_more_than_the_choice(
    member: Member, alice: Person, bob: Person
) -> None:
    member.remembered(alice)
    member.remembered(bob)

    assert granted(choose(member, member.arrive(), alice)).account_id == alice.row.id


def test_known_app_may_want_to_be_asked_about(member: Member, alice: Person) -> None:
    member.remembered(alice)

    page = choose(member, member.arrive(prompt="consent"), alice)

    assert page.leads_to is None
    assert page.heading == "Allow this app?"


def test_app_that_is_new_to_the_member_is_asked_about(member: Member, alice: Person) -> None:
    member.remembered(alice)

    page = choose(member, member.arrive(PUBLIC), alice)

    assert page.heading == "Allow this app?"


def test_choice_is_among_those_who_are_there(member: Member, alice: Person, bob: Person) -> None:
    member.remembered(alice)
    form = member.arrive().form(ACCOUNTS)
    form.buttons[0].value = bob.did

    page = member.browser.submit(form)

    assert page.leads_to is None
    assert page.heading == "Choose an account"


def test_another_account_signs_in_beside_the_first(
    member: Member, alice: Person, bob: Person
) -> None:
    member.remembered(alice)
    page = member.browser.open(member.arrive().links["Use another account"])
    assert not page.form("/oauth/authorize/sign-in")["identifier"].is_fixed
    assert page.links["Back"].startswith(ACCOUNTS)

    page = member.sign_in(page, bob)

    assert "@bob.test" in page.text
    assert granted(member.allow(page)).account_id == bob.row.id
    assert len(member.arrive().form(ACCOUNTS).buttons) == 2


def test_nobody_to_choose_leads_to_the_sign_in_page(member: Member) -> None:
    page = member.arrive()

    page = member.browser.open(page.address.replace("sign-in", "accounts"))

    assert urlsplit(page.address).path == "/oauth/authorize/sign-in"


def test_member_may_go_back(member: Member, alice: Person) -> None:
    member.remembered(alice)

    assert error_of(member.deny(member.arrive())) == "access_denied"


def test_account_signed_out_meanwhile_is_not_let_in(
    member: Member, stage: Stage, alice: Person
) -> None:
    member.remembered(alice)
    form = member.arrive().form(ACCOUNTS)
    stage.services.browsers.end_all(alice.row.id)

    page = member.browser.submit(form)

    assert page.leads_to is None
    assert page.heading == "Sign in"


def test_account_shows_its_face(member: Member, stage: Stage, alice: Person) -> None:
    member.remembered(alice)
    profile = {"$type": "app.bsky.actor.profile", "displayName": "Alice <Almond>"}
    where = {"repo": alice.did, "collection": profile["$type"], "rkey": "self"}
    stage.ok("com.atproto.repo.putRecord", {**where, "record": profile}, by=alice)

    page = member.arrive(PUBLIC)
    assert "Alice <Almond> @alice.test" in page.text
    assert "Alice <Almond> @alice.test" in choose(member, page, alice).text
