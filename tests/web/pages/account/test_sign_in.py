"""Signing in at the pages, and typing the password once more."""

from __future__ import annotations

import pytest

from pds.services.accounts import AccountRow
from pds.services.second_factors import TICKET_LIFETIME_US, Challenge
from pds.storage import database
from tests.browser_tools import Page, TestBrowser
from tests.factories import Person, StillClock, take_down
from tests.member_tools import Member, everything
from tests.stage import Stage, queued_mail

SIGN_IN = "/account/sign-in"
REFUSED = "This handle, e-mail address or password is wrong."


def try_to(stage: Stage, identifier: str, password: str) -> Page:
    browser = TestBrowser(stage.web)
    form = browser.open(SIGN_IN).form(SIGN_IN)
    return browser.submit(form, identifier=identifier, password=password, remember=True)


@pytest.mark.parametrize("by", ["handle", "@handle", "did", "email"])
def test_member_signs_in_by_any_name(stage: Stage, alice: Person, by: str) -> None:
    names = {"handle": alice.handle, "@handle": f"@{alice.handle}", "did": alice.did}
    page = try_to(stage, names.get(by, alice.email), alice.password)

    assert (page.status, page.address) == (200, f"/account/u/{alice.did}")


def test_owner_is_told_of_a_new_browser_and_not_of_the_password_typed_again(
    stage: Stage, alice: Person
) -> None:
    member = Member(stage, alice)
    member.sign_in()
    assert queued_mail() == [("new_sign_in", alice.email)]

    member.confirm(member.open("/confirm"))

    assert len(queued_mail()) == 1


def test_remembering_is_offered_and_may_be_declined(stage: Stage, alice: Person) -> None:
    form = TestBrowser(stage.web).open(SIGN_IN).form(SIGN_IN)
    assert form["remember"].is_on

    Member(stage, alice).sign_in(remember=False)

    assert database.rows("SELECT remembered FROM browser_account") == [(0,)]


@pytest.mark.parametrize("typed", ["wrong", "", "x" * 1_000])
def test_wrong_password_and_unknown_name_look_the_same(
    stage: Stage, alice: Person, typed: str
) -> None:
    before = everything()

    known = try_to(stage, alice.handle, typed)
    unknown = try_to(stage, "nobody.test", typed)

    assert known.status == unknown.status == 401
    assert REFUSED in known.text or "too long" in known.text
    assert known.text == unknown.text
    assert everything() == before


def test_name_stays_in_the_form_and_the_password_does_not(stage: Stage, alice: Person) -> None:
    page = try_to(stage, alice.handle, "a wrong password")

    assert page.form(SIGN_IN)["identifier"].value == alice.handle
    assert "a wrong password" not in page.html


def test_app_password_is_for_apps(stage: Stage, alice: Person) -> None:
    made = stage.services.app_passwords.create(alice.did, "phone", privileged=False)
    before = everything()

    page = try_to(stage, alice.handle, made.password)

    assert page.status == 401
    assert "app password" in page.text
    assert everything() == before


def test_taken_down_account_is_not_let_in(stage: Stage, alice: Person) -> None:
    take_down(alice)
    before = everything()

    page = try_to(stage, alice.handle, alice.password)

    assert page.status == 401
    assert "taken down" in page.text
    assert everything() == before


def test_deactivated_account_is_let_in(stage: Stage, alice: Person) -> None:
    stage.services.accounts.deactivate(alice.did, None)

    page = try_to(stage, alice.handle, alice.password)

    assert page.status == 200
    assert "Your account is paused." in page.text


def test_guesses_are_made_to_wait(stage: Stage, alice: Person) -> None:
    stage.services.rate_limits.enabled = True
    answers = [try_to(stage, alice.handle, f"guess {number}") for number in range(11)]

    assert [answer.status for answer in answers[:10]] == [401] * 10
    assert answers[10].status == 429
    assert int(answers[10].headers["Retry-After"]) > 0
    assert try_to(stage, alice.handle, alice.password).status == 429


