"""App passwords: made and shown once, listed, taken away."""

from __future__ import annotations

import re

import pytest

from tests.browser_tools import Page
from tests.factories import Person
from tests.member_tools import Member, everything
from tests.stage import queued_mail

AT = "/app-passwords"


def make(member: Member, name: str = "My phone", *, privileged: bool = False) -> Page:
    return member.send(AT, f"{AT}/make", name=name, privileged=privileged)


def password_in(page: Page) -> str:
    found = re.search(r"[a-z2-7]{4}(-[a-z2-7]{4}){3}", page.text)
    assert found is not None
    return found[0]


def test_password_is_shown_once_and_works(member: Member) -> None:
    page = make(member)

    assert page.status == 200
    assert page.heading == "Your new app password"
    assert member.stage.may_log_in(member.person, password_in(page))
    listed = member.open(AT)
    assert "My phone" in listed.text
    assert password_in(page) not in listed.text
    assert queued_mail()[-1] == ("app_password_created", member.person.email)


@pytest.mark.parametrize("privileged", [True, False])
def test_private_messages_are_up_to_the_member(member: Member, privileged: bool) -> None:
    make(member, privileged=privileged)

    [made] = member.stage.services.app_passwords.list_all(member.person.did)
    assert bool(made.privileged) is privileged


def test_private_messages_are_off_at_first(member: Member) -> None:
    assert not member.form(AT, f"{AT}/make")["privileged"].is_on


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "must not be empty"),
        ("  ", "must not be empty"),
        ("x" * 257, "at most 256 characters"),
        ("a\x07b", "control characters"),
        ("taken", "already an app password with this name"),
    ],
)
def test_name_that_cannot_be_is_refused(member: Member, name: str, said: str) -> None:
    make(member, "taken")
    before = everything()

    page = make(member, name)

    assert page.status == 400
    assert said in page.text
    assert everything() == before


def test_form_that_is_sent_twice_makes_one(member: Member) -> None:
    form = member.form(AT, f"{AT}/make")
    first = member.submit(form, name="phone")
    second = member.submit(form, name="phone")

    assert (first.status, second.status) == (200, 400)
    assert len(member.stage.services.app_passwords.list_all(member.person.did)) == 1


def test_password_is_deleted_and_what_used_it_is_out(member: Member) -> None:
    password = password_in(make(member))
    member.stage.services.sessions.login(member.person.handle, password)

    page = member.send(AT, f"{AT}/revoke")

    assert page.address == f"{member.root}{AT}?done=app-password"
    assert "You have made none." in page.text
    assert not member.stage.may_log_in(member.person, password)
    services = member.stage.services
    sessions = services.sessions.list_sessions(member.person.row.id)
    assert [session.app_password_name for session in sessions] == [None]


def test_passwords_of_others_are_out_of_reach(member: Member, bob: Person) -> None:
    services = member.stage.services
    made = services.app_passwords.create(bob.did, "theirs", privileged=False)
    make(member, "mine")
    form = member.form(AT, f"{AT}/revoke")
    form["name"].value = "theirs"
    before = everything()

    member.browser.submit(form)

    assert "theirs" not in member.open(AT).text
    assert everything() == before
    assert member.stage.may_log_in(bob, made.password)


def test_names_are_only_text(member: Member) -> None:
    page = make(member, "<script>alert(1)</script>")

    assert "<script>alert" not in page.html
    assert "<script>alert" not in member.open(AT).html


def test_making_them_shares_the_budget_of_the_method(member: Member) -> None:
    member.stage.services.rate_limits.enabled = True

    answers = [make(member, "") for _ in range(31)]

    assert [answer.status for answer in answers] == [400] * 30 + [429]
