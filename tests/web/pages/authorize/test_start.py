"""The first page: who may open a request, and which answers need nobody's help."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from pds.storage import accounts
from pds.storage.database import rows
from tests.authorizing import CONFIDENTIAL, PUBLIC, TRUSTED, Asking, address, open_requests
from tests.browser_tools import TestBrowser
from tests.factories import Person, StillClock, take_down
from tests.stage import Stage
from tests.web.pages.authorize.conftest import Member
from tests.web.pages.authorize.outcomes import error_of, granted

START = "/oauth/authorize"


# --- how it is opened -----------------------------------------------------------------------------


def test_app_leads_to_the_sign_in_page(member: Member) -> None:
    page = member.arrive()

    assert page.status == 200
    assert urlsplit(page.address).path == "/oauth/authorize/sign-in"
    assert page.heading == "Sign in"
    assert set(member.browser.cookies) == {"dev-id"}
    assert rows("SELECT * FROM browser") == []


@pytest.mark.parametrize("site", ["same-origin", "same-site", "cross-site", "none"])
def test_page_may_be_opened_from_anywhere(member: Member, site: str) -> None:
    assert member.browser.open(member.ask(), site=site).status == 200


def test_old_browsers_may_open_it(member: Member, alice: Person) -> None:
    member.browser.is_old = True

    granted(member.allow(member.sign_in(member.arrive(), alice)))


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors"},
        {"Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "elsewhere"},
        {"Sec-Fetch-Dest": None},
        {"Sec-Fetch-Site": None, "Sec-Fetch-Mode": None},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_page_opens_in_a_window_only(member: Member, headers: dict[str, str | None]) -> None:
    where = member.ask()
    page = member.browser.open(where, headers=headers)

    assert page.status == 400
    assert page.heading == "This did not work"
    assert page.headers["X-Frame-Options"] == "DENY"
    assert member.browser.open(where).status == 200


@pytest.mark.parametrize("step", ["accounts", "sign-in", "consent", "reactivate"])
def test_no_page_opens_in_a_frame(member: Member, step: str) -> None:
    where = member.ask().replace(START, f"{START}/{step}")

    assert member.browser.open(where, headers={"Sec-Fetch-Dest": "iframe"}).status == 400


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?client_id=x",
        "?request_uri=urn:ietf:params:oauth:request_uri:req-" + "0" * 32,
        "?client_id=x&request_uri=urn:ietf:params:oauth:request_uri:req-" + "0" * 32,
        "?client_id=x&request_uri=https://app.example.net/request",
        "?client_id=x&request_uri=%00&request_uri=%ff",
        "?response_type=code&client_id=x&redirect_uri=https://app.example.net/&scope=atproto",
    ],
)
def test_request_that_nobody_knows(member: Member, query: str) -> None:
    page = member.browser.open(START + query)

    assert page.status == 400
    assert "invalid_request" in page.text
    assert "Go back to the app" in page.text
    assert page.headers["Cache-Control"] == "no-store"


def test_client_that_cannot_be_found(member: Member, asking: Asking) -> None:
    where = member.ask()
    del asking.clients[CONFIDENTIAL.id]

    page = member.browser.open(where)

    assert page.status == 400
    assert "could not fetch it" in page.text
    assert open_requests() == 1


# --- whose it is ----------------------------------------------------------------------------------


def test_request_belongs_to_the_first_browser(member: Member, other: Member) -> None:
    where = member.ask()
    first = member.browser.open(where)

    assert error_of(other.browser.open(where)) == "access_denied"

    assert open_requests() == 0
    assert member.browser.open(first.address).status == 400


def test_request_of_another_client(member: Member, asking: Asking) -> None:
    where = address(PUBLIC, asking.push(CONFIDENTIAL))

    assert error_of(member.browser.open(where)) == "access_denied"
    assert open_requests() == 0


def test_request_lapses(member: Member, clock: StillClock) -> None:
    where = member.ask()
    clock.advance(300)

    assert error_of(member.browser.open(where)) == "access_denied"
    assert open_requests() == 0


def test_request_lives_longer_with_every_page(
    member: Member, alice: Person, clock: StillClock
) -> None:
    page = member.arrive()
    for _ in range(5):
        clock.advance(299)
        page = member.browser.open(page.address)
        assert page.status == 200

    clock.advance(299)
    page = member.sign_in(page, alice)
    clock.advance(300)

    assert error_of(member.browser.submit(page.form("/oauth/authorize/consent"))) == "access_denied"


def test_answered_request_is_over_but_not_undone(
    member: Member, other: Member, alice: Person
) -> None:
    where = member.ask()
    page = member.sign_in(member.browser.open(where), alice)
    done = member.allow(page)

    for browser in (member.browser, other.browser):
        late = browser.open(where)
        assert late.status == 400
        assert "answered already" in late.text
    assert granted(done).account_id == alice.row.id
    assert member.browser.open(where).status == 400


def test_planted_browser_number_gains_nothing(member: Member, other: Member, alice: Person) -> None:
    """Session fixation: somebody has put their own cookie into the member's browser."""
    where = member.ask()
    other.browser.open(where)
    member.browser.cookies = dict(other.browser.cookies)
    page = member.browser.open(where)

    consent = member.sign_in(page, alice)

    assert consent.status == 200
    assert member.browser.cookies["dev-id"] != other.browser.cookies["dev-id"]
    for address_ in (where, consent.address):
        assert "alice.test" not in other.browser.open(address_).html
    assert granted(member.allow(consent)).account_id == alice.row.id


