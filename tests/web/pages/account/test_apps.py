"""What apps may do, and an end to it."""

from __future__ import annotations

import pytest

from pds.web.pages.account import apps
from tests.factories import Person, StillClock
from tests.grant_tools import make_grant
from tests.member_tools import Member, everything

OTHER_APP = "https://other.example.com/client.json"
LOOPBACK = "http://localhost?scope=atproto"


def grants_of(member: Member) -> int:
    return len(member.stage.services.oauth.grants.list_for_account(member.person.row.id))


def test_apps_are_listed_with_what_they_may_do(member: Member, clock: StillClock) -> None:
    services = member.stage.services
    make_grant(services, member.person, scope="atproto repo:com.example.note?action=create")
    used_at_us = services.clock() + 60_000_000
    clock.advance(3_600)
    make_grant(
        services,
        member.person,
        client_id=OTHER_APP,
        client_name="other.example.com",
        scope="atproto transition:generic",
        used_at_us=used_at_us,
    )

    text = member.open("/apps").text

    for shown in (
        "app.example.org",
        "com.example.note add",
        "other.example.com",
        OTHER_APP,
        "Use Bluesky for you",
        "Publish, change and delete anything for you",
        "21 September 2026, 14:14 UTC",
    ):
        assert shown in text, text


def test_app_that_only_knows_who_one_is(member: Member) -> None:
    make_grant(member.stage.services, member.person, scope="atproto")

    assert "Only know who you are." in member.open("/apps").text


def test_app_on_the_own_computer_has_no_name(member: Member) -> None:
    make_grant(member.stage.services, member.person, client_id=LOOPBACK, client_name="localhost")

    text = member.open("/apps").text

    assert "An app on your own computer" in text
    assert LOOPBACK not in text


def test_nobody_is_told_of_apps_they_do_not_have(member: Member, bob: Person) -> None:
    make_grant(member.stage.services, bob)

    assert "No app has access" in member.open("/apps").text


def test_access_is_taken_away(member: Member) -> None:
    make_grant(member.stage.services, member.person)
    make_grant(member.stage.services, member.person, client_id=OTHER_APP)

    page = member.send("/apps", "/apps/revoke")

    assert page.address == f"{member.root}/apps?done=app"
    assert "The app has no access any more." in page.text
    assert grants_of(member) == 1


def test_all_access_of_an_app_is_taken_away_at_once(member: Member) -> None:
    for _ in range(3):
        make_grant(member.stage.services, member.person)
    make_grant(member.stage.services, member.person, client_id=OTHER_APP)
    [form] = [one for one in member.open("/apps").forms if "client" in one]

    member.browser.submit(form)

    [left] = member.stage.services.oauth.grants.list_for_account(member.person.row.id)
    assert left.client_id == OTHER_APP


def test_second_click_says_that_it_was_done(member: Member) -> None:
    make_grant(member.stage.services, member.person)
    form = member.form("/apps", "/apps/revoke")
    member.browser.submit(form)

    assert "had no access any more" in member.browser.submit(form).text


def test_apps_of_others_are_out_of_reach(member: Member, bob: Person) -> None:
    theirs, _ = make_grant(member.stage.services, bob)
    make_grant(member.stage.services, member.person, client_id=OTHER_APP)
    form = member.form("/apps", "/apps/revoke")
    before = everything()

    for wanted in (theirs.id, "nothing", ""):
        form["access"].value = wanted
        assert "had no access any more" in member.browser.submit(form).text

    access = form["access"]
    access.name, access.value = "client", theirs.client_id
    assert "had no access any more" in member.browser.submit(form).text
    assert everything() == before


def test_long_list_is_cut_until_all_is_asked_for(
    member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apps, "SHOWN", 2)
    for number in range(4):
        make_grant(member.stage.services, member.person, client_name=f"app {number}")

    short = member.open("/apps")

    assert short.html.count('class="access"') == 2
    assert short.links["Show all 4"] == f"{member.root}/apps?all"
    assert member.open("/apps?all").html.count('class="access"') == 4


def test_words_of_apps_are_only_text(member: Member) -> None:
    make_grant(
        member.stage.services,
        member.person,
        client_name="<script>alert(1)</script>",
        client_id="https://a.example.com/<b>",
    )

    page = member.open("/apps")

    assert "<script>alert" not in page.html
    assert "<b>" not in page.html
