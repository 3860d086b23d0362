"""What may change between the page and the answer, and what two do at the same time."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from pds.services.browsers import Browser
from pds.services.devices import UNKNOWN_DEVICE
from pds.services.oauth.answers import Answer
from pds.services.oauth.authorization import Authorization
from pds.services.oauth.opened import AnsweredRequestError, EndedRequestError, Opened
from pds.services.oauth.refresh_tokens import hash_of
from pds.storage import oauth_clients, oauth_requests
from pds.storage.database import execute, rows, transaction
from tests.authorizing import CONFIDENTIAL, PUBLIC, Asking
from tests.factories import Person, StillClock, race, take_down

if TYPE_CHECKING:
    from pds.services import Services


@pytest.fixture
def authorization(services: Services) -> Authorization:
    return services.oauth.authorization


@pytest.fixture
def browser(services: Services, alice: Person) -> Browser:
    """Where alice is signed in."""
    stranger = services.browsers.recognise(None, None, UNKNOWN_DEVICE)
    return services.browsers.sign_in(stranger, alice.row.id, remember=True)


@pytest.fixture
def opened(authorization: Authorization, asking: Asking, browser: Browser) -> Opened:
    return authorization.open(browser, CONFIDENTIAL.id, asking.push())


def agree(authorization: Authorization, browser: Browser, opened: Opened) -> Answer:
    return authorization.agree(browser, opened, opened.choices[0])


def test_code_is_what_the_database_has_the_hash_of(
    authorization: Authorization, browser: Browser, opened: Opened, alice: Person
) -> None:
    answer = agree(authorization, browser, opened)

    code = answer.fields["code"]
    assert re.fullmatch(r"cod-[0-9a-f]{64}", code)
    row = oauth_requests.take_by_code(hash_of(code))
    assert row is not None
    assert (row.account_id, row.granted_scope) == (alice.row.id, "atproto account:email")
    assert row.browser_hash == browser.id


def _deactivate(services: Services, alice: Person) -> None:
    services.accounts.deactivate(alice.did)


def _take_down(services: Services, alice: Person) -> None:
    take_down(alice)


def _sign_out(services: Services, alice: Person) -> None:
    services.browsers.end_all(alice.row.id)


def _delete(services: Services, alice: Person) -> None:
    with transaction():
        execute("DELETE FROM account WHERE id = ?", (alice.row.id,))


@pytest.mark.parametrize("happens", [_deactivate, _take_down, _sign_out, _delete])
def test_account_that_cannot_agree_any_more_does_not(
    services: Services,
    browser: Browser,
    opened: Opened,
    alice: Person,
    happens: Callable[[Services, Person], None],
) -> None:
    happens(services, alice)

    with pytest.raises(EndedRequestError) as failure:
        agree(services.oauth.authorization, browser, opened)

    assert failure.value.answer.fields["error"] == "access_denied"
    assert rows("SELECT * FROM oauth_request") == []
    assert rows("SELECT * FROM oauth_client_approval") == []


def test_request_that_lapsed_meanwhile_is_not_answered(
    authorization: Authorization, browser: Browser, opened: Opened, clock: StillClock
) -> None:
    clock.advance(300)

    with pytest.raises(EndedRequestError):
        agree(authorization, browser, opened)


def test_known_app_does_not_wait_for_authors_of_sets(
    authorization: Authorization,
    asking: Asking,
    browser: Browser,
    opened: Opened,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    agree(authorization, browser, opened)
    monkeypatch.setattr(Authorization, "cards", None)
    again = authorization.open(browser, CONFIDENTIAL.id, asking.push())

    assert "code" in agree(authorization, browser, again).fields


def test_agreement_taken_back_meanwhile_does_not_count(
    authorization: Authorization, asking: Asking, browser: Browser, opened: Opened, alice: Person
) -> None:
    agree(authorization, browser, opened)
    again = authorization.open(browser, CONFIDENTIAL.id, asking.push())
    assert again.choices[0].is_ready
    with transaction():
        oauth_clients.forget(alice.row.id, CONFIDENTIAL.id)

    with pytest.raises(EndedRequestError):
        agree(authorization, browser, again)


@pytest.mark.parametrize(
    "case",
    [
        ("", "account:email repo:a.b.c", ["email"], "atproto repo:a.b.c"),
        ("account:email", "repo:a.b.c", [], "account:email atproto repo:a.b.c"),
        ("account:email", "account:email", ["email"], "atproto"),
        ("repo:*", "repo:a.b.c", ["records"], "atproto"),
        (
            "repo:* blob:*/*",
            "repo:a.b.c blob:image/*",
            ["records"],
            "atproto blob:*/* blob:image/*",
        ),
        ("identity:*", "repo:a.b.c", ["records"], "atproto identity:*"),
    ],
)
def test_what_was_refused_is_agreed_to_no_more(
    authorization: Authorization,
    asking: Asking,
    browser: Browser,
    alice: Person,
    case: tuple[str, str, list[str], str],
) -> None:
    before, asked, refused, after = case
    if before:
        with transaction():
            oauth_clients.save(alice.row.id, CONFIDENTIAL.id, f"atproto {before}", 0)
    opened = authorization.open(browser, CONFIDENTIAL.id, asking.push(scope=f"atproto {asked}"))

    authorization.agree(browser, opened, opened.choices[0], without=refused)

    assert oauth_clients.find(alice.row.id, CONFIDENTIAL.id) == after


def test_comparing_has_a_limit(
    authorization: Authorization, asking: Asking, browser: Browser, alice: Person
) -> None:
    many = " ".join(f"repo:net.example.a{number}" for number in range(101))
    with transaction():
        oauth_clients.save(alice.row.id, CONFIDENTIAL.id, f"atproto identity:* {many}", 0)
    opened = authorization.open(browser, CONFIDENTIAL.id, asking.push(scope=f"atproto {many}"))

    authorization.agree(browser, opened, opened.choices[0], without=["records"])

    assert oauth_clients.find(alice.row.id, CONFIDENTIAL.id) == "atproto"


def test_two_who_agree_at_the_same_time(
    services: Services, asking: Asking, browser: Browser, alice: Person
) -> None:
    """One of them has effect, and all get its code."""
    authorization = services.oauth.authorization
    request_uri = asking.push()

    def attempt() -> Answer | None:
        try:
            opened = authorization.open(browser, CONFIDENTIAL.id, request_uri)
            return agree(authorization, browser, opened)
        except AnsweredRequestError as error:
            return error.again

    outcomes = race([attempt] * 6)

    [url] = {one.url if isinstance(one, Answer) else repr(one) for one in outcomes}
    assert "&code=cod-" in url
    assert rows("SELECT count(*) FROM oauth_request WHERE code_hash IS NOT NULL") == [(1,)]
    assert rows("SELECT count(*) FROM outgoing_mail WHERE topic = 'app_allowed'") == [(1,)]


def test_unknown_scopes_are_not_granted(
    authorization: Authorization, asking: Asking, browser: Browser
) -> None:
    opened = authorization.open(
        browser, CONFIDENTIAL.id, asking.push(scope="atproto repo:*?action=frob  x:y account:email")
    )
    agree(authorization, browser, opened)

    assert rows("SELECT granted_scope FROM oauth_request") == [("atproto account:email",)]


def test_scopes_stay_as_the_app_wrote_them(
    authorization: Authorization, asking: Asking, browser: Browser
) -> None:
    scope = "repo?collection=com.example.note atproto account:email?action=read"
    agree(
        authorization, browser, authorization.open(browser, PUBLIC.id, asking.push(PUBLIC, scope))
    )

    assert rows("SELECT granted_scope FROM oauth_request") == [(scope,)]


def test_nothing_is_granted_without_the_first_scope(
    authorization: Authorization, asking: Asking, browser: Browser
) -> None:
    opened = authorization.open(browser, PUBLIC.id, asking.push(PUBLIC, "account:email"))

    with pytest.raises(EndedRequestError):
        agree(authorization, browser, opened)


def test_card_that_is_not_optional_cannot_be_refused(
    authorization: Authorization, asking: Asking, browser: Browser
) -> None:
    scope = "atproto transition:generic"
    opened = authorization.open(browser, PUBLIC.id, asking.push(PUBLIC, scope))

    authorization.agree(browser, opened, opened.choices[0], without=["bluesky", "records", "?"])

    assert rows("SELECT granted_scope FROM oauth_request") == [(scope,)]
