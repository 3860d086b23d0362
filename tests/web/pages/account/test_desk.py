"""Who is let in: the same rules for every page of an account, and for every form."""

from __future__ import annotations

import pytest

from pds.services.browsers import FRESH_US
from tests.browser_tools import Field, Form, Page, TestBrowser
from tests.factories import Person, StillClock, take_down
from tests.member_tools import Member, everything
from tests.scenarios.every_page import assert_page_is_locked, assert_page_is_well_formed
from tests.stage import Stage

BASE = "/account/u/<did>"
PAGES = (
    "",
    "/app-passwords",
    "/apps",
    "/delete",
    "/devices",
    "/email",
    "/export",
    "/export/download",
    "/handle",
    "/move",
    "/password",
    "/status",
)
FORMS = (
    "/app-passwords/make",
    "/app-passwords/revoke",
    "/apps/revoke",
    "/delete",
    "/delete/code",
    "/devices/end",
    "/devices/end-others",
    "/email/change",
    "/email/code",
    "/email/confirm",
    "/email/confirmation",
    "/handle/domain",
    "/handle/here",
    "/move/code",
    "/password",
    "/status/deactivate",
    "/status/reactivate",
)
CONFIRM = "/confirm"
# What does most harm in the hands of somebody who finds a browser left open. Changing the password
# and deleting the account ask for the password themselves.
NEED_THE_PASSWORD = {
    "/app-passwords/make",
    "/delete/code",
    "/email/change",
    "/email/code",
    "/move/code",
    "/status/deactivate",
}
RECENTLY_US = 15 * 60 * 1_000_000
OTHER_DID = "did:plc:zzzzzzzzzzzzzzzzzzzzzzzz"
BUTTON = Field("", "", "submit")
FIELDS = {
    "name": "phone",
    "email": "new@example.com",
    "handle": "alice.example.com",
    "domain": ".test",
    "code": "ABCDE-FGHIJ",
    "password": "password of alice",
    "kind": "browser",
}


def csrf_of(member: Member) -> str:
    return member.open().form("/account/sign-out")["csrf"].value


def send(member: Member, path: str, csrf: str, *, did: str = "", **headers: str) -> Page:
    """Send a form that no page has shown, filled in with what would do."""
    fields = [Field(name, value, "hidden") for name, value in {**FIELDS, "csrf": csrf}.items()]
    form = Form(f"/account/u/{did or member.person.did}{path}", "post", fields, [BUTTON])
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return member.browser.submit(form, headers=named)


def test_these_are_all_pages_and_forms(stage: Stage) -> None:
    found: dict[str, set[str]] = {"GET": set(), "POST": set()}
    for rule in stage.web.app.url_map.iter_rules():
        if rule.rule.startswith(BASE):
            for method in found.keys() & (rule.methods or set()):
                found[method].add(rule.rule.removeprefix(BASE))

    assert found["POST"] == {*FORMS, CONFIRM}
    assert found["GET"] - found["POST"] == set(PAGES) - set(FORMS)


def test_pages_are_shown_to_the_member(member: Member) -> None:
    for path in PAGES:
        answer = member.open(path)

        assert (answer.status, answer.address) == (200, member.root + path)
        assert answer.headers["Cache-Control"] == "no-store"


def test_pages_are_locked_and_well_formed(member: Member) -> None:
    for path in (*PAGES, CONFIRM):
        if path != "/export/download":
            answer = member.open(path)

            assert_page_is_locked(answer, is_http=True)
            assert_page_is_well_formed(answer.body)


def test_address_of_a_form_leads_to_its_page(member: Member) -> None:
    for path in {*FORMS} - {*PAGES}:
        answer = member.open(path)

        assert (answer.status, answer.address) == (200, member.root + path.rpartition("/")[0])


# --- not signed in -------------------------------------------------------------------------------


def test_pages_ask_who_is_there(stage: Stage, alice: Person) -> None:
    for did in (alice.did, OTHER_DID):
        for path in (*PAGES, CONFIRM):
            answer = TestBrowser(stage.web).open(f"/account/u/{did}{path}")

            assert answer.address == "/account/sign-in"


def test_forms_of_nobody_change_nothing(stage: Stage, alice: Person) -> None:
    stranger = Member(stage, alice)
    csrf = stranger.browser.open("/account/sign-in").form()["csrf"].value
    before = everything()

    for path in (*FORMS, CONFIRM):
        answer = send(stranger, path, csrf)

        assert answer.address == "/account/sign-in"
        assert everything() == before, path


def test_signing_out_shuts_the_pages(member: Member) -> None:
    left = member.browser.submit(member.open().form("/account/sign-out"))

    assert left.address == "/account/sign-in"
    assert member.open("/email").address == "/account/sign-in"


def test_member_who_is_not_remembered_is_out_after_a_quarter_of_an_hour(
    stage: Stage, alice: Person, clock: StillClock
) -> None:
    member = Member(stage, alice)
    member.sign_in(remember=False)
    assert member.open().status == 200

    clock.advance(15 * 60)

    assert member.open().address == "/account/sign-in"


# --- somebody else -------------------------------------------------------------------------------


