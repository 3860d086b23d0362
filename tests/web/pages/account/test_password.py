"""Another password: who is signed out by it, and who is not let change it."""

from __future__ import annotations

import pytest

from tests.browser_tools import Page, TestBrowser
from tests.factories import Person
from tests.grant_tools import make_grant
from tests.member_tools import Member, everything
from tests.stage import queued_mail

NEW = "three unrelated words"


def change(member: Member, **typed: str | bool) -> Page:
    fields = {"old": member.person.password, "new": NEW, "again": NEW, **typed}
    return member.submit(member.form("/password"), **fields)


def elsewhere(member: Member) -> Member:
    """The same member in another browser."""
    other = Member(member.stage, member.person, TestBrowser(member.stage.web))
    other.sign_in()
    return other


def test_new_password_signs_out_everything_but_this_browser(member: Member) -> None:
    other = elsewhere(member)
    make_grant(member.stage.services, member.person)

    page = change(member)

    assert page.address == f"{member.root}/password?done=password"
    assert "All other devices and apps were signed out." in page.text
    assert member.stage.may_log_in(member.person, NEW)
    assert not member.stage.may_log_in(member.person, member.person.password)
    assert other.open().address == "/account/sign-in"
    assert not member.stage.is_signed_in(member.person)
    assert member.stage.services.oauth.grants.list_for_account(member.person.row.id) == []
    assert ("password_changed", member.person.email) in queued_mail()


def test_others_stay_if_the_member_wants_it(member: Member) -> None:
    other = elsewhere(member)
    make_grant(member.stage.services, member.person)

    page = change(member, keep=True)

    assert "Other devices and apps stay signed in." in page.text
    assert member.stage.may_log_in(member.person, NEW)
    assert other.open().address == other.root
    assert member.stage.is_signed_in(member.person)
    assert len(member.stage.services.oauth.grants.list_for_account(member.person.row.id)) == 1


def test_keeping_others_is_off_at_first(member: Member) -> None:
    assert not member.form("/password")["keep"].is_on


@pytest.mark.parametrize(
    ("typed", "status", "said"),
    [
        ({"old": "wrong"}, 401, "That is not your password."),
        ({"old": ""}, 401, "That is not your password."),
        ({"again": "another"}, 400, "was not typed the same way twice"),
        ({"new": "", "again": ""}, 400, "The password is empty"),
        ({"new": "x" * 257, "again": "x" * 257}, 400, "Password too long"),
    ],
)
def test_password_is_not_changed(
    member: Member, typed: dict[str, str], status: int, said: str
) -> None:
    before = everything()

    page = change(member, **typed, keep=True)

    assert page.status == status
    assert said in page.text
    assert page.form(f"{member.root}/password")["keep"].is_on
    assert NEW not in page.html
    assert everything() == before


def test_app_password_does_not_count(member: Member) -> None:
    services = member.stage.services
    made = services.app_passwords.create(member.person.did, "phone", privileged=True)

    assert change(member, old=made.password).status == 401
    assert member.stage.may_log_in(member.person, member.person.password)


def test_guesses_are_made_to_wait_as_when_signing_in(member: Member) -> None:
    member.stage.services.rate_limits.enabled = True

    answers = [change(member, old=f"guess {number}") for number in range(31)]

    assert answers[-1].status == 429
    assert not member.stage.may_log_in(member.person, NEW)


def test_other_members_notice_nothing(member: Member, bob: Person) -> None:
    other = Member(member.stage, bob)
    other.sign_in()

    change(member)

    assert other.open().address == other.root
    assert member.stage.is_signed_in(bob)
