"""Signing in for an app: who may, what is fixed, what stays."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from pds.services.second_factors import Challenge
from pds.storage.database import rows
from tests.authorizing import Asking, open_requests
from tests.browser_tools import Page
from tests.factories import Person, StillClock, make_config, take_down
from tests.stage import open_stage, queued_mail
from tests.web.pages.authorize.conftest import Member
from tests.web.pages.authorize.outcomes import error_of, granted

if TYPE_CHECKING:
    from pathlib import Path

    from pds.services import Services
    from pds.storage.accounts import AccountRow

SIGN_IN = "/oauth/authorize/sign-in"
CONSENT = "/oauth/authorize/consent"


def path_of(page: Page) -> str:
    return urlsplit(page.address).path


@pytest.mark.parametrize("by", ["handle", "did", "email"])
def test_member_signs_in_by_any_name(member: Member, alice: Person, by: str) -> None:
    form = member.arrive().form(SIGN_IN)

    page = member.browser.submit(form, identifier=getattr(alice, by), password=alice.password)

    assert path_of(page) == CONSENT
    assert "@alice.test" in page.text


@pytest.mark.parametrize(("name", "password"), [("alice.test", "h0rse"), ("nobody.test", "h0rse")])
def test_wrong_password_and_wrong_name_look_alike(
    member: Member, alice: Person, name: str, password: str
) -> None:
    form = member.arrive().form(SIGN_IN)

    page = member.browser.submit(form, identifier=name, password=password, remember=True)

    assert page.status == 401
    assert "This handle, e-mail address or password is wrong." in page.text
    again = page.form(SIGN_IN)
    assert again["identifier"].value == name
    assert again["remember"].is_on
    assert password not in page.html
    assert rows("SELECT * FROM browser") == []


def test_account_that_is_taken_down_is_refused(member: Member, alice: Person) -> None:
    take_down(alice)

    page = member.sign_in(member.arrive(), alice)

    assert page.status == 401
    assert "taken down" in page.text
    assert rows("SELECT * FROM browser") == []


def test_form_of_another_site_signs_nobody_in(member: Member, alice: Person) -> None:
    form = member.arrive().form(SIGN_IN)
    form["identifier"].value = alice.handle
    form["password"].value = alice.password

    for name, value in (("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site")):
        assert member.browser.submit(form, headers={name: value}).status == 403
    form["csrf"].value = "0" * 64
    assert member.browser.submit(form).status == 403
    assert rows("SELECT * FROM browser") == []
    assert open_requests() == 1


@pytest.mark.parametrize("step", ["accounts", "other-account", "consent", "reactivate", "deny"])
def test_no_form_is_taken_without_its_token(member: Member, alice: Person, step: str) -> None:
    consent = member.sign_in(member.arrive(), alice)
    form = consent.form(CONSENT)
    form.action = form.action.replace("/consent", f"/{step}")
    form.fields.clear()

    assert member.browser.submit(form).status == 403
    assert open_requests() == 1


@pytest.mark.parametrize("by", ["handle", "did"])
def test_hint_fixes_the_name(member: Member, alice: Person, bob: Person, by: str) -> None:
    page = member.arrive(login_hint=getattr(alice, by))
    form = page.form(SIGN_IN)
    assert form["identifier"].value == "alice.test"
    assert form["identifier"].is_fixed

    form["identifier"].value = bob.handle
    refused = member.browser.submit(form, password=bob.password)

    assert refused.status == 401
    assert refused.form(SIGN_IN)["identifier"].value == "alice.test"
    form["identifier"].value = "whatever"
    assert "@alice.test" in member.browser.submit(form, password=alice.password).text


def test_hint_binds_consent(member: Member, alice: Person, bob: Person) -> None:
    """Also who is signed in already cannot answer in the place of the account that was named."""
    member.remembered(bob)
    page = member.arrive(login_hint=alice.did)
    address = page.address.replace("sign-in", "consent") + f"&did={bob.did}"

    assert path_of(member.browser.open(address)) == SIGN_IN
    form = page.form(SIGN_IN)
    form.action = address
    form.fields[:] = [form["csrf"]]
    answer = member.browser.submit(form)
    assert answer.leads_to is None
    assert open_requests() == 1


def test_another_account_is_a_wish_of_its_own(member: Member, alice: Person, bob: Person) -> None:
    page = member.arrive(login_hint=alice.did)
    page = member.browser.submit(page.form("/oauth/authorize/other-account"))
    form = page.form(SIGN_IN)
    assert not form["identifier"].is_fixed

    consent = member.sign_in(page, bob)

    assert granted(member.allow(consent)).account_id == bob.row.id


def test_another_account_may_be_signed_in_already(
    member: Member, alice: Person, bob: Person
) -> None:
    member.remembered(bob)
    page = member.arrive(login_hint=alice.did)

    page = member.browser.submit(page.form("/oauth/authorize/other-account"))

    assert page.heading == "Choose an account"


def test_hint_at_an_account_elsewhere(member: Member, alice: Person) -> None:
    page = member.arrive(login_hint="carol.elsewhere.example")
    form = page.form(SIGN_IN)
    assert form["identifier"].value == "carol.elsewhere.example"

    assert member.browser.submit(form, password="x").status == 401
    form["identifier"].value = alice.handle
    assert member.browser.submit(form, password=alice.password).status == 401
    page = member.browser.submit(page.form("/oauth/authorize/other-account"))
    assert path_of(member.sign_in(page, alice)) == CONSENT


def test_new_place_is_told_of(member: Member, other: Member, alice: Person) -> None:
    """The account was made without a browser, so the first one is new, and the same again not."""
    other.browser.user_agent = "Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) Version/18.0 Safari"
    other.browser.ip = "198.51.100.7"
    other.remembered(alice)
    topics = [topic for topic, _ in queued_mail()]
    assert topics.count("new_sign_in") == 1

    other.sign_in(other.arrive(prompt="login", login_hint=alice.did), alice)

    assert [topic for topic, _ in queued_mail()].count("new_sign_in") == 1


# --- staying signed in ----------------------------------------------------------------------------


def test_remembered_member_is_there_the_next_time(member: Member, alice: Person) -> None:
    member.allow(member.sign_in(member.arrive(), alice, remember=True))

    page = member.arrive()

    assert page.heading == "Choose an account"
    assert "@alice.test" in page.text


def test_member_is_not_remembered_unless_they_say_so(member: Member, alice: Person) -> None:
    start = member.arrive()
    assert not start.form(SIGN_IN)["remember"].is_on
    member.allow(member.sign_in(start, alice, remember=False))

    assert member.arrive().heading == "Sign in"


def test_sign_in_that_is_not_remembered_lasts_a_quarter_of_an_hour(
    member: Member, alice: Person, clock: StillClock
) -> None:
    page = member.sign_in(member.arrive(), alice, remember=False)
    for _ in range(3):
        clock.advance(290)
        assert member.browser.open(page.address).status == 200
    clock.advance(290)

    assert path_of(member.browser.open(page.address)) == SIGN_IN


def test_old_sign_in_is_confirmed(member: Member, alice: Person, clock: StillClock) -> None:
    member.remembered(alice)
    clock.advance(7 * 24 * 3600)
    page = member.arrive()
    assert "Password needed" in page.text
    page = member.browser.submit(page.form("/oauth/authorize/accounts"))
    form = page.form(SIGN_IN)
    assert form["identifier"].is_fixed
    assert form["remember"].is_on

    # All that is due is the password: the app was allowed before.
    granted(member.browser.submit(form, password=alice.password))
    clock.advance(6 * 24 * 3600)
    granted(member.arrive(login_hint=alice.did))


def test_app_may_want_the_password_again(member: Member, alice: Person) -> None:
    member.remembered(alice)

    page = member.arrive(prompt="login", login_hint=alice.did)
    assert path_of(page) == SIGN_IN
    granted(member.sign_in(page, alice))

    page = member.arrive(prompt="login")
    assert "Password needed" in page.text


def test_chosen_account_cannot_be_swapped_by_the_form(
    member: Member, alice: Person, bob: Person, clock: StillClock
) -> None:
    member.remembered(alice)
    clock.advance(8 * 24 * 3600)
    page = member.browser.submit(member.arrive().form("/oauth/authorize/accounts"))
    form = page.form(SIGN_IN)
    form["identifier"].value = bob.handle

    assert member.browser.submit(form, password=bob.password).status == 401


# --- ways out -------------------------------------------------------------------------------------


def test_member_may_go_back(member: Member) -> None:
    assert error_of(member.deny(member.arrive())) == "access_denied"


def test_page_offers_help(member: Member) -> None:
    page = member.arrive()

    assert page.links["Forgot your password?"] == "/account/reset-password"
    assert page.links["Create one"].startswith("/account/sign-up?client_id=https")
    assert "address bar" in page.text
    assert "localhost:2583" in page.text


# --- a second factor ------------------------------------------------------------------------------


class Codes:
    """Wants the code 123456 of everybody."""

    def challenge(self, account: AccountRow) -> Challenge | None:
        return Challenge("totp", f"The code that your phone shows for {account.handle}.")

    def is_answer(self, account: AccountRow, answer: str) -> bool:
        return answer == "123456"


def test_second_factor_is_asked_for(
    member: Member, services: Services, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services.sign_in, "_second_factor", Codes())
    page = member.sign_in(member.arrive(), alice)
    assert "The code that your phone shows for alice.test." in page.text
    assert rows("SELECT * FROM browser") == []
    form = page.form(SIGN_IN)
    assert "password" not in form

    wrong = member.browser.submit(form, code="000000")
    assert wrong.status == 401
    assert "That code is wrong" in wrong.text
    consent = member.browser.submit(wrong.form(SIGN_IN), code="123456")

    assert path_of(consent) == CONSENT
    assert member.arrive().heading == "Choose an account"


def test_second_factor_of_another_account_is_of_no_use(
    member: Member,
    services: Services,
    alice: Person,
    bob: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(services.sign_in, "_second_factor", Codes())
    ticket = member.sign_in(member.arrive(), bob).form(SIGN_IN)["ticket"].value
    page = member.sign_in(member.arrive(login_hint=alice.did), alice)
    form = page.form(SIGN_IN)
    form["ticket"].value = ticket

    refused = member.browser.submit(form, code="123456")

    assert refused.status == 401
    assert "another account" in refused.text
    assert rows("SELECT * FROM browser_account") == []


# --- limits ---------------------------------------------------------------------------------------


def test_wrong_passwords_and_pages_have_budgets(
    tmp_path: Path, open_database: Path, asking: Asking, clock: StillClock
) -> None:
    from pds.services import build_services
    from tests.factories import make_account

    services = build_services(make_config(tmp_path, rate_limits_enabled="true"), clock)
    alice = make_account(services, "alice")
    with open_stage(services) as stage:
        member = Member(stage, asking)
        form = member.arrive().form(SIGN_IN)
        tries = [
            member.browser.submit(form, identifier=alice.handle, password="x") for _ in range(31)
        ]
        assert tries[0].status == 401
        assert tries[-1].status == 429
        assert tries[-1].headers["Retry-After"]
        assert "try again" in tries[-1].text.lower()

        where = member.ask()
        pages = [member.browser.open(where) for _ in range(300)]
        assert pages[-1].status == 429
        assert pages[-1].headers["Retry-After"]
    services.close()


def test_app_password_is_for_programs(member: Member, services: Services, alice: Person) -> None:
    made = services.app_passwords.create(alice.did, "phone", privileged=False)
    form = member.arrive().form(SIGN_IN)

    page = member.browser.submit(form, identifier=alice.handle, password=made.password)

    assert page.status == 401
    assert "This is an app password, for programs." in page.text
