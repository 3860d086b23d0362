"""Attacks on every form there is, found by the routes: from other sites, browsers and times."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

import pytest

from tests.authorizing import CONFIDENTIAL, Asking, address
from tests.browser_tools import ORIGIN, Page, TestBrowser
from tests.factories import Person
from tests.member_tools import Member, everything
from tests.scenarios.every_page import PAGES
from tests.stage import Stage

# Who comes for them may have lost every cookie; without a code from the mail they change nothing.
WITHOUT_TOKEN = {"/account/reset-password", "/account/confirm-email"}
FOR_PROGRAMS = {
    "/xrpc/<rest:name>",
    "/oauth/par",
    "/oauth/token",
    "/oauth/revoke",
    "/did:plc:<name>",  # the directory of a server for trying things out
}
FIELDS = {
    "name": "mallory",
    "domain": ".test",
    "identifier": "alice.test",
    "email": "mallory@example.com",
    "handle": "alice.example.com",
    "code": "ABCDE-FGHIJ",
    "old": "password of alice",
    "password": "password of alice",
    "new": "password of mallory",
    "again": "password of mallory",
    "kind": "browser",
    "allow": "email",
}
FOREIGN: tuple[dict[str, str | None], ...] = (
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": ORIGIN.replace("http:", "https:")},
    {"Origin": ORIGIN + ".evil.example"},
    {"Origin": ORIGIN.rpartition(":")[0]},
    {"Origin": None, "Sec-Fetch-Site": "cross-site"},
    {"Origin": None, "Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site"},
)


def form_routes(stage: Stage) -> tuple[set[str], set[str]]:
    """The paths that take POST: of pages, and of all else."""
    app = stage.web.app
    pages: set[str] = set()
    others: set[str] = set()
    for rule in app.url_map.iter_rules():
        if "POST" in (rule.methods or ()):
            is_page = app.view_functions[rule.endpoint].__module__.startswith(PAGES)
            (pages if is_page else others).add(rule.rule)
    return pages, others


@pytest.fixture
def member(stage: Stage, alice: Person) -> Member:
    found = Member(stage, alice)
    found.sign_in()
    return found


@pytest.fixture
def forms(stage: Stage, asking: Asking, member: Member) -> list[str]:
    """Where every form is sent; those of an authorization with one that she has open."""
    open_at = address(CONFIDENTIAL, asking.push())
    assert member.browser.open(open_at, site="cross-site").status == 200
    query = open_at.partition("?")[2] + "&" + urlencode({"did": member.person.did})
    pages, _ = form_routes(stage)
    return [
        rule.replace("<did>", member.person.did)
        + (f"?{query}" if rule.startswith("/oauth/") else "")
        for rule in sorted(pages)
    ]


def token_of(browser: TestBrowser) -> str:
    return browser.open("/account/sign-in").form("/account/sign-in")["csrf"].value


def post(
    browser: TestBrowser, path: str, token: str | None, headers: dict[str, str | None] | None = None
) -> Page:
    fields = {**FIELDS, **({} if token is None else {"csrf": token})}
    return browser.send(path, urlencode(fields), headers=headers)


def path_of(form: str) -> str:
    return form.partition("?")[0]


def test_what_takes_a_post_is_a_page_or_for_programs(stage: Stage) -> None:
    pages, others = form_routes(stage)

    assert others == FOR_PROGRAMS
    assert pages >= WITHOUT_TOKEN
    assert len(pages) > 25


def test_form_is_taken_from_nowhere_else(member: Member, forms: list[str]) -> None:
    token = token_of(member.browser)
    before = everything()
    for form in forms:
        for headers in FOREIGN:
            answer = post(member.browser, form, token, headers)

            assert answer.status == 403, (form, headers)
            assert everything() == before, (form, headers)


def test_form_needs_the_token_of_this_browser_and_time(
    stage: Stage, member: Member, forms: list[str]
) -> None:
    stranger = TestBrowser(stage.web)
    theirs = token_of(stranger)
    newcomer = Member(stage, member.person)
    stale = token_of(newcomer.browser)
    newcomer.sign_in()
    mine = token_of(member.browser)
    others = (None, "", "0" * 64, theirs, stale, mine[:-1], mine + "0", mine.upper(), f" {mine}")
    before = everything()
    for form in forms:
        if path_of(form) in WITHOUT_TOKEN:
            continue
        for token in others:
            for browser in (member.browser, newcomer.browser):
                answer = post(browser, form, token)

                assert answer.status == 403, (form, token)
        assert everything() == before, form


def as_json(token: str) -> tuple[str, str]:
    return "application/json", f'{{"csrf": "{token}"}}'


def as_plain_text(token: str) -> tuple[str, str]:
    return "text/plain", f"csrf={token}"


def as_file(token: str) -> tuple[str, str]:
    part = 'Content-Disposition: form-data; name="csrf"; filename="csrf"'
    return "multipart/form-data; boundary=x", f"--x\r\n{part}\r\n\r\n{token}\r\n--x--\r\n"


def in_utf_16(token: str) -> tuple[str, str]:
    kind = "application/x-www-form-urlencoded; charset=utf-16"
    return kind, "\0".join(f"csrf={token}")


@pytest.mark.parametrize("disguise", [as_json, as_plain_text, as_file, in_utf_16])
def test_token_counts_as_a_field_of_a_form_alone(
    member: Member, forms: list[str], disguise: Callable[[str], tuple[str, str]]
) -> None:
    token = token_of(member.browser)
    kind, body = disguise(token)
    before = everything()
    for form in forms:
        if path_of(form) not in WITHOUT_TOKEN:
            named = f"{form}{'&' if '?' in form else '?'}csrf={token}"
            answer = member.browser.send(named, body, headers={"Content-Type": kind})

            assert answer.status == 403, form
    assert everything() == before


def test_looking_is_all_that_other_verbs_do(member: Member, forms: list[str]) -> None:
    token = token_of(member.browser)
    before = everything()
    for form in forms:
        for verb in ("PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"):
            body = None if verb == "HEAD" else urlencode({**FIELDS, "csrf": token})
            answer = member.browser.send(form, body, verb)

            assert answer.status < 500, (verb, form)
            assert answer.headers["Access-Control-Allow-Origin"] is None, (verb, form)
            if verb in ("PUT", "PATCH", "DELETE"):
                assert answer.status == 405, (verb, form)
            assert everything() == before, (verb, form)


def test_verb_in_a_header_or_a_field_is_not_believed(member: Member, forms: list[str]) -> None:
    token = token_of(member.browser)
    before = everything()
    for form in forms:
        for headers in ({"X-HTTP-Method-Override": "POST"}, {"X-Method-Override": "POST"}):
            query = f"{'&' if '?' in form else '?'}_method=POST&{urlencode({'csrf': token})}"
            answer = member.browser.open(form + query, headers=headers)

            assert answer.status < 500
            assert everything() == before, form
