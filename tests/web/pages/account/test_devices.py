"""Where a member is signed in, and an end to it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from pds.services.devices import Device
from pds.services.signed_in_places import Place
from pds.storage import sessions
from pds.storage.database import transaction
from pds.web.pages.account import devices
from tests.browser_tools import TestBrowser
from tests.factories import Person, StillClock
from tests.grant_tools import make_grant
from tests.member_tools import Member, everything

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0"
PHONE = Device("Bluesky/1.105.0 CFNetwork/1568.1 Darwin/24.0.0", "203.0.113.7")


def log_in(member: Member, device: Device = PHONE, password: str | None = None) -> None:
    """What an app does that knows the password."""
    services, person = member.stage.services, member.person
    services.sessions.login(person.handle, password or person.password, device=device)


def places(member: Member) -> list[Place]:
    found: Callable[..., list[Place]] = member.stage.services.signed_in_places.list_all
    return found(member.person.row.id, "")


def test_devices_are_listed_by_names_that_people_know(member: Member, clock: StillClock) -> None:
    clock.advance(60)
    other = Member(member.stage, member.person, TestBrowser(member.stage.web, user_agent=FIREFOX))
    other.sign_in()
    log_in(member)
    made = member.stage.services.app_passwords.create(member.person.did, "tv", privileged=False)
    log_in(member, Device("curl/8.5.0", "203.0.113.8"), made.password)

    text = member.open("/devices").text

    for shown in ("Firefox on Windows", "Bluesky on an Apple device", "203.0.113.7"):
        assert shown in text
    assert "app password “tv”" in text
    assert text.count("this one these pages") == 1
    assert "21 September 2026, 14:14 UTC" in text


def test_this_browser_comes_first_and_has_no_button(member: Member) -> None:
    page = member.open("/devices")

    assert page.text.index("this one") < page.text.index("an app, with your password")
    assert len([form for form in page.forms if form.action.endswith("/devices/end")]) == 1


def test_browser_of_mine_is_signed_out(member: Member) -> None:
    other = Member(member.stage, member.person, TestBrowser(member.stage.web, user_agent=FIREFOX))
    other.sign_in()
    [form] = [
        one
        for one in member.open("/devices").forms
        if "kind" in one and one["kind"].value == "browser"
    ]

    page = member.browser.submit(form)

    assert "That device is signed out." in page.text
    assert other.open().address == "/account/sign-in"
    assert member.stage.is_signed_in(member.person)
    assert member.open().address == member.root


def test_program_of_mine_is_signed_out(member: Member) -> None:
    page = member.send("/devices", "/devices/end")

    assert page.address == f"{member.root}/devices?done=place"
    assert not member.stage.is_signed_in(member.person)


def test_second_click_says_that_it_was_done(member: Member) -> None:
    form = member.form("/devices", "/devices/end")
    member.browser.submit(form)

    assert "was signed out before" in member.browser.submit(form).text


@pytest.mark.parametrize("kind", ["browser", "session", "nonsense", ""])
def test_devices_of_others_are_out_of_reach(member: Member, bob: Person, kind: str) -> None:
    other = Member(member.stage, bob)
    other.sign_in()
    theirs = places(other)
    before = everything()

    for place in (*theirs, dataclasses.replace(theirs[0], id="nothing")):
        form = member.form("/devices", "/devices/end")
        form["kind"].value, form["place"].value = kind, place.id
        assert "was signed out before" in member.browser.submit(form).text

    assert other.open().address == other.root
    assert member.stage.is_signed_in(bob)
    assert everything() == before


def test_all_others_are_signed_out_but_not_what_apps_may_do(member: Member, bob: Person) -> None:
    other = Member(member.stage, member.person, TestBrowser(member.stage.web))
    other.sign_in()
    log_in(member)
    make_grant(member.stage.services, member.person)

    page = member.send("/devices", "/devices/end-others")

    assert "All other devices are signed out." in page.text
    assert other.open().address == "/account/sign-in"
    assert not member.stage.is_signed_in(member.person)
    assert len(places(member)) == 1
    assert len(member.stage.services.oauth.grants.list_for_account(member.person.row.id)) == 1
    assert member.stage.is_signed_in(bob)
    assert not [form for form in page.forms if form.action.endswith("/end-others")]


def test_long_list_is_cut_until_all_is_asked_for(
    member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "SHOWN", 3)
    [first] = [place for place in places(member) if place.kind == "session"]
    row = sessions.find(first.id)
    assert row is not None
    with transaction():
        for number in range(5):
            sessions.insert(dataclasses.replace(row, id=f"session {number}"))

    short = member.open("/devices")

    assert short.html.count("<tr role") == 1 + 3
    assert short.links["Show all 7"] == f"{member.root}/devices?all"
    assert member.open("/devices?all").html.count("<tr role") == 1 + 7


def test_names_of_programs_are_only_text(member: Member) -> None:
    log_in(member, Device("<script>alert(1)</script>", "<b>"))

    page = member.open("/devices")

    assert "<script>alert" not in page.html
    assert "<b>" not in page.html
