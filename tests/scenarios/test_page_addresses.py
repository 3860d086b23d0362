"""Attacks on pages by their address, the host that is asked for, and the shape of forms."""

from __future__ import annotations

import time
from urllib.parse import quote

import pytest

from tests.authorizing import CONFIDENTIAL, Asking, address
from tests.browser_tools import TestBrowser
from tests.factories import Person
from tests.member_tools import Member, everything
from tests.scenarios.every_page import assert_page_is_locked
from tests.stage import Stage

EVIL = "evil.example"
FORM = "application/x-www-form-urlencoded"
PATHS = (
    "/Account/",
    "/ACCOUNT/Sign-In/",
    "//account",
    "///account/sign-in",
    "/account//sign-in",
    "/account%2fsign-in",
    "/account/%2e%2e/account",
    "/account/u/..%2f..%2fetc",
    "/account/u//",
    "/account/u/{did}/",
    "/account/u/{did}%00",
    "/account/u/{did}/%2e%2e/email",
    "/account/u/{did};x=y/email",
    f"//{EVIL}",
    f"//{EVIL}/account",
    f"/\\{EVIL}",
    f"/%5c{EVIL}/account",
    f"/account/u//{EVIL}",
    f"/account/u/%2f%2f{EVIL}/email",
    f"/account/u/https:%2f%2f{EVIL}/confirm?next=//{EVIL}",
    f"/account/u/{{did}}/confirm?next=https://{EVIL}/",
    f"/account/sign-in?next=//{EVIL}&return_to=//{EVIL}",
    f"/account/sign-up?client_id=https://{EVIL}&request_uri=//{EVIL}&name=carol",
    f"/account/reset-password?done=//{EVIL}",
    "/account/%0d%0aSet-Cookie:%20dev-id=x",
    "/account/sign-in%0d%0aLocation:%20//evil.example",
    "/account/u/%ff%fe/email",
)


@pytest.fixture
def member(stage: Stage, alice: Person) -> Member:
    found = Member(stage, alice)
    found.sign_in()
    return found


@pytest.fixture(params=["stranger", "member"])
def browser(request: pytest.FixtureRequest, stage: Stage, member: Member) -> TestBrowser:
    return TestBrowser(stage.web) if request.param == "stranger" else member.browser


def ask(browser: TestBrowser, path: str, **headers: str) -> tuple[int, str | None, str]:
    """The answer itself, without following it: status, where it leads, its text."""
    answer = browser._web.request(
        "GET", path, None, {**browser._headers("GET", "none", {}), **headers}
    )
    browser._take_cookies(answer)
    location = answer.headers["Location"]
    if location is None and answer.status != 400:
        assert_page_is_locked(answer, is_http=True, leads_out=True)
    assert answer.headers.get_all("Set-Cookie") in (None, []) or all(
        line.startswith(("dev-id=dev-", "ses-id=ses-"))
        for line in answer.headers.get_all("Set-Cookie") or []
    )
    return answer.status, location, answer.body.decode()


@pytest.mark.parametrize("path", PATHS)
def test_odd_address_leads_nowhere_else(browser: TestBrowser, alice: Person, path: str) -> None:
    before = everything()

    status, location, _ = ask(browser, path.replace("{did}", alice.did))

    assert status in (200, 303, 400, 404)
    assert location is None or (location.startswith("/account") and EVIL not in location)
    assert everything() == before


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": EVIL},
        {"Host": f"{EVIL}:80"},
        {"Host": "alice.test"},
        {"X-Forwarded-Host": EVIL},
        {"Forwarded": f"host={EVIL};proto=https"},
        {"X-Original-URL": "/account/deleted", "X-Rewrite-URL": "/account/deleted"},
        {"X-Forwarded-Proto": "https", "X-Forwarded-Prefix": f"//{EVIL}"},
    ],
    ids=str,
)
def test_host_that_is_asked_for_is_believed_nowhere(
    member: Member, headers: dict[str, str]
) -> None:
    for path in ("/", "/account", "/account/sign-in", "/account/reset-password", member.root):
        status, location, text = ask(member.browser, path, **headers)

        assert status in (200, 303), path
        assert EVIL not in f"{location}{text}"
        assert location is None or location.startswith("/account")
    mine = member.open().form("/account/sign-out")
    member.browser.submit(mine, headers={**headers})  # a header says nothing of where it is from
    assert member.open().address == "/account/sign-in"


