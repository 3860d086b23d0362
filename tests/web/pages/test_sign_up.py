"""/account/sign-up, by a browser without scripts."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pds.config import Config
from pds.services.devices import UNKNOWN_DEVICE, Device
from pds.storage import accounts, oauth_requests
from pds.storage.database import rows, transaction
from pds.storage.oauth_requests import OAuthRequestRow
from tests.browser_tools import Field, Form, Page, TestBrowser
from tests.factories import Person, make_account, make_code, make_config, race
from tests.fakes.web_server import WebServer, web_server
from tests.leftovers import all_rows
from tests.stage import Stage, queued_mail

AT = "/account/sign-up"
PASSWORD = "correct horse battery"
REST = {"email": "carol@example.com", "password": PASSWORD}


class Visitor:
    """Somebody without scripts, at a page."""

    def __init__(self, stage: Stage) -> None:
        self.browser = TestBrowser(stage.web, origin=stage.services.config.public_url)
        self.page: Page

    @property
    def text(self) -> str:
        return self.page.html

    @property
    def form(self) -> Form:
        return self.page.form(AT)

    def typed(self, name: str) -> str:
        """What a field holds."""
        [found] = [one for one in self.form.fields if one.name == name and one.is_on]
        return found.value

    def open(self, address: str) -> Page:
        self.page = self.browser.open(address)
        return self.page

    def fill(self, **typed: Any) -> Page:
        """Fill in the form of the page, send it and follow where it leads."""
        return self.send(self.form, **typed)

    def send(self, form: Form, *, headers: Any = None, **typed: Any) -> Page:
        self.page = self.browser.submit(form, headers=headers or {}, **typed)
        return self.page

    def error_of(self, name: str) -> str:
        """What is wrong with a field, as it is told to who cannot see it."""
        [field] = [given for _, given in self.page.elements if given.get("id") == f"f-{name}"]
        assert f"f-{name}-error" in field["aria-describedby"]
        found = re.search(rf'<p class="error" id="f-{name}-error">(.*?)</p>', self.text, re.DOTALL)
        assert found, self.text
        return found[1]


@pytest.fixture
def visitor(stage: Stage) -> Visitor:
    return Visitor(stage)


@pytest.fixture
def at_the_rest(visitor: Visitor) -> Visitor:
    """Carol has chosen her handle."""
    visitor.open(AT)
    assert visitor.fill(name="carol").status == 200
    return visitor


def signed_in(stage: Stage, visitor: Visitor, request_id: str | None = None) -> list[str | None]:
    """The handles of who is signed in in this browser."""
    browsers = stage.services.browsers
    cookies = visitor.browser.cookies
    browser = browsers.recognise(cookies.get("dev-id"), cookies.get("ses-id"), _device(visitor))
    return [found.account.handle for found in browsers.accounts(browser, request_id)]


def _device(visitor: Visitor) -> Device:
    return Device(visitor.browser.user_agent, "127.0.0.1")


def test_newcomer_gets_an_account_and_is_signed_in(stage: Stage, at_the_rest: Visitor) -> None:
    assert "carol.test" in at_the_rest.text
    at_the_rest.fill(**REST)

    assert at_the_rest.page.address.startswith("/account")
    account = accounts.find_by_handle("carol.test")
    assert account is not None
    assert (account.email, account.is_active) == ("carol@example.com", True)
    proof = stage.services.sign_in.check("carol.test", PASSWORD, _device(at_the_rest))
    assert proof.account == account
    assert signed_in(stage, at_the_rest) == ["carol.test"]
    assert queued_mail() == [("confirm_email", "carol@example.com")]
    assert rows("SELECT id FROM session") == []  # nobody has asked for one


def test_way_back_to_the_app_is_kept(stage: Stage, visitor: Visitor) -> None:
    along = "client_id=https%3A%2F%2Fapp.example%2Fc%3Fa%26b&request_uri=urn%3Ax%3Areq-1"
    visitor.open(f"{AT}?{along}")
    assert f'href="/oauth/authorize?{along}"'.replace("&", "&amp;") in visitor.text
    visitor.fill(name="carol")
    assert "form-action" not in visitor.page.headers["Content-Security-Policy"]
    visitor.fill(email="carol@")
    visitor.fill(**REST)

    assert visitor.page.address == f"/oauth/authorize?{along}"
    assert signed_in(stage, visitor) == ["carol.test"]


def test_request_of_the_app_goes_along(stage: Stage, visitor: Visitor) -> None:
    visitor.open(AT)
    dev_id = visitor.browser.cookies["dev-id"]
    before = stage.services.browsers.recognise(dev_id, None, UNKNOWN_DEVICE)
    for name, browser_hash in (("a" * 32, before.id), ("b" * 32, "somebody else's browser")):
        row = OAuthRequestRow(f"req-{name}", "c", "{}", "{}", "jkt", 0, 1 << 60, browser_hash)
        with transaction():
            oauth_requests.insert(row)

    for name, handle, goes in (("b", "dave", False), ("a", "carol", True)):
        request_uri = f"urn:ietf:params:oauth:request_uri:req-{name * 32}"
        newcomer = Visitor(stage)
        newcomer.browser.cookies = {"dev-id": dev_id}
        newcomer.open(f"{AT}?client_id=c&request_uri={request_uri}&name={handle}")
        newcomer.fill(email=f"{handle}@example.com", password=PASSWORD)
        found = oauth_requests.find(f"req-{name * 32}")
        assert found is not None
        now = hashlib.sha256(newcomer.browser.cookies["dev-id"].encode()).hexdigest()
        assert (found.browser_hash == now) is goes
        # For this request alone, or else remembered.
        assert signed_in(stage, newcomer, found.id) == [f"{handle}.test"]
        assert (signed_in(stage, newcomer) == []) is goes


@pytest.mark.parametrize("typed", ["@Carol", " carol ", "carol.test", "CAROL.TEST"])
def test_handle_is_understood_however_it_is_written(visitor: Visitor, typed: str) -> None:
    visitor.open(AT)
    visitor.fill(name=typed)

    assert visitor.typed("handle") == "carol.test"


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("ca", "too short"),
        ("c" * 19, "too long"),
        ("ca_rol", "letters, digits and hyphens"),
        ("carol.example.com", "of your own later"),
        ("admin", "reserved"),
        ("a<b>", "letters, digits and hyphens"),
    ],
)
def test_handle_that_may_not_be_is_told_at_its_field(
    visitor: Visitor, typed: str, told: str
) -> None:
    visitor.open(AT)
    answer = visitor.fill(name=typed)

    assert answer.status == 400
    assert told in visitor.error_of("name").lower()
    assert visitor.typed("name") == typed
    assert "<title>Error: " in visitor.text


def test_handle_of_another_is_told_and_others_are_offered(visitor: Visitor, alice: Person) -> None:
    visitor.open(AT)
    visitor.fill(name="alice")

    assert "already" in visitor.error_of("name")
    assert 'href="/account/sign-up?name=alice2.test"' in visitor.text
    visitor.open(f"{AT}?name=alice2.test")
    assert visitor.typed("handle") == "alice2.test"


def test_handle_that_goes_meanwhile_is_asked_for_again(stage: Stage, at_the_rest: Visitor) -> None:
    make_account(stage.services, "carol", email="other@example.com")
    before = all_rows()
    answer = at_the_rest.fill(**REST)

    assert answer.status == 400
    assert "already" in at_the_rest.error_of("name")
    assert PASSWORD not in at_the_rest.text
    assert all_rows() == before


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("email", "", "required"),
        ("email", "carol", "not supported"),
        ("email", "carol@mailinator.com", "not supported"),
        ("password", "", "empty"),
        ("password", "7 chars", "at least 8"),
        ("password", "x" * 257, "too long"),
    ],
)
def test_field_that_may_not_be_is_told_there_and_the_rest_stays(
    at_the_rest: Visitor, field: str, value: str, told: str
) -> None:
    before = all_rows()
    answer = at_the_rest.fill(**{**REST, field: value})

    assert answer.status == 400
    assert told in at_the_rest.error_of(field)
    assert at_the_rest.typed("email") == {**REST, field: value}["email"]
    assert at_the_rest.typed("password") == ""
    assert all_rows() == before


def test_all_that_is_wrong_is_told_at_once(at_the_rest: Visitor) -> None:
    at_the_rest.fill(email="carol", password="short")

    assert at_the_rest.error_of("email")
    assert at_the_rest.error_of("password")


def test_address_of_a_member_is_not_told_to_be_one(at_the_rest: Visitor, alice: Person) -> None:
    at_the_rest.fill(email=alice.email, password=PASSWORD)
    taken = at_the_rest.error_of("email")
    at_the_rest.fill(email="carol@mailinator.com")

    assert at_the_rest.error_of("email") == taken
    assert queued_mail() == [("sign_up_attempt", alice.email)]


def test_form_of_another_site_makes_no_account(at_the_rest: Visitor) -> None:
    before = all_rows()
    form = at_the_rest.form

    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert at_the_rest.send(form, headers=headers, **REST).status == 403
    form["csrf"].value = "0" * 64
    assert at_the_rest.send(form, **REST).status == 403
    assert all_rows() == before


def test_two_at_once_get_one_account(stage: Stage, at_the_rest: Visitor) -> None:
    other = Visitor(stage)
    other.open(AT)
    other.fill(name="carol")

    def sign_up(visitor: Visitor, email: str) -> int:
        return visitor.fill(email=email, password=PASSWORD).status

    race(
        [
            lambda: sign_up(at_the_rest, "one@example.com"),
            lambda: sign_up(other, "two@example.com"),
        ]
    )

    assert len(rows("SELECT id FROM account")) == 1
    assert sorted(len(signed_in(stage, visitor)) for visitor in (at_the_rest, other)) == [0, 1]


def test_form_that_is_sent_again_signs_in(stage: Stage, at_the_rest: Visitor) -> None:
    """The answer to the first one got lost on the way."""
    form, cookies = at_the_rest.form, dict(at_the_rest.browser.cookies)
    at_the_rest.send(form, **REST)
    at_the_rest.browser.cookies = cookies
    at_the_rest.send(form, **REST)

    assert signed_in(stage, at_the_rest) == ["carol.test"]
    assert len(rows("SELECT id FROM account")) == 1
    assert queued_mail() == [("confirm_email", "carol@example.com")]


@pytest.mark.parametrize(
    "changes", [{"password": "another password"}, {"email": "mallory@example.com"}]
)
def test_form_of_somebody_else_does_not(
    stage: Stage, at_the_rest: Visitor, changes: dict[str, str]
) -> None:
    form, cookies = at_the_rest.form, dict(at_the_rest.browser.cookies)
    at_the_rest.send(form, **REST)
    at_the_rest.browser.cookies = cookies
    answer = at_the_rest.send(form, **{**REST, **changes})

    assert answer.status == 400
    assert signed_in(stage, at_the_rest) == []


def test_closed_sign_up_says_whom_to_ask(stage: Stage, at_the_rest: Visitor) -> None:
    stage.services.flood_breaker.close()
    before = all_rows()

    at_the_rest.fill(**REST)
    assert "ask its operator" in at_the_rest.text
    assert "<form" not in at_the_rest.text
    at_the_rest.open(AT)
    assert "ask its operator" in at_the_rest.text
    assert all_rows() == before


def test_addresses_that_make_no_sense_do_no_harm(visitor: Visitor) -> None:
    for query in ("name=%ff%00", "domain=.evil.example&name=carol", "name=" + "x" * 5_000):
        assert visitor.open(f"{AT}?{query}").status in (200, 400)
        assert "evil" not in visitor.text


class TestByInvitation:
    @pytest.fixture
    def config(self, tmp_path: Path) -> Config:
        return make_config(tmp_path, invite_required="true")

    def test_code_is_asked_for_and_used(self, stage: Stage, at_the_rest: Visitor) -> None:
        code = make_code(stage.services)
        for wrong in ("", "made-up"):
            at_the_rest.fill(**REST, invite_code=wrong)
            assert at_the_rest.error_of("invite_code")
            assert at_the_rest.typed("email") == REST["email"]

        at_the_rest.fill(**REST, invite_code=code)
        assert signed_in(stage, at_the_rest) == ["carol.test"]
        assert rows("SELECT code FROM invite_code_use") == [(code,)]

    def test_code_of_a_link_is_filled_in(self, visitor: Visitor) -> None:
        visitor.open(f"{AT}?invite_code=abc")
        visitor.fill(name="carol")

        assert visitor.typed("invite_code") == "abc"


class TestWithAPuzzle:
    @pytest.fixture
    def config(self, tmp_path: Path) -> Config:
        return make_config(tmp_path, hcaptcha_site_key="the-site", hcaptcha_secret_key="geheim")

    @pytest.fixture
    def judge(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
        """Their server: knows one right answer."""
        with web_server() as server:
            monkeypatch.setattr("pds.network.hcaptcha.VERIFY_URL", server.url)
            server.otherwise = lambda asked: (
                200,
                {},
                json.dumps({"success": b"response=right" in asked.body}).encode(),
            )
            yield server

    def solve(self, visitor: Visitor, answer: str, **typed: str) -> None:
        """Their script adds a field to the form."""
        form = visitor.form
        form.fields.append(Field("h-captcha-response", answer, "textarea"))
        visitor.send(form, **{**REST, **typed})

    def test_page_may_load_the_puzzle_and_others_may_not(
        self, visitor: Visitor, judge: WebServer
    ) -> None:
        visitor.open(AT)
        assert "hcaptcha" not in visitor.text + visitor.page.headers["Content-Security-Policy"]
        visitor.fill(name="carol")

        assert 'data-sitekey="the-site"' in visitor.text
        assert "needs JavaScript" in visitor.text
        policy = visitor.page.headers["Content-Security-Policy"]
        assert "frame-src https://hcaptcha.com https://*.hcaptcha.com;" in policy
        assert visitor.page.headers["Cross-Origin-Embedder-Policy"] == "unsafe-none"

    def test_right_answer_makes_the_account(
        self, stage: Stage, at_the_rest: Visitor, judge: WebServer
    ) -> None:
        self.solve(at_the_rest, "right")

        assert signed_in(stage, at_the_rest) == ["carol.test"]
        assert b"remoteip=127.0.0.1" in judge.asked[0].body

    @pytest.mark.parametrize("answer", ["", "wrong"])
    def test_wrong_answer_makes_none(
        self, at_the_rest: Visitor, judge: WebServer, answer: str
    ) -> None:
        before = all_rows()
        self.solve(at_the_rest, answer)

        assert at_the_rest.page.status == 400
        assert "solve the puzzle" in at_the_rest.text
        assert all_rows() == before

    def test_nobody_gets_in_while_they_cannot_be_asked(
        self, at_the_rest: Visitor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("pds.network.hcaptcha.VERIFY_URL", "http://127.0.0.1:9/")
        before = all_rows()
        self.solve(at_the_rest, "right")

        assert at_the_rest.page.status == 503
        assert "Try again in a moment" in at_the_rest.text
        assert at_the_rest.typed("email") == REST["email"]
        assert all_rows() == before

    def test_what_is_wrong_with_the_rest_costs_no_puzzle(
        self, at_the_rest: Visitor, judge: WebServer
    ) -> None:
        self.solve(at_the_rest, "right", email="carol", password="")

        assert at_the_rest.page.status == 400
        assert judge.asked == []


class TestWithTwoDomains:
    @pytest.fixture
    def config(self, tmp_path: Path) -> Config:
        return make_config(tmp_path, service_handle_domains=".one.test,.two.test")

    def test_domain_is_chosen(self, visitor: Visitor) -> None:
        visitor.open(AT)
        assert visitor.typed("domain") == ".one.test"
        visitor.fill(name="carol", domain=".two.test")
        visitor.fill(**REST)

        assert accounts.find_by_handle("carol.two.test")


class TestWithLimits:
    @pytest.fixture
    def config(self, tmp_path: Path) -> Config:
        return make_config(tmp_path, rate_limits_enabled="true")

    def test_no_way_to_guess_a_members_password(self, stage: Stage, at_the_rest: Visitor) -> None:
        carol = make_account(stage.services, "carol")
        form = at_the_rest.form
        for _ in range(10):
            at_the_rest.send(form, email=carol.email, password="a guess, say")

        at_the_rest.send(form, email=carol.email, password=carol.password)
        assert at_the_rest.page.status == 400
        assert signed_in(stage, at_the_rest) == []

    def test_form_spends_what_the_method_does(self, stage: Stage, at_the_rest: Visitor) -> None:
        for _ in range(100):
            assert at_the_rest.fill(email="carol", password="").status == 400
        body = {"handle": "dave.test", "email": "dave@example.com", "password": "p"}

        assert at_the_rest.fill(**REST).status == 429
        assert stage.post("com.atproto.server.createAccount", body).status == 429
        assert rows("SELECT id FROM account") == []
