"""Whatever is sent to these pages, they answer; and what each failure looks like."""

from __future__ import annotations

import pytest

from tests.authorizing import CONFIDENTIAL, Asking, address, open_requests
from tests.factories import Person
from tests.web.pages.authorize.conftest import Member

STEPS = ("", "/accounts", "/sign-in", "/other-account", "/reactivate", "/consent", "/deny")
ODD = {
    "nul": "%00",
    "not UTF-8": "%ff%fe",
    "surrogate": "%ed%a0%80",
    "long": "x" * 3_000,
    "bidi": "%E2%80%AE",
    "markup": "%3Cscript%3E",
    "did": "did:plc:nobody",
}


@pytest.mark.parametrize("odd", ODD.values(), ids=list(ODD))
@pytest.mark.parametrize("step", STEPS)
def test_odd_addresses_are_answered(
    member: Member, asking: Asking, alice: Person, step: str, odd: str
) -> None:
    member.sign_in(member.arrive(), alice)
    fine = address(CONFIDENTIAL, asking.push(), step)
    for where in (f"{fine}&did={odd}", f"/oauth/authorize{step}?client_id={odd}&request_uri={odd}"):
        page = member.browser.open(where)
        assert page.status < 500
        assert "<script>" not in page.html


@pytest.mark.parametrize("odd", ODD.values(), ids=list(ODD))
@pytest.mark.parametrize("step", [step for step in STEPS if step])
def test_odd_forms_are_answered(
    member: Member, asking: Asking, alice: Person, step: str, odd: str
) -> None:
    member.sign_in(member.arrive(), alice)
    csrf = member.browser.open(member.ask()).forms[0]["csrf"].value
    fine = address(CONFIDENTIAL, asking.push(), step)
    fields = ("did", "identifier", "password", "ticket", "code", "kind", "hint", "allow", "csrf")
    body = "&".join(f"{name}={odd}" for name in fields)
    for sent in (f"csrf={csrf}&{body}", body):
        answer = member.browser.send(fine, sent)
        assert answer.status < 500
        assert "<script>" not in answer.html


@pytest.mark.parametrize("cookie", ["", "x", "dev-", "ü", 'a"b', "dev-" + "0" * 32, "y" * 3_000])
def test_odd_cookies_are_answered(member: Member, cookie: str) -> None:
    member.browser.cookies = {"dev-id": cookie, "ses-id": cookie}

    page = member.arrive()

    assert page.status == 200
    assert page.heading == "Sign in"


@pytest.mark.parametrize("step", STEPS)
def test_other_verbs_are_refused(member: Member, step: str) -> None:
    answer = member.browser.send(member.ask().replace("/authorize", f"/authorize{step}"), "", "PUT")

    assert answer.status == 405
    assert answer.headers["Allow"]
    assert open_requests() == 1
