"""iPhone windows without cookies are noticed; nobody else is bothered."""

from __future__ import annotations

import pytest

from tests.authorizing import open_requests
from tests.browser_tools import Page
from tests.factories import Person
from tests.web.pages.authorize.conftest import Member
from tests.web.pages.authorize.outcomes import granted, outcome

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1"


@pytest.fixture
def phone(member: Member) -> Member:
    member.browser.user_agent = IPHONE
    return member


def test_phone_that_keeps_cookies_goes_on(phone: Member, alice: Person) -> None:
    page = phone.arrive()
    assert page.heading == "One moment"
    assert [given for tag, given in page.elements if tag == "form" and "data-submit-now" in given]

    page = phone.browser.submit(page.form())

    assert page.heading == "Sign in"
    granted(phone.allow(phone.sign_in(page, alice)))
    assert phone.arrive().heading != "One moment"


def no_cookies(phone: Member) -> Page:
    """The page after the second attempt without a cookie."""
    page = phone.arrive()
    phone.browser.cookies.clear()
    return phone.browser.submit(page.form())


def test_phone_without_cookies_is_told_why(phone: Member) -> None:
    page = no_cookies(phone)

    assert page.status == 400
    assert page.heading == "Your browser keeps no cookies"
    assert open_requests() == 1


def test_app_is_told_too(phone: Member) -> None:
    page = no_cookies(phone)
    phone.browser.cookies.clear()

    answer = phone.browser.submit(page.form())

    assert outcome(answer) == {
        "error": "invalid_request",
        "error_description": "ERR_COOKIES_UNSUPPORTED",
    }
    assert open_requests() == 0


def test_cookies_that_come_late_are_good_enough(phone: Member) -> None:
    page = no_cookies(phone)

    assert phone.browser.submit(page.form()).heading == "Sign in"


def test_pages_open_in_a_window_only(phone: Member) -> None:
    page = phone.browser.open(phone.ask(), headers={"Sec-Fetch-Dest": "iframe"})

    assert page.status == 400
    assert page.heading == "This did not work"


def test_request_that_nobody_knows(phone: Member) -> None:
    page = phone.browser.open("/oauth/authorize?client_id=x&cookie-test=2")

    assert page.status == 400
    assert "invalid_request" in page.text