def test_way_back_to_an_app_is_an_address_of_this_server(stage: Stage) -> None:
    """Whatever is handed over with the sign-up page, it stays a query of ours."""
    odd = f"javascript:alert(1)//{EVIL}&x=\"'><b>"
    browser = TestBrowser(stage.web)
    page = browser.open(
        f"/account/sign-up?name=carol&client_id={quote(odd)}&request_uri={quote(odd)}"
    )

    assert page.links["Sign in"].startswith("/oauth/authorize?client_id=javascript%3Aalert")
    assert all(link.startswith(("/", "#main")) for link in page.links.values())
    assert "<b>" not in page.html


# --- forms ---------------------------------------------------------------------------------------


def bodies(csrf: str) -> dict[str, tuple[str, str]]:
    part = 'Content-Disposition: form-data; name="{}"{}\r\n\r\n{}\r\n'
    csrf_part = "--x\r\n" + part.format("csrf", "", csrf)
    picture = part.format("identifier", '; filename="a.png"', "P" * 1_000_000)
    return {
        "many fields": (FORM, f"csrf={csrf}&" + "a=1&" * 100_000),
        "one field again and again": (FORM, f"csrf={csrf}&" + "identifier=alice.test&" * 20_000),
        "long name": (FORM, f"csrf={csrf}&{'n' * 300_000}=1"),
        "long value": (FORM, f"csrf={csrf}&identifier={'v' * 300_000}&password={'v' * 100_000}"),
        "nothing but separators": (FORM, "&" * 400_000),
        "escapes": (FORM, f"csrf={csrf}&identifier=" + "%ed%a0%80%00%ff" * 1_000),
        "file": ("multipart/form-data; boundary=x", f"{csrf_part}--x\r\n{picture}--x--\r\n"),
        "parts": (
            "multipart/form-data; boundary=x",
            csrf_part + ("--x\r\n" + part.format("a", "", "1")) * 5_000 + "--x--\r\n",
        ),
        "part without end": (
            "multipart/form-data; boundary=x",
            csrf_part + "--x\r\n" + "h" * 300_000,
        ),
        "no boundary": ("multipart/form-data", csrf_part),
        "charset": (f"{FORM}; charset=utf-7", f"csrf={csrf}&identifier=+ADw-script+AD4-"),
    }


@pytest.mark.parametrize("shape", bodies(""))
def test_form_of_any_size_and_shape_is_answered_in_time(
    member: Member, asking: Asking, shape: str
) -> None:
    browser = member.browser
    flow = address(CONFIDENTIAL, asking.push(), "/sign-in")
    browser.open(flow)
    csrf = browser.open("/account/sign-in").form("/account/sign-in")["csrf"].value
    kind, body = bodies(csrf)[shape]
    before = everything()
    for path in (
        "/account/sign-in",
        "/account/sign-up",
        "/account/reset-password",
        f"{member.root}/app-passwords/make",
        f"{member.root}/confirm",
        flow,
    ):
        began = time.monotonic()
        answer = browser.send(path, body, headers={"Content-Type": kind})

        assert 200 <= answer.status < 500, path
        assert time.monotonic() - began < 3, path
        assert "<script>" not in answer.html
    assert everything() == before


def test_first_of_two_fields_of_one_name_counts(member: Member) -> None:
    """The token of one and the rest of another cannot be told apart by who reads them."""
    csrf = member.open().form("/account/sign-out")["csrf"].value
    before = everything()

    answer = member.browser.send(
        "/account/sign-out", f"csrf=wrong&csrf={csrf}&did={member.person.did}"
    )

    assert answer.status == 403
    assert everything() == before