def test_pages_of_another_account_are_none_whether_it_exists_or_not(
    member: Member, bob: Person
) -> None:
    for path in (*PAGES, CONFIRM):
        theirs = member.browser.open(f"/account/u/{bob.did}{path}")
        nobodys = member.browser.open(f"/account/u/{OTHER_DID}{path}")

        assert theirs.status == nobodys.status == 404
        assert theirs.html == nobodys.html
        assert bob.handle not in theirs.html


def test_forms_of_another_account_change_nothing(member: Member, bob: Person) -> None:
    csrf = csrf_of(member)
    before = everything()

    for did in (bob.did, OTHER_DID):
        for path in (*FORMS, CONFIRM):
            answer = send(member, path, csrf, did=did)

            assert answer.status == 404
            assert everything() == before, path


def test_two_members_in_one_browser_have_their_pages_each(member: Member, bob: Person) -> None:
    other = Member(member.stage, bob, member.browser)
    other.sign_in()

    assert f"@{member.person.handle}" in member.open().text
    assert f"@{bob.handle}" in other.open().text


def test_taken_down_account_has_no_pages(member: Member) -> None:
    take_down(member.person)

    assert member.open().address == "/account/sign-in"


def test_did_is_found_in_any_case(member: Member) -> None:
    assert member.browser.open(member.root.upper().replace("ACCOUNT/U", "account/u")).status == 200


# --- the password, some time ago -----------------------------------------------------------------


def test_stale_pages_ask_for_the_password_and_go_on(member: Member, clock: StillClock) -> None:
    for path in PAGES:
        clock.advance(FRESH_US / 1_000_000)

        asked = member.open(path)
        assert asked.address.startswith(f"{member.root}/confirm?")

        went_on = member.confirm(asked)
        assert went_on.status == 200
        assert went_on.address.partition("?")[0] == member.root + path


def test_stale_forms_change_nothing(member: Member, clock: StillClock) -> None:
    csrf = csrf_of(member)
    clock.advance(FRESH_US / 1_000_000)
    before = everything()

    for path in FORMS:
        answer = send(member, path, csrf)

        assert answer.address.startswith(f"{member.root}/confirm?")
        assert everything() == before, path


@pytest.mark.parametrize("path", sorted(NEED_THE_PASSWORD))
def test_form_that_matters_most_takes_the_password_of_some_minutes_ago(
    member: Member, path: str, clock: StillClock
) -> None:
    csrf = csrf_of(member)
    clock.advance(RECENTLY_US / 1_000_000 + 1)
    before = everything()

    asked = send(member, path, csrf)
    assert asked.address.startswith(f"{member.root}/confirm?")
    assert everything() == before

    back = member.confirm(asked)
    assert back.address == f"{member.root}{path.rpartition('/')[0]}?done=signed-in"
    assert send(member, path, csrf_of(member)).address.partition("?")[0] != asked.address


@pytest.mark.parametrize("path", sorted({*FORMS} - NEED_THE_PASSWORD))
def test_other_forms_do_not_ask_again(member: Member, path: str, clock: StillClock) -> None:
    csrf = csrf_of(member)
    clock.advance(RECENTLY_US / 1_000_000 + 1)

    assert f"{member.root}/confirm" not in send(member, path, csrf).address


def test_password_counts_for_a_quarter_of_an_hour(member: Member, clock: StillClock) -> None:
    csrf = csrf_of(member)
    clock.advance(RECENTLY_US / 1_000_000)

    assert send(member, "/app-passwords/make", csrf).status == 200


def test_pages_themselves_do_not_ask_for_what_is_recent(member: Member, clock: StillClock) -> None:
    clock.advance(RECENTLY_US / 1_000_000 + 1)

    for path in PAGES:
        assert member.open(path).address == member.root + path


# --- another site --------------------------------------------------------------------------------


def test_forms_of_another_site_change_nothing(member: Member) -> None:
    csrf = csrf_of(member)
    wrong = csrf[:-1] + ("0" if csrf[-1] != "0" else "1")
    before = everything()

    for path in (*FORMS, CONFIRM):
        answers = [
            send(member, path, ""),
            send(member, path, wrong),
            send(member, path, csrf, Origin="https://evil.example"),
            send(member, path, csrf, Origin="null"),
            send(member, path, csrf, Sec_Fetch_Site="cross-site"),
            send(member, path, csrf, Sec_Fetch_Site="same-site"),
        ]

        assert [answer.status for answer in answers] == [403] * len(answers)
        assert everything() == before, path


def test_token_of_another_browser_is_none(member: Member, bob: Person) -> None:
    other = Member(member.stage, bob)
    other.sign_in()

    assert send(member, "/status/deactivate", csrf_of(other)).status == 403
    assert member.person.row.is_active


# --- limits --------------------------------------------------------------------------------------


def test_forms_of_one_member_have_a_budget(member: Member) -> None:
    member.stage.services.rate_limits.enabled = True
    csrf = csrf_of(member)

    answers = [send(member, "/devices/end", csrf) for _ in range(101)]

    assert {answer.status for answer in answers[:100]} == {200}
    assert answers[100].status == 429
    assert "try again in" in answers[100].text


def test_refused_form_shows_its_page_with_what_was_typed(member: Member) -> None:
    answer = member.send("/handle", "/handle/here", name="a!")

    assert answer.status == 400
    assert answer.form(f"{member.root}/handle/here")["name"].value == "a!"
    assert answer.html.count('role="alert"') == 1
    assert "<title>Error: " in answer.html