def test_stolen_cookies_sign_everybody_out(
    member: Member, other: Member, alice: Person, clock: StillClock
) -> None:
    member.remembered(alice)
    other.browser.cookies = dict(member.browser.cookies)
    clock.advance(6 * 60)
    assert "@alice.test" in member.arrive().text
    clock.advance(6)
    member.arrive()

    assert other.arrive().heading == "Sign in"
    assert member.arrive().heading == "Sign in"
    assert rows("SELECT * FROM browser") == []


# --- answers at once ------------------------------------------------------------------------------


def test_without_a_hint_nobody_is_signed_in_silently(member: Member, alice: Person) -> None:
    member.remembered(alice)

    assert error_of(member.arrive(prompt="none")) == "login_required"
    assert open_requests() == 0


def test_who_is_not_signed_in_is_not_signed_in_silently(
    member: Member, alice: Person, bob: Person
) -> None:
    member.remembered(alice)

    for hint in (bob.handle, bob.did, "somebody.elsewhere.example"):
        assert error_of(member.arrive(prompt="none", login_hint=hint)) == "login_required"


def test_silence_needs_a_recent_password(member: Member, alice: Person, clock: StillClock) -> None:
    member.remembered(alice)
    clock.advance(7 * 24 * 3600)

    assert error_of(member.arrive(prompt="none", login_hint=alice.did)) == "login_required"


def test_silence_needs_an_agreement(member: Member, alice: Person) -> None:
    member.remembered(alice)
    more = member.arrive(prompt="none", login_hint=alice.did, scope="atproto identity:handle")
    assert error_of(more) == "consent_required"
    new = member.arrive(TRUSTED, prompt="none", login_hint=alice.did)
    assert error_of(new) == "consent_required"


@pytest.mark.parametrize("by", ["handle", "did"])
@pytest.mark.parametrize("prompt", [None, "none"])
def test_who_has_agreed_before_is_signed_in_silently(
    member: Member, alice: Person, bob: Person, by: str, prompt: str | None
) -> None:
    member.remembered(alice)
    member.remembered(bob)
    row = granted(member.arrive(login_hint=getattr(alice, by), prompt=prompt))

    assert row.account_id == alice.row.id
    assert row.granted_scope == "atproto account:email"


@pytest.mark.parametrize("prompt", ["login", "consent", "select_account", "create"])
def test_other_prompts_ask(member: Member, alice: Person, prompt: str) -> None:
    member.remembered(alice)

    assert member.arrive(login_hint=alice.did, prompt=prompt).leads_to is None


def test_deactivated_account_is_not_signed_in_silently(
    member: Member, stage: Stage, alice: Person
) -> None:
    member.remembered(alice)
    stage.services.accounts.deactivate(alice.did)

    assert error_of(member.arrive(prompt="none", login_hint=alice.did)) == "login_required"
    page = member.arrive(login_hint=alice.did)
    assert page.heading == "Activate your account?"


