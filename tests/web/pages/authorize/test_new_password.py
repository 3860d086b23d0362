"""Whoever was signed in with the old password is asked for the new one, and allows apps anew."""

from __future__ import annotations

from tests.authorizing import CONFIDENTIAL
from tests.factories import Person
from tests.stage import Stage, code_of
from tests.web.pages.authorize.conftest import Member
from tests.web.pages.authorize.outcomes import granted

NEW = "the new password"
RESET = "/account/reset-password"


def test_remembered_browser_is_asked_again_after_a_reset(
    stage: Stage, member: Member, alice: Person
) -> None:
    member.remembered(alice)
    assert member.arrive(CONFIDENTIAL, login_hint=alice.did).leads_to  # without a question

    page = member.browser.open(RESET)
    member.browser.submit(page.form(RESET), email=alice.email)
    page = member.browser.open(f"{RESET}?code={code_of(alice, 'reset_password')}")
    page = member.browser.submit(page.form(RESET), password=NEW)
    assert page.heading == "Your new password is set"

    page = member.arrive(CONFIDENTIAL, login_hint=alice.did)
    assert page.heading == "Sign in"
    page = member.sign_in(page, alice)  # with the old one
    assert (page.status, page.heading) == (401, "Sign in")
    page = member.browser.submit(page.form("/oauth/authorize/sign-in"), password=NEW)
    assert page.heading == "Allow this app?"
    assert granted(member.allow(page)).account_id == alice.row.id


def test_somebody_elses_remembered_browser_is_out_too(
    stage: Stage, member: Member, other: Member, alice: Person
) -> None:
    member.remembered(alice)
    other.sign_in(other.arrive(CONFIDENTIAL, login_hint=alice.did), alice)
    for one in (member, other):
        assert one.arrive(CONFIDENTIAL, login_hint=alice.did).leads_to
    stage.services.password_changes.change_by_operator(alice.did, NEW)

    for one in (member, other):
        assert one.arrive(CONFIDENTIAL, login_hint=alice.did).heading == "Sign in"