def test_form_needs_its_token(stage: Stage, alice: Person) -> None:
    browser = TestBrowser(stage.web)
    form = browser.open(SIGN_IN).form(SIGN_IN)
    form["csrf"].value = ""
    before = everything()

    page = browser.submit(form, identifier=alice.handle, password=alice.password)

    assert page.status == 403
    assert everything() == before


def test_browser_gets_another_name_when_somebody_signs_in(stage: Stage, alice: Person) -> None:
    browser = TestBrowser(stage.web)
    browser.open(SIGN_IN)
    planted = browser.cookies["dev-id"]

    Member(stage, alice, browser).sign_in()

    assert browser.cookies["dev-id"] != planted


# --- a second factor -----------------------------------------------------------------------------


class Codes:
    """Wants the code 123456 of everybody."""

    def challenge(self, account: AccountRow) -> Challenge | None:
        return Challenge("totp", f"The code that your phone shows for {account.handle}.")

    def is_answer(self, account: AccountRow, answer: str) -> bool:
        return answer == "123456"


def test_second_factor_is_asked_for(
    stage: Stage, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage.services.sign_in, "_second_factor", Codes())
    member = Member(stage, alice)
    before = everything()

    asked = member.sign_in()
    assert "The code that your phone shows for alice.test." in asked.text
    assert "password" not in asked.form(SIGN_IN)
    wrong = member.submit(asked.form(SIGN_IN), code="000000")
    assert (wrong.status, everything()) == (401, before)
    assert "That code is wrong" in wrong.text

    assert member.submit(wrong.form(SIGN_IN), code="123456").address == member.root
    assert database.rows("SELECT remembered FROM browser_account") == [(1,)]


def test_second_factor_that_took_too_long_leads_back(
    stage: Stage, alice: Person, monkeypatch: pytest.MonkeyPatch, clock: StillClock
) -> None:
    monkeypatch.setattr(stage.services.sign_in, "_second_factor", Codes())
    member = Member(stage, alice)
    asked = member.sign_in()
    clock.advance(TICKET_LIFETIME_US / 1_000_000)

    late = member.submit(asked.form(SIGN_IN), code="123456")

    assert late.status == 401
    assert "took too long" in late.text
    assert late.links["Begin again"] == SIGN_IN


# --- once more -----------------------------------------------------------------------------------


def test_wrong_password_does_not_confirm(member: Member, clock: StillClock) -> None:
    clock.advance(3_600)
    before = everything()
    asked = member.open("/confirm?next=/app-passwords")

    page = member.browser.submit(asked.form(f"{member.root}/confirm"), password="wrong")

    assert page.status == 401
    assert "not your password" in page.text
    assert page.form(f"{member.root}/confirm")["next"].value == "/app-passwords"
    assert everything() == before
    assert member.confirm(page).address == f"{member.root}/app-passwords?done=signed-in"


def test_password_of_another_member_does_not_confirm(member: Member, bob: Person) -> None:
    page = member.open("/confirm")

    answer = member.browser.submit(page.form(f"{member.root}/confirm"), password=bob.password)

    assert answer.status == 401


@pytest.mark.parametrize(
    "wanted", ["https://evil.example", "//evil.example", "/../..", "/nope", "javascript:x", ""]
)
def test_confirming_leads_nowhere_else(member: Member, wanted: str) -> None:
    page = member.confirm(member.open(f"/confirm?next={wanted}"))

    assert page.address == f"{member.root}?done=signed-in"


def test_confirming_does_not_begin_to_remember(stage: Stage, alice: Person) -> None:
    member = Member(stage, alice)
    member.sign_in(remember=False)

    member.confirm(member.open("/confirm"))

    assert database.rows("SELECT remembered FROM browser_account") == [(0,)]


def test_guesses_of_who_found_a_browser_open_are_made_to_wait(member: Member) -> None:
    member.stage.services.rate_limits.enabled = True
    form = member.open("/confirm").form(f"{member.root}/confirm")

    answers = [member.browser.submit(form, password=f"guess {n}") for n in range(31)]

    assert 429 in {answer.status for answer in answers}
    assert answers[-1].status == 429