def test_account_that_is_taken_down_is_not_there(member: Member, alice: Person) -> None:
    member.remembered(alice)
    take_down(alice)

    assert error_of(member.arrive(prompt="none", login_hint=alice.did)) == "login_required"
    assert member.arrive().heading == "Sign in"


# --- which page comes first -----------------------------------------------------------------------


def test_who_is_signed_in_can_be_chosen(member: Member, alice: Person) -> None:
    member.remembered(alice)

    assert member.arrive().heading == "Choose an account"


def test_nobody_to_select_is_no_error(member: Member, alice: Person) -> None:
    assert member.arrive(prompt="select_account").heading == "Sign in"
    member.remembered(alice)
    assert member.arrive(prompt="select_account", login_hint=alice.did).heading == (
        "Choose an account"
    )


def test_hint_skips_the_choice(member: Member, alice: Person, bob: Person) -> None:
    member.remembered(alice)
    member.remembered(bob)

    page = member.arrive(PUBLIC, login_hint=alice.handle)

    assert page.heading == "Allow this app?"
    assert "@alice.test" in page.text


def test_newcomer_is_sent_to_make_an_account(member: Member) -> None:
    browser: TestBrowser = member.browser
    answer = browser.open(member.ask(prompt="create"))

    assert urlsplit(answer.address).path == "/account/sign-up"
    assert "request_uri=urn" in answer.address
    assert "client_id=https" in answer.address


def test_newcomer_signs_in_where_sign_up_is_closed(member: Member, stage: Stage) -> None:
    stage.services.flood_breaker.close()

    assert member.arrive(prompt="create").heading == "Sign in"


def test_newcomer_comes_back_to_consent(member: Member) -> None:
    page = member.arrive(PUBLIC, prompt="create")
    page = member.browser.submit(page.form("/account/sign-up"), name="carol")
    form = page.form("/account/sign-up")
    page = member.browser.submit(form, email="carol@example.com", password="a good password")

    assert page.heading == "Allow this app?"
    assert "@carol.test" in page.text
    carol = accounts.find_by_handle("carol.test")
    assert carol is not None
    assert granted(member.allow(page)).account_id == carol.id


# --- how the answer travels -----------------------------------------------------------------------


def test_answer_in_the_fragment(member: Member, alice: Person) -> None:
    page = member.sign_in(member.arrive(response_mode="fragment"), alice)

    leads_to = member.allow(page).leads_to or ""

    assert leads_to.startswith(
        "https://app.example.net/callback?from=pds#iss=http%3A%2F%2Flocalhost%3A2583"
        "&state=a%20state%26more&code=cod-"
    )


def test_answer_by_a_form(member: Member, alice: Person) -> None:
    page = member.sign_in(member.arrive(response_mode="form_post"), alice)

    answer = member.allow(page)

    assert answer.status == 200
    form = answer.form("https://app.example.net/callback?from=pds")
    assert form.method == "post"
    fields = {field.name: field.value for field in form.fields}
    assert fields["iss"] == "http://localhost:2583"
    assert fields["state"] == "a state&more"
    assert fields["code"].startswith("cod-")
    assert form.buttons
    assert "form-action" not in answer.headers["Content-Security-Policy"]
    assert [given for tag, given in answer.elements if tag == "form" and "data-submit-now" in given]


@pytest.mark.parametrize(
    "redirect_uri", ["net.example.app:/callback", "http://127.0.0.1:8765/cb", "http://[::1]/"]
)
def test_answer_to_an_app_on_the_device(member: Member, alice: Person, redirect_uri: str) -> None:
    page = member.sign_in(member.arrive(PUBLIC, redirect_uri=redirect_uri), alice)

    leads_to = member.allow(page).headers["Location"]

    assert leads_to.startswith(f"{redirect_uri}?iss=http%3A%2F%2Flocalhost%3A2583&state=")


def test_request_in_another_window_goes_on_after_the_first_sign_in(
    member: Member, alice: Person
) -> None:
    one, two = member.ask(), member.ask(PUBLIC)
    first, second = member.browser.open(one), member.browser.open(two)
    member.allow(member.sign_in(first, alice))

    page = member.browser.open(second.address)

    assert page.status == 200
    assert page.leads_to is None
